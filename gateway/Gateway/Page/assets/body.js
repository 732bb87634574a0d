import { bytes, el, many } from './app.js';

// Bytes of callers and functions, shown as text, as JSON or as hex: always as text nodes, and only so much at once as a page can bear.
const maxShown = 64 * 1024;

export function body(data, name, signal) {
  const octets = new Uint8Array(data);
  const { text, encoding } = decode(octets);
  const pretty = text === null ? null : prettyJson(text);
  const ways = [['Text', text === null ? null : text], ['JSON', pretty], ['Hex', hex(octets.subarray(0, maxShown / 4))]].filter(([, shown]) => shown !== null);
  const pre = el('pre', { tabindex: 0, 'aria-label': 'Body', id: 'body-text', role: 'tabpanel' });
  const note = el('p', { class: 'soft' });
  const buttons = ways.map(([way, shown]) => el('button', {
    type: 'button', role: 'tab', 'aria-selected': 'false', 'aria-controls': 'body-text', onclick: () => choose(way, shown),
  }, way));
  function choose(way, shown) {
    for (const button of buttons) button.setAttribute('aria-selected', String(button.textContent === way));
    pre.className = way === 'Hex' ? 'hex' : '';
    pre.textContent = shown.slice(0, way === 'Hex' ? undefined : maxShown);
    const part = way === 'Hex' ? octets.length > maxShown / 4 : shown.length > maxShown;
    note.textContent = `${many(octets.length, 'byte')}${way !== 'Hex' ? `, ${encoding}` : ''}${part ? ', only the beginning is shown' : ''}`;
  }
  if (!octets.length) return el('p', { class: 'soft' }, 'No body.');
  const first = ways.find(([way]) => way === 'JSON') ?? ways[0];
  choose(...first);
  const file = URL.createObjectURL(new Blob([octets], { type: 'application/octet-stream' }));
  signal.addEventListener('abort', () => URL.revokeObjectURL(file));
  return el('div', { class: 'body' },
    el('div', { class: 'row mid' }, el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Show the body as' }, buttons), el('a', { class: 'push', href: file, download: name }, `Download (${bytes(octets.length)})`)),
    pre, note);
}

// What says of itself that it is UTF-16, or looks like it, else UTF-8; null for what is no text.
function decode(octets) {
  const [a, b] = octets;
  const sample = octets.subarray(0, 4096);
  const zeros = parity => sample.filter((octet, i) => i % 2 === parity && octet === 0).length;
  const encoding = a === 0xff && b === 0xfe ? 'UTF-16LE' : a === 0xfe && b === 0xff ? 'UTF-16BE'
    : octets.length % 2 === 0 && zeros(1) > sample.length / 3 && !zeros(0) ? 'UTF-16LE'
    : octets.length % 2 === 0 && zeros(0) > sample.length / 3 && !zeros(1) ? 'UTF-16BE' : 'UTF-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(octets);
    return /[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? { text: null, encoding } : { text, encoding };
  } catch {
    return { text: null, encoding };
  }
}

// A string, an empty array or object, a number or word, or one character.
const jsonTokens = /"(?:[^"\\]+|\\.)*"|[[{]\s*[\]}]|[^\s"[\]{},:]+|[[\]{},:]/g;

// The text itself, indented: parsed and written again, a long number were another one, and of a key that is there twice the first were gone. No further than is
// shown: what is nested deeply has ever longer lines.
function prettyJson(text) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    JSON.parse(text);
    let pretty = '', depth = 0;
    const line = () => '\n' + '  '.repeat(depth);
    for (const [token] of text.matchAll(jsonTokens)) {
      if (pretty.length > maxShown) break;
      if (token === '[' || token === '{') { depth++; pretty += token + line(); }
      else if (token === ']' || token === '}') { depth--; pretty += line() + token; }
      else if (token === ',') pretty += token + line();
      else if (token === ':') pretty += ': ';
      else pretty += /^[[{]/.test(token) ? token[0] + token.at(-1) : token;
    }
    return pretty;
  } catch { return null; }
}

function hex(octets) {
  const lines = [];
  for (let at = 0; at < octets.length; at += 16) {
    const row = [...octets.subarray(at, at + 16)];
    lines.push(`${at.toString(16).padStart(6, '0')}  ${row.map(o => o.toString(16).padStart(2, '0')).join(' ').padEnd(47)}  ${row.map(o => o > 31 && o < 127 ? String.fromCharCode(o) : '·').join('')}`);
  }
  return lines.join('\n');
}

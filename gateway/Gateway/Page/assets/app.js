// The frame of the page: who is there, which view, what is asked of the gateway. Text of callers and functions only ever becomes text nodes.
export const main = document.getElementById('main');

const views = [
  { path: 'overview', title: 'Overview', key: 'o' },
  { path: 'functions', title: 'Functions', key: 'f' },
  { path: 'calls', title: 'Calls', key: 'c' },
  { path: 'dead', title: 'Dead letters', key: 'd' },
  { path: 'connectors', title: 'Connectors', key: 'k' },
];

export const state = { session: null, live: true, overview: null };

// --- Elements ---

// el('td', { class: 'n', onclick }, 'text', child, …): attributes, properties that begin with "on", children; null ones are left out.
export function el(name, props = {}, ...children) {
  return fill(document.createElement(name), props, children);
}
export function svg(name, props = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), props, children);
}
function fill(node, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key === 'value' || key === 'checked' || key === 'disabled' || key === 'indeterminate') node[key] = value;
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return node;
}

// Makes what is in a node equal to what is given, changing only what differs: focus, selection and scrolling stay where they are. Listeners of what stays are
// those of the first time, so whatever is put again and again has links and data attributes in place of listeners.
export function put(node, ...children) {
  const next = document.createDocumentFragment();
  next.append(...children.flat(Infinity).filter(Boolean));
  align(node, next);
}
function align(node, next) {
  const wanted = [...next.childNodes];
  wanted.forEach((child, i) => {
    const present = node.childNodes[i];
    if (!present) node.append(child);
    else if (present.nodeName !== child.nodeName) present.replaceWith(child);
    else if (child.nodeType === Node.TEXT_NODE) { if (present.data !== child.data) present.data = child.data; }
    else if (!present.isEqualNode(child)) {
      for (const { name } of [...present.attributes]) if (!child.hasAttribute(name)) present.removeAttribute(name);
      for (const { name, value } of child.attributes) if (present.getAttribute(name) !== value) present.setAttribute(name, value);
      align(present, child);
    }
  });
  while (node.childNodes.length > wanted.length) node.lastChild.remove();
}

export function say(text) {
  const line = el('div', {}, text);
  document.getElementById('say').replaceChildren(line);
  setTimeout(() => line.remove(), Math.max(5000, 80 * text.length));
}

// --- Words and numbers ---

const number = new Intl.NumberFormat('en');
export const count = value => value === null ? '–' : number.format(value);
export const rate = value => value === null ? '–' : value >= 100 ? number.format(Math.round(value)) : value.toFixed(value >= 10 || value === 0 ? 1 : 2);
export const seconds = value => value === null || value === undefined ? '–' : value < 1 ? `${Math.round(value * 1000)} ms` : `${value < 10 ? value.toFixed(2) : value.toFixed(1)} s`;
export const bytes = value => value < 1000 ? `${value} B` : value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
export const time = iso => iso ? `${iso.slice(0, 10)} ${iso.slice(11, 19)}` : '–';
// On a phone its date and its time are two lines, neither of which breaks.
export const timeCell = iso => el('td', { class: 'when' }, iso ? [el('span', {}, iso.slice(0, 10)), ' ', el('span', {}, iso.slice(11, 19))] : '–');
export const many = (n, one, more = one + 's') => `${count(n)} ${n === 1 ? one : more}`;
// How long ago that was by the gateway's clock: the one here may be set to another time.
export function age(iso, now = gatewayTime()) {
  if (!iso) return '–';
  const s = Math.max(0, (now - Date.parse(iso)) / 1000);
  return s < 60 ? `${Math.floor(s)} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min` : `${Math.floor(s / 86400)} d`;
}
export const isOperator = () => state.session?.role === 'operator';
export const numberCell = (value, text = count(value), bad = false) => el('td', { class: `n${value ? bad ? ' bad' : '' : ' zero'}` }, text);

// --- The gateway ---

export class Refused extends Error {
  constructor(status, text) { super(text || `The gateway answered ${status}.`); this.status = status; }
}

// The answer if it says yes. 401 leads to the login, and the view comes back after it.
export async function ask(path, options = {}) {
  const answer = await fetch(path, {
    ...options,
    cache: 'no-store',
    headers: { 'X-Connectors-Page': '1', ...(options.json !== undefined ? { 'Content-Type': 'application/json' } : {}), ...options.headers },
    body: options.json !== undefined ? JSON.stringify(options.json) : options.body,
  });
  if (answer.ok) return answer;
  const text = await answer.text();
  if (answer.status === 401 && path.startsWith('/system')) { logIn(); throw new Refused(401, 'Your session has ended.'); }
  throw new Refused(answer.status, text);
}
export const json = async (path, options) => (await ask(path, options)).json();
export const queuePath = (queue, rest = '') => `/system/queues/${encodeURIComponent(queue)}${rest}`;

export function show(problem) {
  if (isNoNews(problem)) return;
  say(problem?.message ?? String(problem));
}
// The same in the place of what did not come.
export function showIn(place, problem, ...more) {
  if (isNoNews(problem)) return;
  place.replaceChildren(el('p', { class: 'note', role: 'alert' }, problem?.message ?? String(problem)), ...more);
}
// The login tells of a session's end by itself, and of a view that was left nobody wants to know.
const isNoNews = problem => (problem instanceof Refused && problem.status === 401) || problem?.name === 'AbortError';
// Whether a request got no answer of a gateway: one that restarts is back soon.
export const isAway = problem => problem instanceof TypeError || (problem instanceof Refused && [502, 503, 504].includes(problem.status));

// --- Addresses: the view is the path, its filters are the query ---

export const query = () => new URLSearchParams(location.search);
export function href(view, params = {}) {
  const filled = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return `/ui/${view}${filled.length ? '?' + new URLSearchParams(filled) : ''}`;
}
export function go(address, { replace = false } = {}) {
  if (address !== location.pathname + location.search) history[replace ? 'replaceState' : 'pushState'](null, '', address);
  return render();
}

let leave = null;   // ends what the present view began
let turn = 0;
export async function render() {
  if (!state.session) return;
  const mine = ++turn;
  const name = location.pathname.split('/')[2] || 'overview';
  const view = views.find(v => v.path === name) ?? views[0];
  for (const link of document.querySelectorAll('nav a')) link.toggleAttribute('aria-current', link.dataset.path === view.path);
  const current = document.querySelector('nav [aria-current]');
  current?.setAttribute('aria-current', 'page');
  current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  document.title = `${view.title} · Connectors`;
  const before = main.firstChild;
  try {
    const module = await import(`./${view.path}.js`);
    if (mine !== turn) return;
    leave?.abort();
    leave = new AbortController();
    await module.show(main, leave.signal);
  } catch (problem) {
    if (mine !== turn) return;
    // What still stands there is another address's view, whose buttons mean nothing here.
    if (main.firstChild !== before) { show(problem); return; }
    leave?.abort();
    showIn(main, problem, el('p', {}, el('button', { type: 'button', onclick: () => location.reload() }, 'Try again')));
    if (main.firstChild !== before) main.prepend(el('h1', {}, view.title));
  }
}

// --- Live figures: server-sent events, read with fetch so that the page's header goes along; asked for one by one where those do not come ---

export const live = new EventTarget();
const silence = 10000;
let stream = null;
let heard = 0;         // when an event came last, or was first waited for
let clock = null;      // the time of the last figures at the gateway, and when they came here: what stays while nobody tells anew grows older all the same
let isStale = false;   // neither way leads to figures
const gatewayTime = () => clock ? clock.at + performance.now() - clock.came : Date.now();
const isFollowed = () => state.live && state.session && !document.hidden;
export function follow() {
  heard = Date.now();
  isStale = false;
  drawLive();
  listen();
}
function listen() {
  stream?.abort();
  stream = null;
  if (!isFollowed()) return;
  const mine = stream = new AbortController();
  read(mine.signal).catch(() => {}).finally(() => setTimeout(() => { if (stream === mine && !mine.signal.aborted) listen(); }, 2000));
}
async function read(signal) {
  const answer = await ask('/system/overview/events', { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split('\n\n');
    rest = events.pop();
    const last = events.pop();
    if (!last) continue;
    heard = Date.now();
    take(JSON.parse(last.slice('data: '.length)));
  }
}
// A proxy may keep events back, a gateway may have listeners enough, and a connection may be dead without a word.
setInterval(async () => {
  if (!isFollowed() || Date.now() - heard < silence) return;
  try {
    await refresh(AbortSignal.timeout(4000));
  } catch {
    if (!isFollowed() || isStale) return;
    isStale = true;
    drawLive();
    say('The gateway does not answer: these figures are old.');
  }
}, 5000);
function take(overview) {
  const at = Date.parse(overview.at ?? '');
  if (at && at !== clock?.at) clock = { at, came: performance.now() };
  state.overview = overview;
  isStale = false;
  drawLive();
  live.dispatchEvent(new Event('overview'));
}
export async function refresh(signal) { take(await json('/system/overview', { signal })); }
function drawLive() {
  const button = document.getElementById('pause');
  if (!button) return;
  const at = state.overview?.at;
  const text = !state.live ? 'Paused' : !isStale ? 'Live' : at ? `Not live since ${time(at).slice(11)}` : 'Not live';
  if (button.textContent !== text) button.textContent = text;
  button.toggleAttribute('data-stale', state.live && isStale);
  button.setAttribute('aria-pressed', String(!state.live));
}
document.addEventListener('visibilitychange', follow);

// --- Dialogs ---

// Resolves to what was written into its field, or to true without one, once it is confirmed; else to false. The button says what will happen, and to how many.
export function confirm(title, text, action, { danger = false, field = null } = {}) {
  return new Promise(resolve => {
    const input = field && el('input', { maxlength: 500, autocomplete: 'off' });
    const dialog = el('dialog', { 'aria-labelledby': 'dialog-title' },
      el('form', { method: 'dialog' },
        el('h2', { id: 'dialog-title' }, title),
        el('p', {}, text),
        field && el('label', {}, field, input),
        el('div', { class: 'row' },
          el('button', { class: `main push${danger ? ' danger' : ''}`, value: 'yes' }, action),
          el('button', { value: 'no', autofocus: danger }, 'Cancel'))));
    dialog.addEventListener('close', () => { resolve(dialog.returnValue === 'yes' && (!field || { text: input.value.trim() })); dialog.remove(); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// A dialog with a progress bar for something that goes on; work is given tell(done, of, words) and a signal of the dialog's end, whose reason is 'stop' if the
// button ended it: Escape closes it too, and means no more than that nobody wants to look on.
export async function progress(title, work) {
  const end = new AbortController();
  const words = el('p', { role: 'status' }, '');
  const bar = el('progress', { max: 1, value: 0, 'aria-label': title });
  const button = el('button', { class: 'push', type: 'button', onclick: () => dialog.open && (end.abort('stop'), dialog.close()) }, 'Stop');
  const dialog = el('dialog', { 'aria-labelledby': 'dialog-title' }, el('div', {}, el('h2', { id: 'dialog-title' }, title), bar, words, el('div', { class: 'row' }, button)));
  dialog.addEventListener('close', () => { end.abort('close'); dialog.remove(); });
  document.body.append(dialog);
  dialog.showModal();
  try {
    await work((done, of, text) => { bar.max = Math.max(1, of); bar.value = done; words.textContent = text; }, end.signal);
  } catch (problem) {
    words.textContent = problem.message;
    show(problem);
  }
  button.textContent = 'Close';
  button.focus();
}

function help() {
  const keys = [...views.map(v => [`g ${v.key}`, v.title]), ['/', 'The first filter'], ['p', 'Pause or go on'], ['?', 'This list']];
  const dialog = el('dialog', { 'aria-labelledby': 'dialog-title' }, el('form', { method: 'dialog' },
    el('h2', { id: 'dialog-title' }, 'Keys'),
    el('dl', {}, keys.map(([key, what]) => [el('dt', {}, key.split(' ').map(k => [el('kbd', {}, k), ' '])), el('dd', {}, what)])),
    el('div', { class: 'row' }, el('button', { class: 'push' }, 'Close'))));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// --- Frame ---

function frame() {
  document.getElementById('nav').replaceChildren(...views.map(v => el('a', { href: `/ui/${v.path}`, 'data-path': v.path }, v.title)));
  const dark = () => document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const themeButton = el('button', {
    class: 'plain', type: 'button', 'aria-label': 'Light or dark', title: 'Light or dark', onclick: () => {
      document.documentElement.dataset.theme = dark() ? 'light' : 'dark';
      localStorage.setItem('theme', document.documentElement.dataset.theme);
    },
  }, '◐');
  const pause = el('button', { class: 'plain', type: 'button', id: 'pause', onclick: () => setLive(!state.live) });
  const who = state.session.user
    ? [el('span', { class: 'who soft', title: state.session.role }, state.session.user, isOperator() ? '' : ' (viewer)'), el('button', { type: 'button', onclick: logOut }, 'Log out')]
    : [];
  document.getElementById('tools').replaceChildren(pause, themeButton, ...who);
}
function setLive(on) {
  state.live = on;
  follow();
}

function logIn() {
  state.session = null;
  leave?.abort();
  stream?.abort();
  for (const dialog of document.querySelectorAll('dialog')) dialog.remove();
  document.getElementById('nav').replaceChildren();
  document.getElementById('tools').replaceChildren();
  document.title = 'Log in · Connectors';
  const fault = el('p', { class: 'bad', role: 'alert' });
  main.replaceChildren(el('div', { class: 'card pad login' }, el('form', {
    onsubmit: async event => {
      event.preventDefault();
      const form = new FormData(event.target);
      fault.textContent = '';
      try {
        state.session = await json('/ui/session', { method: 'POST', json: { user: form.get('user'), password: form.get('password') } });
        begin();
      } catch (problem) {
        fault.textContent = problem.message;
      }
    },
  },
  el('h1', {}, 'Log in'),
  el('label', {}, 'Name', el('input', { name: 'user', autocomplete: 'username', required: true, autocapitalize: 'none' })),
  el('label', {}, 'Password', el('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true })),
  fault,
  el('button', { class: 'main' }, 'Log in'))));
  main.querySelector('input').focus();
}
async function logOut() {
  await ask('/ui/session', { method: 'DELETE' }).catch(show);
  logIn();
}

function begin() {
  frame();
  follow();
  render();
}

document.addEventListener('click', event => {
  const link = event.target.closest('a[href^="/ui/"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.getAttribute('href'));
});
addEventListener('popstate', () => render());

let prefix = false;
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || document.querySelector('dialog') || !state.session) return;
  if (prefix) {
    prefix = false;
    const view = views.find(v => v.key === event.key);
    if (view) { event.preventDefault(); go(`/ui/${view.path}`).then(() => main.focus()); }
  } else if (event.key === 'g') prefix = true;
  else if (event.key === 'p') setLive(!state.live);
  else if (event.key === '?') help();
  else if (event.key === '/') { event.preventDefault(); main.querySelector('input, select')?.focus(); }
});

try {
  state.session = await json('/ui/session');
  begin();
} catch {
  logIn();
}

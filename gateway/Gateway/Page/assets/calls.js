import { ask, confirm, count, el, go, href, isOperator, json, query, Refused, say, seconds, show as tell, time } from './app.js';
import { body } from './body.js';

// Ended calls by what is known of them, and one call's whole story: accepted, each send, its callback, its result.
const pageSize = 100;
const states = ['succeeded', 'dead', 'cancelled', 'expired'];
const keys = ['function', 'queue', 'state', 'since', 'until', 'tag'];

export async function show(main, signal) {
  const asked = query();
  const filter = Object.fromEntries(keys.map(key => [key, asked.get(key) ?? '']));
  const after = asked.get('after') ?? '', id = asked.get('id') ?? '';

  const field = (title, name, placeholder, size) => el('label', {}, title, el('input', { name, type: 'search', value: filter[name], placeholder, size, spellcheck: 'false' }));
  const form = el('form', { class: 'row', onsubmit: event => { event.preventDefault(); go(href('calls', Object.fromEntries([...new FormData(event.target)].map(([key, value]) => [key, value.trim()])))); } },
    el('label', {}, 'Call id', el('input', { name: 'id', type: 'search', value: id, size: 22, class: 'mono', spellcheck: 'false', placeholder: 'X-Call-Id' })),
    field('Function', 'function', 'name', 14),
    el('label', {}, 'State', el('select', { name: 'state', onchange: event => event.target.form.requestSubmit() }, el('option', { value: '' }, 'any'), states.map(state => el('option', { value: state, selected: state === filter.state }, state)))),
    field('Ended since', 'since', '1h, or a time', 12), field('Tag', 'tag', 'order:4711', 12),
    el('button', {}, 'Look up'));
  const place = el('div', { class: 'split' }, el('p', { class: 'soft' }, '…'));
  main.replaceChildren(el('div', { class: 'head' }, el('h1', {}, 'Calls')), form, place);
  try {
    if (id) await drawOne(); else await drawList();
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    place.replaceChildren(el('p', { class: 'note' }, problem.message));
  }

  async function drawList() {
    const given = Object.entries(filter).filter(([, value]) => value);
    const page = await json(`/system/calls?${new URLSearchParams([...given, ['limit', pageSize], ...(after ? [['after', after]] : [])])}`, { signal });
    place.replaceChildren(
      el('section', { class: 'card scroll', tabindex: 0, 'aria-label': 'Ended calls' }, el('table', {},
        el('thead', {}, el('tr', {}, ['Ended (UTC)', 'Function', 'State'].map(title => el('th', { scope: 'col' }, title)), ['Status', 'Attempts', 'Took'].map(title => el('th', { class: 'n', scope: 'col' }, title)), ['Tags', 'Call id'].map(title => el('th', { scope: 'col' }, title)))),
        el('tbody', {}, page.items.length ? page.items.map(row) : [el('tr', {}, el('td', { class: 'none', colspan: 8 }, given.length ? 'No ended call matches.' : 'No call has ended yet.'))]))),
      ...[(after || page.next) && el('div', { class: 'row mid' },
        after && el('a', { href: href('calls', filter) }, 'First page'), page.next && el('a', { class: 'push', href: href('calls', { ...filter, after: page.next }) }, 'Next page'))].filter(Boolean));
  }
  function row(call) {
    return el('tr', { 'data-call': call.callId },
      el('td', {}, time(call.endedAt)), el('td', { class: 'cut', title: call.function }, call.function), el('td', {}, state(call)),
      el('td', { class: 'n' }, call.status ?? '–'), el('td', { class: 'n' }, count(call.attempts ?? 0)), el('td', { class: 'n' }, seconds(call.seconds)),
      el('td', { class: 'cut' }, (call.tags ?? []).join(', ') || '–'), el('td', { class: 'cut mono' }, el('a', { href: href('calls', { id: call.callId }) }, call.callId)));
  }

  async function drawOne() {
    const path = `/async-function/${encodeURIComponent(id)}`;
    const [stories, answer] = await Promise.all([
      json(`/system/calls/${encodeURIComponent(id)}`, { signal }).catch(problem => { if (problem instanceof Refused && problem.status !== 401) return { calls: [] }; throw problem; }),
      fetch(path, { headers: { 'X-Connectors-Page': '1' }, redirect: 'manual', cache: 'no-store', signal }),
    ]);
    const data = await answer.arrayBuffer();
    const kept = answer.headers.get('x-call-state');
    const hasEnded = stories.calls.length ? stories.calls.every(call => call.endedAt) : kept !== null && answer.status !== 202;
    place.replaceChildren(
      ...stories.calls.map(story),
      el('section', { class: 'card pad', 'aria-label': 'Result' },
        el('div', { class: 'head' }, el('h2', {}, 'Result')),
        el('dl', {}, el('dt', {}, 'State'), el('dd', {}, kept ?? 'not kept'), ...(answer.headers.get('x-function-status') ? [el('dt', {}, 'Status'), el('dd', {}, answer.headers.get('x-function-status'))] : [])),
        kept === null ? el('p', {}, new TextDecoder().decode(data)) : answer.status === 202 ? el('p', {}, 'It has not ended yet.') : body(data, `call-${id}`, signal),
        isOperator() && !hasEnded ? el('div', { class: 'row' }, el('button', { type: 'button', class: 'danger', onclick: () => cancel(path) }, 'Cancel the call')) : ''));
  }

  function story(call) {
    const facts = [
      ['Queue', call.queue], ['Reason', call.reason], ['Accepted', call.submittedAt && `${time(call.submittedAt)} UTC`], ['Due', call.dueAt && `${time(call.dueAt)} UTC`], ['Ended', call.endedAt && `${time(call.endedAt)} UTC`],
      ['Callback', call.callback && `${call.callback.state}${call.callback.attempts ? `, ${count(call.callback.attempts)} sent` : ''}${call.callback.status ? `, status ${call.callback.status}` : ''}`],
      ['Tags', (call.tags ?? []).join(', ')], ['Redrives', call.redrive || null], ['Delivery id', call.deliveryId], ['Trace', call.traceId],
    ].filter(([, value]) => value);
    return el('section', { class: 'card', 'data-story': call.deliveryId, 'aria-label': `Call of ${call.function}` },
      el('div', { class: 'pad' },
        el('div', { class: 'head' }, el('h2', {}, el('a', { href: href('functions', { name: call.function }) }, call.function)), state(call),
          call.state === 'dead' && el('a', { class: 'push', href: href('dead', { queue: call.queue, function: call.function }) }, 'Dead letters of it, to redrive')),
        el('dl', {}, facts.map(([title, value]) => [el('dt', {}, title), el('dd', {}, value)]))),
      (call.sends ?? []).length > 0 && el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Sends' }, el('table', {},
        el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Attempt'), el('th', { scope: 'col' }, 'Sent (UTC)'), ['Waited', 'Status', 'Took'].map(title => el('th', { class: 'n', scope: 'col' }, title)), el('th', { scope: 'col' }, 'Error'))),
        el('tbody', {}, call.sends.map(send => el('tr', {}, el('th', { scope: 'row' }, String(send.attempt)), el('td', {}, time(send.at)), el('td', { class: 'n' }, seconds(send.waited)),
          el('td', { class: `n${send.status >= 400 ? ' bad' : ''}` }, send.status ?? '–'), el('td', { class: 'n' }, seconds(send.seconds)), el('td', { class: 'what' }, send.error ?? '–')))))));
  }

  async function cancel(path) {
    if (!await confirm('Cancel 1 call?', 'If it waits it never starts; if it runs it is cut off. It becomes a dead letter.', 'Cancel the call', { danger: true })) return;
    try {
      await ask(path, { method: 'DELETE' });
      say('The call is cancelled if it had not ended.');
      if (!signal.aborted) go(location.pathname + location.search);
    } catch (problem) { tell(problem); }
  }
}

const state = call => el('span', { class: `tag${['dead', 'expired'].includes(call.state) ? ' bad' : ''}` }, call.state);

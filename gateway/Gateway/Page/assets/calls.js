import { ask, confirm, el, go, href, isOperator, query, say, seconds, show as tell } from './app.js';
import { body } from './body.js';

// One call by its id: what became of it, if its caller had the result stored; and its end before its time.
export async function show(main, signal) {
  const id = query().get('id') ?? '';
  const form = el('form', { class: 'row', onsubmit: event => { event.preventDefault(); go(href('calls', { id: new FormData(event.target).get('id').trim() })); } },
    el('label', {}, 'Call id', el('input', { name: 'id', type: 'search', value: id, size: 38, class: 'mono', spellcheck: 'false', required: true, placeholder: 'X-Call-Id' })),
    el('button', {}, 'Look up'));
  const found = el('section', { class: 'card pad', 'aria-label': 'Call' }, el('p', { class: 'soft' }, id ? '…' : 'Every answer of the gateway carries its call’s id in the header X-Call-Id. With X-Store-Result on an asynchronous call its result is kept, and shows here.'));
  main.replaceChildren(el('div', { class: 'head' }, el('h1', {}, 'Calls')), form, found);
  if (!id) return;

  const path = `/async-function/${encodeURIComponent(id)}`;
  const answer = await fetch(path, { headers: { 'X-Connectors-Page': '1' }, redirect: 'manual', cache: 'no-store', signal });
  const data = await answer.arrayBuffer();
  const state = answer.headers.get('x-call-state');
  const facts = [['State', state ?? 'unknown'], ['Function', answer.headers.get('x-function-name')], ['Status', answer.headers.get('x-function-status')], ['Took', answer.headers.has('x-duration-seconds') ? seconds(Number(answer.headers.get('x-duration-seconds'))) : null]];
  found.replaceChildren(
    el('div', { class: 'head' }, el('h2', { class: 'mono' }, id)),
    el('dl', {}, facts.filter(([, value]) => value !== null).map(([title, value]) => [el('dt', {}, title), el('dd', {}, value)])),
    state === null ? el('p', {}, new TextDecoder().decode(data)) : answer.status === 202 ? el('p', {}, 'It has not ended yet.') : body(data, `call-${id}`, signal),
    ...(isOperator() ? [el('div', { class: 'row' }, el('button', { type: 'button', class: 'danger', onclick: cancel }, 'Cancel the call'))] : []));

  async function cancel() {
    if (!await confirm('Cancel 1 call?', 'If it waits it never starts; if it runs it is cut off. It becomes a dead letter.', 'Cancel the call', { danger: true })) return;
    try {
      await ask(path, { method: 'DELETE' });
      say('The call is cancelled if it had not ended.');
      if (!signal.aborted) go(location.pathname + location.search);
    } catch (problem) { tell(problem); }
  }
}

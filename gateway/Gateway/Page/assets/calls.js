import { ask, bytes, confirm, count, el, go, href, isOperator, json, live, many, query, queuePath, refresh, Refused, say, seconds, show as tell, showIn, state as page, time, timeCell } from './app.js';
import { body } from './body.js';

// Ended calls by what is known of them, and one call's whole story: accepted, each send, its end, its callback, its result.
const pageSize = 100;
const states = ['succeeded', 'dead', 'cancelled', 'expired'];
const keys = ['function', 'queue', 'state', 'since', 'until', 'tag'];

export async function show(main, signal) {
  if (!page.overview) await refresh();
  const asked = query();
  const filter = Object.fromEntries(keys.map(key => [key, asked.get(key) ?? '']));
  const after = asked.get('after') ?? '', id = asked.get('id') ?? '';

  const field = (title, name, placeholder, size) => el('label', {}, title, el('input', { name, type: 'search', value: filter[name], placeholder, size, spellcheck: 'false' }));
  const choice = (title, name, values) => el('label', {}, title, el('select', { name, onchange: event => event.target.form.requestSubmit() }, el('option', { value: '' }, 'any'), values.map(value => el('option', { value, selected: value === filter[name] }, value))));
  const queues = page.overview.queues.map(queue => queue.name);
  const form = el('form', { class: 'row', onsubmit: event => { event.preventDefault(); go(href('calls', Object.fromEntries([...new FormData(event.target)].map(([key, value]) => [key, value.trim()])))); } },
    el('label', {}, 'Call id', el('input', { name: 'id', type: 'search', value: id, size: 22, class: 'mono', spellcheck: 'false', placeholder: 'X-Call-Id' })),
    field('Function', 'function', 'name', 14),
    choice('Queue', 'queue', [...new Set([...queues, filter.queue])].filter(Boolean)),
    choice('State', 'state', states),
    field('Ended since', 'since', '1h, or a time', 11), field('Ended before', 'until', '5m, or a time', 11), field('Tag', 'tag', 'order:4711', 11),
    el('button', {}, 'Look up'));
  const place = el('div', { class: 'split' }, el('p', { class: 'soft' }, '…'));
  main.replaceChildren(el('div', { class: 'head' }, el('h1', {}, 'Calls')), form, place);
  try {
    if (id) await drawOne(); else await drawList();
  } catch (problem) {
    showIn(place, problem);
  }

  async function drawList() {
    const given = Object.entries(filter).filter(([, value]) => value);
    const found = await json(`/system/calls?${new URLSearchParams([...given, ['limit', pageSize], ...(after ? [['after', after]] : [])])}`, { signal });
    place.replaceChildren(
      el('section', { class: 'card scroll', tabindex: 0, 'aria-label': 'Ended calls' }, el('table', {},
        el('thead', {}, el('tr', {}, ['Ended (UTC)', 'Function', 'State'].map(title => el('th', { scope: 'col' }, title)), ['Status', 'Attempts', 'Took'].map(title => el('th', { class: 'n', scope: 'col' }, title)), ['Tags', 'Call id'].map(title => el('th', { scope: 'col' }, title)))),
        el('tbody', {}, found.items.length ? found.items.map(row) : [el('tr', {}, el('td', { class: 'none', colspan: 8 }, given.length ? 'No ended call matches.' : 'No call has ended yet.'))]))),
      el('div', { class: 'row mid' },
        after && el('a', { href: href('calls', filter) }, 'First page'),
        found.oldestAt && el('span', { class: 'soft' }, `Ends since ${time(found.oldestAt)} UTC can be found`),
        found.next && el('a', { class: 'push', href: href('calls', { ...filter, after: found.next }) }, 'Next page')));
  }
  function row(call) {
    return el('tr', { 'data-call': call.callId },
      timeCell(call.endedAt), el('td', { class: 'cut', title: call.function }, call.function), el('td', {}, tag(call)),
      el('td', { class: 'n' }, call.status ?? '–'), el('td', { class: 'n' }, count(call.attempts ?? 0)), el('td', { class: 'n' }, seconds(call.seconds)),
      el('td', { class: 'cut' }, (call.tags ?? []).join(', ') || '–'), el('td', { class: 'cut mono id' }, el('a', { href: href('calls', { id: call.callId }) }, call.callId)));
  }

  // Drawn again whenever something of it has changed, as long as it is on its way. What does not come is told, and asked for again; what came stays.
  async function drawOne() {
    const path = `/async-function/${encodeURIComponent(id)}`;
    let shown = '', isDrawing = false, isOver = false;
    const draw = async () => {
      const [stories, answer] = await Promise.all([
        json(`/system/calls/${encodeURIComponent(id)}`, { signal }).catch(problem => { if (problem.status === 404) return { calls: [] }; throw problem; }),
        fetch(path, { headers: { 'X-Connectors-Page': '1', 'X-Result-Status': '200' }, redirect: 'manual', cache: 'no-store', signal }),
      ]);
      const data = await answer.arrayBuffer();
      const kept = answer.headers.get('x-call-state');
      // 404: no result is kept. 405: it is a function's name.
      if (kept === null && ![404, 405].includes(answer.status)) throw new Refused(answer.status, new TextDecoder().decode(data));
      const hasEnded = stories.calls.length ? stories.calls.every(call => call.endedAt) : kept !== null && answer.status !== 202;
      const now = JSON.stringify([stories, kept, answer.status]);
      if (now !== shown) {
        shown = now;
        place.replaceChildren(
          ...stories.calls.map(story),
          el('section', { class: 'card pad', 'aria-label': 'Result' },
            el('div', { class: 'head' }, el('h2', {}, 'Result')),
            el('dl', {}, el('dt', {}, 'State'), el('dd', {}, kept ?? 'not kept'), ...(answer.headers.get('x-function-status') ? [el('dt', {}, 'Status'), el('dd', {}, answer.headers.get('x-function-status'))] : [])),
            kept === null ? el('p', { class: 'soft' }, new TextDecoder().decode(data)) : answer.status === 202 ? el('p', {}, 'It has not ended yet.') : body(data, `call-${id}`, signal),
            isOperator() && !hasEnded ? el('div', { class: 'row' }, el('button', { type: 'button', class: 'danger', onclick: () => cancel(path) }, 'Cancel the call')) : ''));
      }
      isOver = hasEnded && stories.calls.every(call => call.callback?.state !== 'due');
    };
    const look = async () => {
      if (isOver || isDrawing) return;
      isDrawing = true;
      try { await draw(); } catch (problem) { if (shown) tell(problem); else showIn(place, problem); } finally { isDrawing = false; }
    };
    live.addEventListener('overview', look, { signal });
    await look();
  }

  function story(call) {
    const facts = [
      ['Call id', call.callId], ['Queue', call.queue], ['Tags', (call.tags ?? []).join(', ')], ['Size', bytes(call.size ?? 0)], ['Redrives', call.redrive || null], ['Delivery id', call.deliveryId], ['Trace', call.traceId],
    ].filter(([, value]) => value);
    const again = el('div', { class: 'row mid' });
    if (call.endedAt) drawAgain(call, again).catch(tell);
    return el('section', { class: 'card', 'data-story': call.deliveryId, 'aria-label': `Call of ${call.function}, ${call.deliveryId}, put back ${call.redrive ?? 0} times` },
      el('div', { class: 'pad' },
        el('div', { class: 'head' }, el('h2', {}, el('a', { href: href('functions', { name: call.function }) }, call.function)), tag(call)),
        el('dl', {}, facts.map(([title, value]) => [el('dt', {}, title), el('dd', {}, value)])),
        again),
      el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Timeline of the call ${call.deliveryId}, put back ${call.redrive ?? 0} times` }, el('table', {},
        el('thead', {}, el('tr', {}, ['What', 'When (UTC)'].map(title => el('th', { scope: 'col' }, title)), ['Status', 'Waited', 'Took'].map(title => el('th', { class: 'n', scope: 'col' }, title)), el('th', { scope: 'col' }, 'More'))),
        el('tbody', {}, timeline(call).map(step => el('tr', { 'data-step': step.what }, el('th', { scope: 'row' }, step.what), timeCell(step.at), el('td', { class: `n${step.status >= 400 ? ' bad' : ''}` }, step.status ?? '–'),
          el('td', { class: 'n' }, seconds(step.waited)), el('td', { class: 'n' }, seconds(step.seconds)), el('td', { class: 'what' }, step.more || '–')))))));
  }

  // What can honestly be done: a letter still has the call's body, the history has none.
  async function drawAgain(call, again) {
    const isCallback = ['refused', 'expired'].includes(call.callback?.state);
    if (call.state === 'succeeded' && !isCallback) {
      again.append(el('p', { class: 'soft' }, 'It cannot be run again from here: of calls that succeeded no body is kept. ', el('a', { href: href('functions', { name: call.function }) }, 'Invoke the function'), ' with a body of your own.'));
      return;
    }
    const looks = (await Promise.all([call.state !== 'succeeded' && letterOf(call, false), isCallback && letterOf(call, true)])).filter(Boolean);
    const letters = looks.map(look => look.letter).filter(Boolean), cut = looks.find(look => look.upTo);
    if (cut) {
      again.append(el('p', { class: 'soft' }, `Whether ${cut.isCallback ? 'its callback can be sent' : 'it can be run'} again is not known: its dead letter was not found up to number ${cut.upTo}; those behind were not looked at. `,
        el('a', { href: href('dead', { queue: call.queue, function: call.function, ...cut.times, after: cut.upTo }) }, 'Look under Dead letters'), '.'));
    } else if (!letters.length) again.append(el('p', { class: 'soft' }, 'It cannot be run again from here: its dead letter is gone, put back or deleted, and its body with it.'));
    for (const letter of letters) {
      const what = letter.kind === 'callback' ? 'callback' : 'call';
      again.append(
        isOperator() ? el('button', { type: 'button', class: 'main', onclick: () => redrive(call, letter, what) }, what === 'call' ? 'Run it again' : 'Send its callback again') : '',
        el('a', { href: href('dead', { queue: call.queue, function: call.function, seq: letter.seq }) }, what === 'call' ? 'Its dead letter' : 'The callback’s dead letter'));
    }
  }
  // Letters come oldest first, and of very many not all are looked at. So those of the very time are asked for, then those of minutes around it: with some workers the
  // letter has another time than the end. The letter; or none, and where it was left off if that was not the end.
  async function letterOf(call, isCallback) {
    const center = Date.parse((isCallback && call.callback.posts.at(-1)?.at) || call.endedAt);
    const at = seconds => new Date(center + 1000 * seconds).toISOString();
    for (const around of [2, 900]) {
      // When a callback was given up, after its last attempt, its story does not tell.
      const times = { since: at(-around), ...(isCallback ? { reason: `callback_${call.callback.state}` } : { until: at(around) }) };
      let after = '';
      for (let pages = 0; pages < 20; pages++) {
        const found = await json(queuePath(call.queue, `/dead?${new URLSearchParams({ function: call.function, ...times, limit: 1000, ...(after ? { after } : {}) })}`), { signal });
        const letter = found.items.find(item => item.deliveryId === call.deliveryId && item.redrive === (call.redrive ?? 0) && (item.kind === 'callback') === isCallback);
        if (letter) return { letter };
        after = found.next;
        if (!after) break;
      }
      if (after) return { upTo: after, times, isCallback };
    }
    return {};
  }
  async function redrive(call, letter, what) {
    if (!await confirm(what === 'call' ? 'Run 1 call again?' : 'Send 1 callback again?',
      what === 'call' ? `Its dead letter goes back into ${call.queue} and starts again with the first attempt.` : 'Its receiver gets it again; the function does not run.', what === 'call' ? 'Run it again' : 'Send it again')) return;
    try {
      await ask(queuePath(call.queue, `/dead/${letter.seq}/redrive`), { method: 'POST' });
      say(`1 ${what} put back.`);
      if (!signal.aborted) go(location.pathname + location.search);
    } catch (problem) { tell(problem); }
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

function timeline(call) {
  const sends = call.sends ?? [], running = call.state === 'running';
  const missing = (call.attempts ?? 0) - sends.length - (running ? 1 : 0);
  return [
    { what: call.redrive ? 'Put back' : 'Accepted', at: call.submittedAt },
    missing > 0 && { what: 'Attempts', more: `${many(missing, 'earlier attempt')}: not kept` },
    ...sends.map(send => ({ ...send, what: `Attempt ${send.attempt}`, more: send.error })),
    running && { what: `Attempt ${call.attempts}`, more: 'running now' },
    call.state === 'waiting' && { what: 'Waiting', more: 'for a worker that has room' },
    call.dueAt && { what: 'Due', at: call.dueAt, more: 'delayed until then' },
    call.endedAt && { what: 'Ended', at: call.endedAt, status: call.status, more: [call.state, call.reason, call.error].filter(Boolean).join(': ') + (call.resultSize > 0 ? `; its answer had ${bytes(call.resultSize)}` : '') },
    ...(call.callback ? callbackSteps(call.callback) : []),
  ].filter(Boolean);
}

function callbackSteps({ state, attempts, status, error, posts, dueAt }) {
  const missing = attempts - posts.length, isDue = state === 'due';
  return [
    missing > 0 && posts.length > 0 && { what: 'Callback', more: `${many(missing, 'earlier attempt')}: not kept` },
    ...posts.map(post => ({ ...post, what: `Callback ${post.attempt}`, more: post.error })),
    { what: isDue ? 'Callback due' : 'Callback ended', at: isDue ? dueAt : null, status: isDue ? null : status, more: [`${isDue ? 'not delivered yet' : state}, ${many(attempts, 'attempt')}`, !isDue && error].filter(Boolean).join(': ') },
  ].filter(Boolean);
}

const tag = call => el('span', { class: `tag${['dead', 'expired'].includes(call.state) ? ' bad' : ''}` }, call.state);

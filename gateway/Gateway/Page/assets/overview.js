import { age, count, el, href, isOperator, json, live, many, numberCell, put, query, rate, refresh, show as tell, state, time, timeCell } from './app.js';
import { chart } from './chart.js';
import { actOn, holder } from './pause.js';

// Every queue now, its last 15 minutes, and what was changed last.
export async function show(main, signal) {
  const tiles = el('section', { class: 'card tiles', 'aria-label': 'All queues' });
  const body = el('tbody');
  const charts = el('section', { class: 'charts', 'aria-label': 'Last 15 minutes' });
  const acts = el('tbody');
  const note = el('div', { role: 'alert' });
  const chosen = el('span', { class: 'soft' });
  const held = el('div', { class: 'split' });
  let histories = { at: [], queues: {} };

  main.replaceChildren(
    el('div', { class: 'head' }, el('h1', {}, 'Overview'), el('span', { class: 'soft', id: 'at' })),
    note, tiles,
    el('section', { class: 'card scroll', tabindex: 0, 'aria-label': 'Queues' }, el('table', {},
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Queue'), ['Waiting', 'Running', 'Retrying', 'Delayed', 'Held', 'Oldest', 'In / s', 'Out / s', 'Callbacks', 'Dead', 'Workers'].map(name => el('th', { class: 'n', scope: 'col' }, name)), el('th', { scope: 'col' }, 'Mode'), isOperator() && el('td'))),
      body)),
    held,
    el('div', { class: 'head' }, el('h2', {}, 'Last 15 minutes'), chosen),
    charts,
    el('div', { class: 'head' }, el('h2', {}, 'Last changes')),
    el('section', { class: 'card scroll', tabindex: 0, 'aria-label': 'Last changes' }, el('table', {},
      el('thead', {}, el('tr', {}, ['When (UTC)', 'Who', 'What'].map(name => el('th', { scope: 'col' }, name)), el('th', { class: 'n', scope: 'col' }, 'How many'), el('th', { class: 'n', scope: 'col' }, 'Answer'))),
      acts)));

  const draw = () => {
    const overview = state.overview;
    if (!overview || signal.aborted) return;
    const old = overview.queues.filter(queue => queue.error);
    put(note, overview.error && el('p', { class: 'note' }, overview.error),
      old.length > 0 && el('p', { class: 'note' }, old.length > 1 ? `NATS does not tell all of ${old.length} queues: what is known of them is old.` : old[0].error));
    document.getElementById('at').textContent = overview.at ? `${time(overview.at)} UTC` : '';
    const sum = key => overview.queues.reduce((all, queue) => all + queue[key], 0);
    put(tiles, [['waiting', 'Waiting'], ['running', 'Running'], ['retrying', 'Retrying'], ['delayed', 'Delayed'], ['held', 'Held'], ['inPerSecond', 'In / s', rate], ['outPerSecond', 'Out / s', rate], ['callbacks', 'Callbacks'], ['dead', 'Dead']]
      .map(([key, title, format = count]) => el('div', { class: 'tile' }, el('span', {}, title), el('b', { class: key === 'dead' && sum(key) ? 'bad' : null, 'data-sum': key }, (overview.queues.some(queue => queue[key] === null) ? '≥ ' : '') + format(sum(key))))));
    const selected = choice(overview.queues);
    put(body, overview.queues.length
      ? overview.queues.map(queue => el('tr', { 'data-queue': queue.name, class: queue.name === selected ? 'on' : null },
        el('th', { scope: 'row' }, el('a', { href: href('overview', { queue: queue.name }), 'aria-current': queue.name === selected ? 'true' : null }, queue.name), queue.paused && [' ', el('span', { class: 'tag held' }, 'paused')], queue.error && [' ', el('span', { class: 'tag held', title: queue.error }, 'old')]),
        numberCell(queue.waiting), numberCell(queue.running), numberCell(queue.retrying), numberCell(queue.delayed), numberCell(queue.held),
        el('td', { class: `n${queue.oldestAt ? '' : ' zero'}` }, age(queue.oldestAt)),
        numberCell(queue.inPerSecond, rate(queue.inPerSecond)), numberCell(queue.outPerSecond, rate(queue.outPerSecond)),
        numberCell(queue.callbacks),
        el('td', { class: `n${queue.dead ? '' : ' zero'}` }, queue.dead ? el('a', { href: href('dead', { queue: queue.name }), class: 'bad' }, count(queue.dead)) : count(queue.dead)),
        numberCell(queue.workers), el('td', {}, el('span', { class: 'tag' }, queue.mode ?? 'no worker yet')),
        isOperator() && el('td', { class: 'act' }, button(queue.paused ? 'resume' : 'pause', queue.name))))
      : [el('tr', {}, el('td', { class: 'none', colspan: 14 }, overview.error ? 'Not known.' : 'No queue yet: the first asynchronous call makes one.'))]);
    const holds = overview.queues.flatMap(queue => [
      ...(queue.paused ? [{ queue: queue.name, calls: `${many(queue.waiting, 'call')} wait`, by: queue.paused.by, why: queue.paused.reason, at: queue.paused.at }] : []),
      ...queue.holds.map(hold => ({ queue: queue.name, function: hold.function, held: hold.held, calls: `${many(hold.held, 'call')} held`, ...holder(hold) })),
    ]);
    const more = overview.queues.reduce((all, queue) => all + queue.heldFunctions - queue.holds.length, 0);
    put(held, holds.length > 0 && [
      el('h2', {}, 'Paused'),
      el('div', { class: 'card scroll', tabindex: 0, role: 'region', 'aria-label': 'Paused' }, el('table', {},
        el('thead', {}, el('tr', {}, ['Queue', 'Function', 'Calls', 'Why', 'Who', 'Since (UTC)'].map(name => el('th', { scope: 'col' }, name)), isOperator() && el('td'))),
        el('tbody', {}, holds.map(hold => el('tr', { 'data-hold': `${hold.queue}/${hold.function ?? ''}` },
          el('th', { scope: 'row' }, hold.queue), el('td', { class: 'cut', title: hold.function }, hold.function ? el('a', { href: href('functions', { name: hold.function }) }, hold.function) : 'all of it'), el('td', {}, hold.calls),
          el('td', { class: 'what' }, hold.why || '–'), el('td', {}, hold.by || '–'), timeCell(hold.at),
          isOperator() && el('td', { class: 'act' }, hold.at && button('resume', hold.queue, hold.function, hold.held))))))),
      more > 0 && el('p', { class: 'soft' }, `${many(more, 'more function')} with fewer calls held: the functions' view shows each.`)].filter(Boolean));
    chosen.textContent = selected ?? '';
  };
  const drawCharts = () => {
    if (signal.aborted) return;
    const line = histories.queues[choice(state.overview?.queues ?? [])] ?? { inPerSecond: [], outPerSecond: [], waiting: [], dead: [] };
    const times = histories.at.map(Date.parse);
    put(charts,
      chart('Calls per second', times, [{ name: 'in', values: line.inPerSecond }, { name: 'out', values: line.outPerSecond }], rate),
      chart('Waiting', times, [{ name: 'waiting', values: line.waiting }], count),
      chart('Dead letters', times, [{ name: 'dead', values: line.dead }], count));
  };
  const more = async () => {
    try {
      const [history, list] = await Promise.all([json('/system/overview/history', { signal }), json('/system/overview/acts', { signal })]);
      histories = history;
      drawCharts();
      put(acts, list.length
        ? list.slice(0, 20).map(act => el('tr', {}, timeCell(act.at), el('td', {}, act.who || '–'), el('td', { class: 'what mono' }, `${act.method} ${act.path}${act.query}`), numberCell(act.count), el('td', { class: `n${act.status >= 400 ? ' bad' : ''}` }, String(act.status))))
        : [el('tr', {}, el('td', { class: 'none', colspan: 5 }, 'Nothing was changed through this gateway since it started.'))]);
    } catch (problem) { tell(problem); }
  };

  actOn(body);
  actOn(held);
  live.addEventListener('overview', draw, { signal });
  const timer = setInterval(() => state.live && !document.hidden && more(), 10000);
  signal.addEventListener('abort', () => clearInterval(timer));
  if (state.overview) draw(); else await refresh();
  drawCharts();
  await more();
}

const button = (act, queue, fn, held) => el('button', { type: 'button', 'data-act': act, 'data-queue': queue, 'data-function': fn, 'data-held': held, 'aria-label': `${act === 'pause' ? 'Pause' : 'Resume'} ${fn ?? queue}` }, act === 'pause' ? 'Pause' : 'Resume');
const choice = queues => { const wanted = query().get('queue'); return queues.some(q => q.name === wanted) ? wanted : queues[0]?.name; };

import { count, el, go, href, isOperator, json, many, numberCell, put, query, refresh, seconds, show as tell, state, time } from './app.js';
import { body } from './body.js';
import { actOn, holder, holdText, pausedText, queueOf } from './pause.js';

// Functions, page by page, and one of them with a form to invoke it.
const pageSize = 100;

export async function show(main, signal) {
  const asked = query();
  const filter = { filter: asked.get('filter') ?? '', sort: asked.get('sort') ?? '' };
  const offset = Number(asked.get('offset')) || 0, name = asked.get('name');
  const params = new URLSearchParams({ ...filter, offset, limit: pageSize });
  const page = await json(`/system/overview/functions?${params}`, { signal });
  if (!state.overview) await refresh();
  const fullName = item => `${item.name}.${item.namespace}`;

  const form = el('form', { class: 'row', onsubmit: event => { event.preventDefault(); const f = new FormData(event.target); go(href('functions', { filter: f.get('filter').trim(), sort: f.get('sort') })); } },
    el('label', {}, 'Name', el('input', { name: 'filter', type: 'search', value: filter.filter, placeholder: 'part of a name', spellcheck: 'false' })),
    el('label', {}, 'Sort by', el('select', { name: 'sort', onchange: event => event.target.form.requestSubmit() },
      [['', 'name'], ['calls', 'calls'], ['failed', 'errors'], ['p99', 'p99']].map(([value, title]) => el('option', { value, selected: value === filter.sort }, title)))),
    el('button', {}, 'Filter'));

  const row = item => el('tr', { 'data-function': fullName(item), class: fullName(item) === name ? 'on' : null },
    el('th', { scope: 'row', class: 'cut' }, el('a', { href: href('functions', { ...filter, offset: offset || null, name: fullName(item) }) }, item.name), el('span', { class: 'soft' }, ` ${item.namespace}`), item.hold && [' ', el('span', { class: 'tag held', title: holdText(item.hold) }, item.hold.paused ? 'paused' : item.hold.breaker ? 'breaker open' : 'held')]),
    el('td', { class: `n${(item.available ?? item.replicas) < item.replicas ? ' bad' : ''}`, title: item.available === null ? untold : null }, `${item.available ?? '–'} / ${item.replicas}`),
    numberCell(item.calls),
    el('td', { class: `n${item.failed ? ' bad' : ' zero'}` }, share(item)),
    el('td', { class: 'n' }, seconds(item.p50)), el('td', { class: 'n' }, seconds(item.p99)),
    el('td', {}, el('a', { href: href('overview', { queue: item.queue }) }, item.queue), queueOf(item.queue)?.paused && [' ', el('span', { class: 'tag held', title: pausedText(queueOf(item.queue).paused) }, 'paused')]),
    el('td', { class: 'cut more', title: item.topics }, item.topics || '–'),
    el('td', { class: 'cut mono more', title: item.schedule }, item.schedule || '–', item.nextDue && el('span', { class: 'soft' }, ` next ${time(item.nextDue).slice(5, 16)}`)));

  const rows = el('tbody');
  const howMany = el('span', { class: 'soft' });
  const pager = el('div', { class: 'row mid' });
  const none = total => total > 0 ? ['No function is left on this page. ', el('a', { href: href('functions', filter) }, 'First page')] : filter.filter ? 'No function has such a name.' : 'No function is deployed.';
  function draw({ items, total }) {
    howMany.textContent = many(total, 'function');
    put(rows, items.length ? items.map(row) : el('tr', {}, el('td', { class: 'none', colspan: 9 }, none(total))));
    put(pager,
      offset > 0 && el('a', { href: href('functions', { ...filter, offset: Math.max(0, offset - pageSize) || null }) }, 'Previous page'),
      items.length < total && items.length > 0 && el('span', { class: 'soft' }, `${count(offset + 1)} to ${count(offset + items.length)} of ${count(total)}`),
      total > offset + pageSize && el('a', { class: 'push', href: href('functions', { ...filter, offset: offset + pageSize }) }, 'Next page'));
  }
  draw(page);
  const list = el('div', { class: 'split list' },
    el('section', { class: 'card scroll', tabindex: 0, 'aria-label': 'Functions' }, el('table', {},
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Function'), ['Replicas', 'Calls', 'Errors', 'p50', 'p99'].map(title => el('th', { class: 'n', scope: 'col' }, title)), ['Queue', 'Topics', 'Schedule'].map(title => el('th', { scope: 'col', class: title === 'Queue' ? null : 'more' }, title)))),
      rows)),
    pager);

  const detail = name && el('section', { class: 'card pad detail', 'aria-label': name }, el('p', { class: 'soft' }, '…'));
  main.replaceChildren(el('div', { class: 'head' }, el('h1', {}, 'Functions'), howMany), form, el('div', { class: `split${name ? ' open' : ''}` }, list, detail || null));
  const facts = el('div', { class: 'pad flat' });
  if (name) {
    actOn(facts, () => { if (!signal.aborted) drawAll().catch(tell); });
    await drawDetail();
  }

  async function drawAll() {
    const listed = await json(`/system/overview/functions?${params}`, { signal });
    draw(listed);
    if (name) await drawFacts(listed.items);
  }
  const timer = setInterval(async () => {
    if (document.hidden || document.getElementById('pause').getAttribute('aria-pressed') === 'true') return;
    try { await drawAll(); } catch (problem) { tell(problem); }
  }, 5000);
  signal.addEventListener('abort', () => clearInterval(timer));

  async function drawDetail() {
    put(detail.replaceChildren() ?? detail, el('div', { class: 'head' }, el('h2', {}, name), el('a', { class: 'push', href: href('functions', { ...filter, offset: offset || null }) }, 'Close')), facts);
    const found = await drawFacts(page.items);
    if (!found) return;
    detail.append(
      el('p', { class: 'row' },
        el('a', { href: href('calls', { function: name }) }, 'Its ended calls'),
        el('a', { href: href('dead', { queue: found.queue, function: name }) }, 'Its dead letters')));
    if (isOperator()) detail.append(invoke(name, signal));
  }

  async function drawFacts(items) {
    const found = items.find(item => fullName(item) === name) ?? (await json(`/system/overview/functions?${new URLSearchParams({ filter: name, limit: 1000 })}`, { signal })).items.find(item => fullName(item) === name);
    if (!found) {
      put(facts, el('p', {}, 'There is no such function any more.'));
      return null;
    }
    const ofQueue = queueOf(found.queue)?.paused, hold = found.hold, isHeld = hold && holder(hold).at;
    put(facts,
      hold && el('p', { class: 'note held' }, holdText(hold)),
      ofQueue && el('p', { class: 'note held' }, `Its queue: ${pausedText(ofQueue).replace(/^P/, 'p')}`),
      el('dl', {}, [['Image', found.image || '–'], ['Replicas', found.available === null ? `${found.replicas}; ${untold}` : `${found.available} of ${found.replicas} ready`], ['Calls', `${count(found.calls)}, ${share(found)} errors`], ['p50, p99', `${seconds(found.p50)}, ${seconds(found.p99)}`], ['Queue', el('a', { href: href('overview', { queue: found.queue }) }, found.queue)], ['Topics', found.topics || '–'], ['Schedule', found.schedule || '–'], ...(found.nextDue ? [['Next due', `${time(found.nextDue)} UTC`]] : [])]
        .map(([title, value]) => [el('dt', {}, title), el('dd', {}, value)])),
      isOperator() && el('div', { class: 'row' }, el('button', { type: 'button', 'data-act': isHeld ? 'resume' : 'pause', 'data-queue': found.queue, 'data-function': name, 'data-held': hold?.held ?? 0 }, isHeld ? 'Resume its queued calls' : 'Pause its queued calls')));
    return found;
  }
}

const untold = 'how many of them are ready, the provider does not say';

const share = item => item.calls ? `${(100 * item.failed / item.calls).toFixed(item.failed && item.failed < item.calls / 100 ? 2 : 0)} %` : '–';

function invoke(name, signal) {
  const result = el('div', { class: 'body', 'aria-live': 'polite' });
  return el('form', { class: 'body', 'aria-label': 'Invoke', onsubmit: send },
    el('h2', {}, 'Invoke'),
    el('div', { class: 'row' },
      el('label', {}, 'How', el('select', { name: 'how' }, el('option', { value: 'function' }, 'at once, with its answer'), el('option', { value: 'async-function' }, 'through its queue'))),
      el('label', {}, 'Method', el('select', { name: 'method' }, ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'].map(method => el('option', {}, method)))),
      el('label', {}, 'Path and query', el('input', { name: 'path', placeholder: '/…?…', spellcheck: 'false', size: 14 }))),
    el('label', {}, 'Headers, one a line', el('textarea', { name: 'headers', rows: 2, placeholder: 'Content-Type: application/json', spellcheck: 'false', class: 'mono' })),
    el('label', {}, 'Body', el('textarea', { name: 'body', rows: 5, spellcheck: 'false', class: 'mono' })),
    el('div', { class: 'row' }, el('button', { class: 'main' }, 'Invoke')),
    result);

  async function send(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const button = event.target.querySelector('button.main');
    button.disabled = true;
    try {
      const headers = new Headers({ 'X-Connectors-Page': '1' });
      for (const line of form.get('headers').split('\n').filter(line => line.trim())) {
        const colon = line.indexOf(':');
        if (colon < 1) throw new Error(`“${line}” is no header: a name, a colon and a value are needed.`);
        headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
      }
      const how = form.get('how'), method = how === 'function' ? form.get('method') : 'POST';
      const rest = form.get('path').trim();
      const started = performance.now();
      const answer = await fetch(`/${how}/${encodeURIComponent(name)}${rest && !/^[/?]/.test(rest) ? '/' : ''}${rest}`, { method, headers, body: method === 'GET' ? undefined : form.get('body'), redirect: 'manual', cache: 'no-store', signal });
      const data = await answer.arrayBuffer();
      const took = (performance.now() - started) / 1000;
      const id = answer.headers.get('x-call-id');
      result.replaceChildren(
        el('p', {}, el('b', { id: 'invoked', class: answer.ok ? null : 'bad' }, answer.type === 'opaqueredirect' ? 'A redirect, which is not followed' : String(answer.status)), ` in ${seconds(took)}`, id ? [' · ', el('a', { href: href('calls', { id }), class: 'mono' }, id)] : ''),
        el('details', {}, el('summary', {}, 'Headers'), el('dl', { class: 'mono' }, [...answer.headers].map(([header, value]) => [el('dt', {}, header), el('dd', {}, value)]))),
        body(data, `${name}-answer`, signal));
    } catch (problem) { tell(problem); } finally { button.disabled = false; }
  }
}

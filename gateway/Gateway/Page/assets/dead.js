import { ask, bytes, confirm, count, el, go, href, isAway, isOperator, json, live, many, progress, put, query, queuePath, refresh, say, show as tell, showIn, state, time, timeCell } from './app.js';
import { body } from './body.js';

// Calls and callbacks that were given up: looked at, put back, deleted.
const pageSize = 50;
const matched = ['function', 'reason', 'since', 'until', 'tag'];
const reasons = ['exhausted', 'failed', 'expired', 'cancelled', 'worker_lost', 'foreign', 'callback_refused', 'callback_expired'];

export async function show(main, signal) {
  if (!state.overview) await refresh();
  const asked = query();
  const queues = state.overview.queues.map(queue => queue.name);
  const filter = {
    queue: asked.get('queue') || state.overview.queues.find(queue => queue.dead)?.name || queues[0],
    function: asked.get('function') ?? '',
    reason: asked.get('reason') ?? '',
    since: asked.get('since') ?? '',
    until: asked.get('until') ?? '',
    tag: asked.get('tag') ?? '',
  };
  // The number becomes part of paths: nothing else is one.
  const after = asked.get('after') ?? '', seq = /^[1-9]\d{0,19}$/.exec(asked.get('seq') ?? '')?.[0];
  if (!filter.queue) {
    const { error } = state.overview;
    main.replaceChildren(el('h1', {}, 'Dead letters'), el('p', { class: error ? 'note' : 'card none' }, error ?? 'No queue yet.'));
    live.addEventListener('overview', () => show(main, signal).catch(tell), { signal, once: true });
    return;
  }

  const open = params => go(href('dead', { ...filter, ...params }));

  const total = el('span', { class: 'soft', id: 'total' });
  const drawTotal = () => { total.textContent = many((state.overview.queues.find(queue => queue.name === filter.queue) ?? { dead: 0 }).dead, 'letter') + ' in this queue'; };
  drawTotal();
  live.addEventListener('overview', drawTotal, { signal });

  const form = el('form', { class: 'row', onsubmit: event => { event.preventDefault(); const f = new FormData(event.target); open(Object.fromEntries([...f].map(([key, value]) => [key, value.trim()]))); } },
    el('label', {}, 'Queue', el('select', { name: 'queue', onchange: event => event.target.form.requestSubmit() }, [...new Set([...queues, filter.queue])].map(name => el('option', { value: name, selected: name === filter.queue }, name)))),
    el('label', {}, 'Function', el('input', { name: 'function', value: filter.function, placeholder: 'name', type: 'search', size: 14, spellcheck: 'false' })),
    el('label', {}, 'Reason', el('select', { name: 'reason', onchange: event => event.target.form.requestSubmit() }, el('option', { value: '' }, 'any'), reasons.map(reason => el('option', { value: reason, selected: reason === filter.reason }, reason)))),
    el('label', {}, 'Ended since', el('input', { name: 'since', value: filter.since, placeholder: '1h, or a time', type: 'search', size: 11, spellcheck: 'false' })),
    el('label', {}, 'Ended before', el('input', { name: 'until', value: filter.until, placeholder: '5m, or a time', type: 'search', size: 11, spellcheck: 'false' })),
    el('label', {}, 'Tag', el('input', { name: 'tag', value: filter.tag, placeholder: 'order:4711', type: 'search', size: 11, spellcheck: 'false' })),
    el('button', {}, 'Filter'));
  const going = el('div', { class: 'row mid', onclick: event => stop(event.target.closest('button')?.dataset.stop) });
  const content = el('div', { class: `split${seq ? ' open' : ''}` }, el('p', { class: 'soft' }, '…'));
  main.replaceChildren(el('div', { class: 'head' }, el('h1', {}, 'Dead letters'), total), form, going, content);
  let page;
  try {
    page = await json(listPath(filter, after, pageSize), { signal });
  } catch (problem) {
    showIn(content, problem);
    return;
  }

  const selected = new Set();
  const picked = el('span', { class: 'soft' });
  const some = isOperator() ? [
    el('button', { type: 'button', onclick: () => redriveSome([...selected]) }, 'Redrive selected'),
    el('button', { type: 'button', class: 'danger', onclick: () => deleteSome([...selected]) }, 'Delete selected'),
  ] : [];
  const all = el('input', { type: 'checkbox', 'aria-label': 'Select all on this page', onchange: () => { for (const box of boxes) { box.checked = all.checked; mark(box); } } });
  const boxes = page.items.map(item => el('input', { type: 'checkbox', 'aria-label': `Select ${item.seq}`, 'data-seq': item.seq, onchange: event => mark(event.target) }));
  function mark(box) {
    selected[box.checked ? 'add' : 'delete'](box.dataset.seq);
    all.checked = selected.size === boxes.length;
    all.indeterminate = selected.size > 0 && !all.checked;
    drawSome();
  }
  function drawSome() {
    for (const button of some) button.disabled = !selected.size;
    picked.textContent = selected.size ? `${count(selected.size)} selected` : '';
  }
  drawSome();

  const rows = page.items.length
    ? page.items.map((item, i) => el('tr', { class: String(item.seq) === seq ? 'on' : null },
      isOperator() && el('td', {}, boxes[i]),
      el('th', { scope: 'row' }, el('a', { href: href('dead', { ...filter, after, seq: item.seq }) }, String(item.seq))),
      el('td', { class: 'cut', title: item.function }, item.function || '–'),
      el('td', {}, el('span', { class: 'tag' }, item.reason)),
      el('td', { class: 'n' }, item.status ?? '–'), el('td', { class: 'n more' }, count(item.attempts)), el('td', { class: 'n more' }, bytes(item.size)), timeCell(item.lastAt)))
    : [el('tr', {}, el('td', { class: 'none', colspan: 8 }, page.next ? 'None among those looked at so far: go on to the next page.' : 'No dead letter matches.'))];

  const list = el('div', { class: 'split list' },
    el('div', { class: 'row mid' }, some, picked, isOperator() && el('span', { class: 'row mid push' },
      el('label', { class: 'check' }, 'At most', el('input', { type: 'number', id: 'rate', min: 1, max: 1000000, placeholder: '∞', size: 6, 'aria-label': 'Redrives per second at most' }), 'per second'),
      el('button', { type: 'button', disabled: !page.items.length && !page.next, onclick: redriveAll }, 'Redrive all matching'),
      el('button', { type: 'button', class: 'danger', disabled: !page.items.length && !page.next, onclick: deleteAll }, 'Delete all matching'))),
    el('section', { class: 'card scroll', tabindex: 0, 'aria-label': 'Dead letters' }, el('table', {},
      el('thead', {}, el('tr', {}, isOperator() && el('td', {}, all), el('th', { scope: 'col' }, 'Number'), el('th', { scope: 'col' }, 'Function'), el('th', { scope: 'col' }, 'Reason'),
        ['Status', 'Attempts', 'Size'].map(name => el('th', { class: name === 'Status' ? 'n' : 'n more', scope: 'col' }, name)), el('th', { scope: 'col' }, 'Last (UTC)'))),
      el('tbody', {}, rows))),
    (after || page.next) && el('div', { class: 'row mid' },
      after && el('a', { href: href('dead', filter) }, 'First page'),
      page.next && el('a', { class: 'push', href: href('dead', { ...filter, after: page.next }) }, 'Next page')));

  const detail = seq && el('section', { class: 'card pad detail', 'aria-label': `Dead letter ${seq}` }, el('p', { class: 'soft' }, '…'));
  content.replaceChildren(...[list, detail].filter(Boolean));
  live.addEventListener('overview', () => { if (going.hasChildNodes()) drawGoing(); }, { signal });
  drawGoing();
  if (seq) await drawDetail();

  // Redrives of many that go on, whoever began them and closed what told of them; looked at again for as long as there are any.
  async function drawGoing() {
    try {
      const jobs = await json(queuePath(filter.queue, '/redrives'), { signal });
      put(going, jobs.filter(job => job.state === 'running').map(job => el('p', { class: 'note held', 'data-redrive': job.id },
        `Letters${matching(job.queue, job)} are being redriven since ${time(job.startedAt)} UTC: ${count(job.redriven)} so far${job.error ? ` – interrupted ${job.error}` : ''} `,
        isOperator() && el('button', { type: 'button', 'data-stop': job.id }, 'Stop'))));
    } catch (problem) {
      // A gateway of an earlier version has no list of them.
      if (problem.status !== 405) tell(problem);
    }
  }
  async function stop(id) {
    if (!id) return;
    try {
      const job = await json(queuePath(filter.queue, `/redrives/${id}`), { method: 'DELETE' });
      say(`The redrive is ${job.state}: ${many(job.redriven, 'letter')} redriven.`);
      afterwards();
    } catch (problem) { tell(problem); }
  }

  async function drawDetail() {
    const path = queuePath(filter.queue, `/dead/${seq}`);
    let answer, request;
    try {
      answer = await ask(path, { signal });
      // That alone may be missing: where a gateway of an earlier version answers, or the letter goes meanwhile.
      request = await json(`${path}/request`, { signal }).catch(problem => problem.status === 404 ? {} : Promise.reject(problem));
    } catch (problem) {
      if (problem.status === 404) detail.replaceChildren(el('div', { class: 'head' }, el('h2', {}, `Letter ${seq}`), close()), el('p', {}, 'It is not there any more: it was put back or deleted.'));
      else showIn(detail, problem);
      return;
    }
    const data = await answer.arrayBuffer();
    const facts = [...answer.headers].filter(([name, value]) => name.startsWith('x-dead-') && name !== 'x-dead-seq' && value)
      .map(([name, value]) => [name.slice('x-dead-'.length), value]).sort(([a], [b]) => place(a) - place(b));
    const words = name => name.replaceAll('-', ' ').replace(/^./, c => c.toUpperCase());
    const isCallback = facts.some(([name, value]) => name === 'kind' && value === 'callback');
    put(detail.replaceChildren() ?? detail,
      el('div', { class: 'head' }, el('h2', {}, `Letter ${seq}`), close()),
      isOperator() && el('div', { class: 'row' },
        el('button', { type: 'button', class: 'main', onclick: () => redriveSome([seq]) }, 'Redrive'),
        el('button', { type: 'button', class: 'danger', onclick: () => deleteSome([seq]) }, 'Delete')),
      pairs(facts.map(([name, value]) => [words(name), /-at$|^submitted$/.test(name) ? `${time(value)} UTC` : value])),
      request.method && sent(request, isCallback ? 'The call, and the headers of its answer' : 'Request'),
      body(data, `dead-letter-${filter.queue}-${seq}`, signal),
      isOperator() && !isCallback && editor(data));
  }
  function close() { return el('a', { class: 'push', href: href('dead', { ...filter, after }) }, 'Close'); }

  // Letters one by one, with a bar if they are many.
  async function each(title, seqs, method, path, done) {
    let failed = 0;
    if (seqs.length === 1) {
      try { await ask(queuePath(filter.queue, `/dead/${seqs[0]}${path}`), { method }); say(`1 letter ${done}.`); } catch (problem) { tell(problem); }
    } else await progress(title, async (step, stop) => {
      for (const [i, one] of seqs.entries()) {
        if (stop.aborted) break;
        try { await ask(queuePath(filter.queue, `/dead/${one}${path}`), { method }); } catch (problem) { failed++; if (problem.status === 401) throw problem; }
        step(i + 1, seqs.length, `${count(i + 1 - failed)} of ${count(seqs.length)} ${done}${failed ? `, ${count(failed)} refused` : ''}`);
      }
    });
    afterwards();
  }
  function afterwards() {
    refresh().catch(tell);
    if (!signal.aborted) open({ after }).catch(tell);
  }
  async function redriveSome(seqs) {
    if (await confirm(`Redrive ${many(seqs.length, 'letter')}?`, `${seqs.length === 1 ? 'It goes' : 'They go'} back into ${filter.queue} and ${seqs.length === 1 ? 'starts' : 'start'} again with the first attempt.`, `Redrive ${count(seqs.length)}`)) {
      await each('Redrive', seqs, 'POST', '/redrive', 'redriven');
    }
  }
  async function deleteSome(seqs) {
    if (await confirm(`Delete ${many(seqs.length, 'letter')}?`, 'What is deleted cannot be brought back.', `Delete ${count(seqs.length)}`, { danger: true })) {
      await each('Delete', seqs, 'DELETE', '', 'deleted');
    }
  }

  const filled = values => Object.fromEntries(matched.map(key => [key, values[key]]).filter(([, value]) => value));
  // With times in place of how long ago: whatever is done to the letters, a while later and in parts, is done to those that were there. Of very many it is known
  // only that there are at least so many; all that match are meant all the same.
  async function countMatching() {
    say('Counting…');
    const counted = await json(queuePath(filter.queue, `/dead/count?${new URLSearchParams(filled(filter))}`), { signal });
    const isAll = counted.isComplete !== false, least = isAll ? '' : 'at least ';
    return {
      ...counted, isAll, letters: least + many(counted.count, 'letter'), number: least + count(counted.count),
      of: done => least + count(isAll ? counted.count : Math.max(counted.count, done)),
      meant: filled({ ...filter, since: counted.since ?? filter.since, until: counted.until ?? filter.until }),
    };
  }
  async function redriveAll() {
    try {
      const perSecond = Number(document.getElementById('rate').value) || null;
      const { count: n, letters, number, of, last, meant } = await countMatching();
      if (!await confirm(`Redrive ${letters}?`, `All letters${matching(filter.queue, meant)} go back${perSecond ? `, at most ${count(perSecond)} each second` : ''}. The gateway goes on even if this page is closed.`, `Redrive ${number}`)) return;
      const { id } = await json(queuePath(filter.queue, '/redrives'), { method: 'POST', json: { ...meant, last, ratePerSecond: perSecond } });
      await progress(`Redrive of ${letters}`, async (step, end) => {
        end.addEventListener('abort', () => { if (running && end.reason === 'stop') ask(queuePath(filter.queue, `/redrives/${id}`), { method: 'DELETE' }).catch(tell); });
        let running = true;
        let [done, words] = [0, `0 of ${of(0)} redriven`];
        while (running && !end.aborted) {
          try {
            const job = await json(queuePath(filter.queue, `/redrives/${id}`));
            running = job.state === 'running';
            done = running ? Math.min(n, job.redriven + job.skipped) : n;
            words = `${count(job.redriven)} of ${of(job.redriven)} redriven${job.skipped ? `, ${count(job.skipped)} are no calls of ours and stay` : ''}`;
            step(done, n, !running ? `${words} – ${job.error ?? job.state}` : job.error ? `${words} – interrupted ${job.error}` : words);
          } catch (problem) {
            // The job lies in NATS, and goes on with this gateway or another.
            running = isAway(problem);
            if (!running) throw problem;
            step(done, n, `${words} – the gateway does not answer, and is asked again`);
          }
          if (running) await new Promise(resolve => setTimeout(resolve, 300));
        }
      });
      afterwards();
    } catch (problem) { tell(problem); }
  }
  async function deleteAll() {
    try {
      const { count: n, isAll, letters, number, of, last, meant } = await countMatching();
      if (!await confirm(`Delete ${letters}?`, `All letters${matching(filter.queue, meant)}. What is deleted cannot be brought back.`, `Delete ${number}`, { danger: true })) return;
      await progress(`Deletion of ${letters}`, async (step, stop) => {
        // In parts, so that the bar moves: twenty of them, or of a thousand letters each. Whoever stops it, or closes the page, keeps the rest.
        const part = new URLSearchParams(meant);
        if (![...part].length) part.set('all', 'true');
        part.set('last', last);
        part.set('limit', isAll ? Math.min(1000, Math.max(1, Math.ceil(n / 20))) : 1000);
        step(0, n, `0 of ${of(0)} deleted`);
        for (let deleted = 0, next = 0; next !== undefined && !stop.aborted;) {
          part.set('after', next);
          const answer = await json(queuePath(filter.queue, `/dead?${part}`), { method: 'DELETE' });
          deleted += answer.deleted;
          next = answer.next;
          step(next === undefined ? n : Math.min(n, deleted), n, `${count(deleted)} of ${of(deleted)} deleted${next === undefined ? ' – done' : ''}`);
        }
      });
      afterwards();
    } catch (problem) { tell(problem); }
  }

  // What is left empty stays as it was; a body that is no text can only be replaced.
  function editor(data) {
    let text = '';
    try { text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data); } catch { /* binary */ }
    // A field knows LF alone: what it holds is compared without the original's line ends, and sent with them.
    const plain = value => value.replace(/\r\n?/g, '\n');
    const isCrLf = text.includes('\r\n') && plain(text).replaceAll('\n', '\r\n') === text;
    return el('details', {}, el('summary', {}, 'Edit and redrive'), el('form', { class: 'body', onsubmit: send },
      el('label', {}, 'Function', el('input', { name: 'function', placeholder: 'the same', spellcheck: 'false' })),
      el('label', {}, 'Headers to set, one a line; without a value one is taken away', el('textarea', { name: 'headers', rows: 2, class: 'mono', spellcheck: 'false', placeholder: 'Content-Type: application/json' })),
      el('label', {}, 'Body', el('textarea', { name: 'body', rows: 8, class: 'mono', spellcheck: 'false', value: text })),
      text.includes('\r') && !isCrLf && el('p', { class: 'soft' }, 'This body has line ends of several kinds, or CR alone. Once it is edited all its line ends are LF.'),
      el('div', { class: 'row' }, el('button', { class: 'main' }, 'Redrive 1 edited letter'))));
    async function send(event) {
      event.preventDefault();
      const form = new FormData(event.target), edit = {};
      const body = plain(form.get('body'));
      if (body !== plain(text)) edit.body = isCrLf ? body.replaceAll('\n', '\r\n') : body;
      if (form.get('function').trim()) edit.function = form.get('function').trim();
      const lines = form.get('headers').split('\n').map(line => line.trim()).filter(Boolean);
      if (lines.length) edit.headers = Object.fromEntries(lines.map(line => { const [name, ...value] = line.split(':'); return [name.trim(), value.join(':').trim() || null]; }));
      try {
        const answer = await ask(queuePath(filter.queue, `/dead/${seq}/edit`), { method: 'POST', json: edit });
        say(answer.headers.has('x-duplicate')
          ? `The edit of letter ${seq} was dropped: the queue had its redrive already, from a try whose answer was lost, and the call runs as it was put back then.`
          : '1 edited letter redriven.');
        afterwards();
      } catch (problem) { tell(problem); }
    }
  }
}

const matching = (queue, { function: name, reason, since, until, tag }) => `${name ? ` of ${name}` : ''}${reason ? ` with reason ${reason}` : ''}${since ? ` ended since ${time(since)} UTC` : ''}${until ? ` ended before ${time(until)} UTC` : ''}${tag ? ` tagged ${tag}` : ''} in ${queue}`;

const pairs = facts => el('dl', {}, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));

// What was sent beside the body, without credentials.
const sent = ({ method, path, query, headers, callback }, title) => el('details', { open: true, 'data-sent': '' }, el('summary', {}, title),
  pairs([['Call', `${method} ${path || '/'}${query && `?${query}`}`], ...(callback ? [['Callback to', callback]] : []), ...headers]));

const order = ['function', 'kind', 'reason', 'status', 'error', 'function-status', 'attempts', 'first-at', 'last-at', 'submitted', 'redrive', 'path', 'call-id', 'delivery-id'];
const place = name => (order.indexOf(name) + 1) || order.length + 1;

function listPath(filter, after, limit) {
  const params = new URLSearchParams({ limit });
  for (const key of matched) if (filter[key]) params.set(key, filter[key]);
  if (after) params.set('after', after);
  return queuePath(filter.queue, `/dead?${params}`);
}

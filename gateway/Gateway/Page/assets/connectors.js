import { age, ask, count, el, go, href, many, numberCell, query, seconds, show as tell, time } from './app.js';

// What connectors say of themselves: each sends its own metrics, and each kind has a table made of them.
const maxRows = 200;
const kinds = [
  {
    connector: 'cron-connector', title: 'Schedules', labels: ['function_name', 'schedule'], rows: 'cron_connector_next_due_timestamp_seconds', columns: [
      ['Next due (UTC)', (m, l) => stamp(m.one('cron_connector_next_due_timestamp_seconds', l))],
      ['Last fired (UTC)', (m, l) => stamp(m.one('cron_connector_last_firing_timestamp_seconds', { function_name: l.function_name }))],
      ['Fired', (m, l) => m.sum('cron_connector_firings_total', { function_name: l.function_name })],
      ['Failed', (m, l) => m.sum('cron_connector_firings_total', { function_name: l.function_name, result: 'failed' }), true],
      ['Not fired', (m, l) => m.sum('cron_connector_misfires_total', { function_name: l.function_name }), true],
    ],
  },
  {
    connector: 'kafka-connector', title: 'Partitions', labels: ['topic', 'partition'], rows: 'kafka_connector_lag', columns: [
      ['Lag', (m, l) => m.sum('kafka_connector_lag', l)],
      ['Offset read', (m, l) => m.one('kafka_connector_messages_offset', l)],
      ['Oldest event', (m, l) => seconds(m.one('kafka_connector_oldest_event_age_seconds', l))],
      ['Stands still', (m, l) => m.sum('kafka_connector_offset_out_of_range', l) + m.sum('kafka_connector_topic_remade', l) ? 'yes' : 'no'],
      ['Retries', (m, l) => m.sum('kafka_connector_retries_total', { topic: l.topic })],
      ['Dead letters', (m, l) => m.sum('kafka_connector_dead_letters_total', { topic: l.topic }), true],
      ['Paused of all', m => `${m.sum('kafka_connector_paused_partitions')} / ${m.sum('kafka_connector_assigned_partitions')}`],
    ],
  },
  {
    connector: 'sqs-connector', title: 'Queues', labels: ['queue'], rows: 'sqs_connector_oldest_message_age_seconds', columns: [
      ['Readable', (m, l) => m.sum('sqs_connector_queue_readable', l) ? 'yes' : 'no'],
      ['Waiting', (m, l) => m.one('sqs_connector_queue_messages', { ...l, state: 'waiting' })],
      ['In flight', (m, l) => m.one('sqs_connector_queue_messages', { ...l, state: 'in_flight' })],
      ['Delayed', (m, l) => m.one('sqs_connector_queue_messages', { ...l, state: 'delayed' })],
      ['Held here', (m, l) => m.sum('sqs_connector_in_flight_messages', l)],
      ['Oldest lately', (m, l) => seconds(m.one('sqs_connector_oldest_message_age_seconds', l))],
      ['Received', (m, l) => m.sum('sqs_connector_received_total', l)],
      ['Deleted', (m, l) => m.sum('sqs_connector_deleted_total', l)],
      ['Given back', (m, l) => m.sum('sqs_connector_returned_total', l)],
      ['Failures', (m, l) => m.sum('sqs_connector_failures_total', l), true],
    ],
  },
  {
    connector: 'rabbitmq-connector', title: 'Queues', labels: ['queue'], rows: 'rabbitmq_connector_in_flight_messages', columns: [
      ['Consumed', (m, l) => m.sum('rabbitmq_connector_queue_consumed', l) ? 'yes' : 'no'],
      ['Waiting', (m, l) => m.one('rabbitmq_connector_queue_depth', l)],
      ['Consumers', (m, l) => m.one('rabbitmq_connector_queue_consumers', l)],
      ['Held here', (m, l) => m.sum('rabbitmq_connector_in_flight_messages', l)],
      ['Oldest held', (m, l) => seconds(m.one('rabbitmq_connector_oldest_message_age_seconds', l))],
      ['Completed', (m, l) => m.sum('rabbitmq_connector_messages_processed_total', l)],
      ['Dead letters', (m, l) => m.sum('rabbitmq_connector_settled_total', { ...l, end: 'dead_letter' }), true],
      ['Failures', (m, l) => m.sum('rabbitmq_connector_failures_total', l), true],
    ],
  },
];

export async function show(main, signal) {
  const place = el('div', { class: 'split' }), filter = query().get('filter') ?? '';
  main.replaceChildren(el('div', { class: 'head' }, el('h1', {}, 'Connectors')),
    el('form', { class: 'row', onsubmit: event => { event.preventDefault(); go(href('connectors', { filter: new FormData(event.target).get('filter').trim() })); } },
      el('label', {}, 'Function, topic or queue', el('input', { name: 'filter', type: 'search', value: filter, placeholder: 'part of a name', spellcheck: 'false' })), el('button', {}, 'Filter')),
    place);
  const draw = async () => {
    const answer = await ask('/system/connectors', { signal }), all = await answer.json();
    const now = Date.parse(answer.headers.get('date') ?? '') || undefined;
    place.replaceChildren(...(all.length ? all.map(report => one(report, filter, now)) : [el('p', { class: 'card none' }, 'No connector has reported to this gateway in the last two minutes.')]));
  };
  await draw();
  const timer = setInterval(() => { if (!document.hidden && document.getElementById('pause')?.getAttribute('aria-pressed') !== 'true') draw().catch(tell); }, 5000);
  signal.addEventListener('abort', () => clearInterval(timer));
}

function one(report, filter, now) {
  const m = samples(report.metrics), who = `${report.connector} ${report.instance}`;
  const leftOut = m.sum('connector_report_left_out_samples');
  const isMeant = (...names) => names.some(name => name.includes(filter));
  const kind = kinds.find(known => known.connector === report.connector);
  const topics = [...new Set(m.all('connector_events_total').map(sample => sample.labels.topic))].filter(topic => isMeant(topic)).sort();
  const places = kind ? m.all(kind.rows).map(({ labels }) => kind.labels.map(label => labels[label] ?? '')).filter(names => isMeant(...names)) : [];
  return el('section', { class: 'card', 'data-connector': report.connector, 'aria-label': who },
    el('div', { class: 'pad' },
      el('div', { class: 'head' }, el('h2', {}, report.connector), el('span', { class: 'soft' }, report.instance), el('span', { class: 'soft push' }, `heard of ${age(report.at, now)} ago`)),
      el('dl', {}, [
        ['Functions that want its events', count(m.sum('connector_topic_map_functions'))],
        ['Events running', count(m.sum('connector_inflight_events'))],
        ['Failures of its source', count(m.sum('connector_source_failures_total'))],
      ].map(([title, value]) => [el('dt', {}, title), el('dd', {}, value)])),
      leftOut > 0 && el('p', { class: 'note' }, `It has more than it reports here: ${many(leftOut, 'figure')} stand only at its own /metrics.`)),
    kind && table(kind.title, who, [...kind.labels.map(label => label.replace('function_name', 'function')), ...kind.columns.map(([title]) => title)], kind.labels.length, places.length,
      places.slice(0, maxRows).map(names => [...names, ...kind.columns.map(([, value, bad]) => [value(m, Object.fromEntries(kind.labels.map((label, i) => [label, names[i]]))), bad])])),
    topics.length > 0 && table('Topics', who, ['Topic', 'Completed', 'Failed', 'Unmatched'], 1, topics.length,
      topics.slice(0, maxRows).map(topic => [topic, [m.sum('connector_events_total', { topic, verdict: 'completed' })], [m.sum('connector_events_total', { topic, verdict: 'failed' }), true], [m.sum('connector_events_unmatched_total', { topic })]])));
}

// Several connectors have tables of one title: whose it is tells them apart for who hears them.
function table(title, who, columns, names, total, rows) {
  return [el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `${title} of ${who}` }, el('table', {},
    el('thead', {}, el('tr', {}, columns.map((column, i) => el('th', { scope: 'col', class: i < names ? null : 'n' }, column.replace(/^./, c => c.toUpperCase()))))),
    el('tbody', {}, rows.length
      ? rows.map(row => el('tr', {}, row.map((cell, i) => i < names ? el(i ? 'td' : 'th', { scope: i ? null : 'row', class: 'cut', title: cell }, i || title !== 'Schedules' ? cell : el('a', { href: href('functions', { name: cell }) }, cell))
        : typeof cell[0] === 'number' ? numberCell(cell[0], count(cell[0]), cell[1]) : el('td', { class: 'n' }, cell[0] ?? '–'))))
      : [el('tr', {}, el('td', { class: 'none', colspan: columns.length }, 'None.'))]))),
  total > rows.length && el('p', { class: 'soft pad' }, `${count(rows.length)} of ${count(total)}: filter by a part of the name to see others.`)];
}

const stamp = value => value ? time(new Date(value * 1000).toISOString()) : '–';

// Prometheus's text: name{label="value",…} number
function samples(text) {
  const index = new Map();
  const put = (key, sample) => index.has(key) ? index.get(key).push(sample) : index.set(key, [sample]);
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const sample = { labels: {}, value: Number(match[3]) };
    put(match[1], sample);
    for (const [, name, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      sample.labels[name] = value.replace(/\\(.)/g, (_, c) => c === 'n' ? '\n' : c);
      put(`${match[1]} ${name} ${sample.labels[name]}`, sample);
    }
  }
  // By the first label there is an index; what it leaves is looked through.
  const all = (name, labels = {}) => {
    const [first, ...rest] = Object.entries(labels);
    return (index.get(first ? `${name} ${first[0]} ${first[1]}` : name) ?? []).filter(sample => rest.every(([label, value]) => sample.labels[label] === value));
  };
  return { all, sum: (name, labels) => all(name, labels).reduce((total, sample) => total + sample.value, 0), one: (name, labels) => all(name, labels)[0]?.value ?? null };
}

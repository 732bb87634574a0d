import { ask, confirm, many, queuePath, refresh, say, show as tell, state, time } from './app.js';

// Queues and functions paused and resumed. Each asks first, and says what is in its way.
export const pausedText = pause => [`Paused by ${pause.by || 'somebody'} since ${time(pause.at)} UTC`, pause.reason].filter(Boolean).join(': ');
export const queueOf = name => state.overview?.queues.find(queue => queue.name === name);

// Who holds a function's calls back, since when and why: somebody who paused it, its breaker, or nobody any more.
export const holder = ({ paused, breaker }) => paused ? { by: paused.by || 'somebody', at: paused.at, why: paused.reason }
  : breaker ? { by: 'its breaker', at: breaker.at, why: `cannot be reached: ${breaker.reason}; tried again at ${time(breaker.probeAt).slice(11)} UTC` }
  : { by: '', at: null, why: 'resumed: its calls come back' };
export const holdText = hold => { const { by, at, why } = holder(hold); return `${at ? `Paused by ${by} since ${time(at)} UTC${why ? `: ${why}` : ''}` : why} – ${many(hold.held, 'call')} held`; };

const place = (queue, fn) => queuePath(queue, fn ? `/functions/${encodeURIComponent(fn)}` : '');
const whose = (queue, fn) => fn ? `${fn} in ${queue}` : queue;

export async function pause(queue, fn) {
  const waiting = fn ? '' : ` ${many((queueOf(queue) ?? { waiting: 0 }).waiting, 'call')} wait there now.`;
  const given = await confirm(`Pause ${whose(queue, fn)}?`, `Calls are accepted as ever, and none is started until it is resumed. What runs goes on to its end.${waiting}`, 'Pause', { field: 'Reason, for everybody to read' });
  return given && change(place(queue, fn) + '/pause', { reason: given.text }, `${whose(queue, fn)} is paused.`);
}

// A function's breaker is closed by it, too.
export async function resume(queue, fn, held) {
  const text = fn ? `${many(held, 'call')} that ${held === 1 ? 'was' : 'were'} held come${held === 1 ? 's' : ''} back, behind those that came meanwhile.` : `${many((queueOf(queue) ?? { waiting: 0 }).waiting, 'call')} that wait there are started, as many at once as its workers take.`;
  return await confirm(`Resume ${whose(queue, fn)}?`, text, 'Resume') && change(place(queue, fn) + '/resume', undefined, `${whose(queue, fn)} is resumed.`);
}

// True once it is done. The gateway looks at its queues every two seconds: by then all that is shown has it too.
async function change(path, json, done) {
  try {
    await ask(path, { method: 'POST', json });
  } catch (problem) {
    tell(problem);
    return false;
  }
  say(done);
  const before = state.overview?.at;
  for (let i = 0; i < 10 && state.overview?.at === before; i++) {
    await new Promise(resolve => setTimeout(resolve, 300));
    await refresh().catch(tell);
  }
  return true;
}

// The one listener for all buttons of a table that is drawn again and again.
export function actOn(table, afterwards = () => {}) {
  table.addEventListener('click', async event => {
    const { act, queue, function: fn, held } = event.target.closest('button[data-act]')?.dataset ?? {};
    if (act && await (act === 'pause' ? pause(queue, fn) : resume(queue, fn, Number(held ?? 0)))) afterwards();
  });
}

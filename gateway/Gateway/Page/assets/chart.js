import { el, svg } from './app.js';

// A line chart of 15 minutes: lines are arrays of a value for each time, oldest first, null for none. The table of the same numbers is for who cannot see it.
const width = 360, height = 150, left = 38, bottom = 20, top = 8;
const span = 15 * 60 * 1000;

export function chart(title, times, lines, format) {
  const end = times.length ? times[times.length - 1] : Date.now();
  const max = nice(Math.max(0, ...lines.flatMap(line => line.values.filter(v => v !== null))));
  const x = t => left + (width - left) * (1 - (end - t) / span);
  const y = v => top + (height - top - bottom) * (1 - v / max);
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${title}, last 15 minutes: ${lines.map(line => `${line.name} ${told(line.values, format)}`).join('; ')}` });
  for (const share of [0, .5, 1]) {
    picture.append(svg('line', { class: 'grid', x1: left, x2: width, y1: y(max * share), y2: y(max * share) }));
    if (max * share % 1 === 0 || max < 3) picture.append(svg('text', { x: left - 6, y: y(max * share) + 4, 'text-anchor': 'end' }, short(max * share)));
  }
  for (const [minutes, anchor] of [[15, 'start'], [10, 'middle'], [5, 'middle'], [0, 'end']]) {
    picture.append(svg('text', { x: x(end - minutes * 60000), y: height - 4, 'text-anchor': anchor }, minutes ? `−${minutes} min` : 'now'));
  }
  lines.forEach((line, i) => {
    let path = '', pen = false;
    line.values.forEach((value, at) => {
      if (value === null) pen = false;
      else { path += `${pen ? 'L' : 'M'}${x(times[at]).toFixed(1)} ${y(value).toFixed(1)}`; pen = true; }
    });
    picture.append(svg('path', { class: i ? 'b' : 'a', d: path || 'M0 0' }));
  });
  return el('div', { class: 'card pad chart' },
    el('div', { class: 'head' }, el('h2', {}, title), lines.length > 1 && el('div', { class: 'key push' }, lines.map((line, i) => el('span', { class: i ? 'b' : 'a' }, line.name)))),
    picture);
}

const told = (values, format) => { const last = values.findLast(v => v !== null); return last === undefined ? 'nothing yet' : format(last); };
const short = v => v >= 1e6 ? `${+(v / 1e6).toFixed(1)}M` : v >= 1e4 ? `${+(v / 1e3).toFixed(1)}k` : `${+v.toFixed(2)}`;
function nice(max) {
  if (max <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 2, 4, 5, 10].map(step => step * power).find(step => step >= max);
}

// <ml-chart> draws the values inside it as lines, and as a table for those who
// ask for one; the chart is hidden from screen readers.
(() => {
'use strict';
const doc = document, root = doc.documentElement;
const colours = ['--accent', '--amber', '--green', '--red', '--violet', '--blue'];
const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

// A canvas needs colours as they are, not as light-dark() says them.
const colour = (name) => {
  const probe = doc.createElement('i');
  probe.style.color = `var(${name})`;
  doc.body.append(probe);
  const c = getComputedStyle(probe).color;
  probe.remove();
  return c;
};

const short = (v) => {
  const a = Math.abs(v);
  if (a !== 0 && (a < 1e-4 || a >= 1e15)) return Number(v.toPrecision(3)).toExponential();
  return String(Number(v.toFixed(a >= 100 ? 0 : a >= 10 ? 1 : a >= 1 ? 2 : a >= 0.1 ? 3 : 4)));
};
const scaled = (v, base, units) => {
  let i = 0;
  while (i < units.length - 1 && Math.abs(v) >= base * 0.99995) { v /= base; i++; }
  return short(v) + units[i];
};
const seconds = (v) => {
  const a = Math.abs(v);
  if (a === 0) return '0 s';
  if (a < 1e-3) return short(v * 1e6) + ' µs';
  if (a < 1) return short(v * 1e3) + ' ms';
  if (a < 120) return short(v) + ' s';
  return a < 7200 ? short(v / 60) + ' min' : short(v / 3600) + ' h';
};
const format = (v, unit) => {
  if (v == null) return '–';
  if (unit === 's') return seconds(v);
  if (unit === 'ms') return seconds(v / 1000);
  if (unit === '%') return short(v) + ' %';
  if (unit === 'B') return scaled(v, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']);
  return scaled(v, 1000, ['', 'k', 'M', 'G', 'T']) + unit;
};

// Ticks by their distance in seconds: the text, then what is added where the
// year, month, day, hour, minute or second is another one than before.
const ticks = [
  [86400 * 365, '{YYYY}', null, null, null, null, null, null, 1],
  [86400 * 28, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [86400, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
];

// The values as the page has them: times in seconds, and a list for each line
// with null where there is no value. Most lines are differences of whole numbers.
const read = (el) => {
  const [first, ...distances] = (el.dataset.times ?? '').split(' ');
  const times = first ? [Number(first)] : [];
  for (const d of distances) {
    const [distance, count] = d.split('*').map(Number);
    for (let i = 0; i < count; i++) times.push(times[times.length - 1] + distance);
  }
  const heads = [...el.querySelectorAll('.lines li')];
  return {
    times,
    partial: new Set((el.dataset.partial ?? '').split(' ')),
    heads: heads.map((li) => ({ name: li.textContent, dash: 'dash' in li.dataset })),
    lines: heads.map(({ dataset: { v, e } }) => {
      let sum = 0;
      return v.split(',').map((n) => n === '' ? null : e === undefined ? Number(n) : Number(`${sum += Number(n)}e${e}`));
    }),
  };
};

// The values as columns: times, then values. For uPlot null is a gap, which is
// drawn where values are missing, because nothing is not zero; undefined is a
// place where another column has a value, and does not interrupt the line.
const columns = (el, { times, lines }) => {
  const step = Number(el.dataset.step) || 60, before = Number(el.dataset.before), coarse = Number(el.dataset.coarse);
  const width = (t) => t < before ? coarse : step;
  const data = [[], ...lines.map(() => [])];
  times.forEach((t, row) => {
    const last = data[0][data[0].length - 1];
    if (t - last > width(last) * 1.5) {
      data[0].push(last + width(last));
      for (let i = 1; i < data.length; i++) data[i].push(null);
    }
    data[0].push(t);
    lines.forEach((line, i) => data[i + 1].push(line[row]));
  });
  for (const column of data.slice(1)) join(data[0], column, width);
  return data;
};

const make = (tag, fields, ...children) => {
  const el = Object.assign(doc.createElement(tag), fields);
  el.append(...children);
  return el;
};

// The values as the table that the server makes for those without scripts.
const table = (title, unit, { times, partial, heads, lines }) => {
  const body = times.map((t, row) => {
    const time = make('time', { dateTime: new Date(t * 1000).toISOString().replace('.000', '') });
    time.dataset.abs = '';
    return make('tr', {},
      make('th', { scope: 'row' }, time, ...partial.has(String(row)) ? [' ', make('span', { className: 'dim' }, 'not over')] : []),
      ...lines.map((line) => make('td', { className: 'num' }, line[row] === null ? make('span', { className: 'dim' }, 'none') : format(line[row], unit))));
  });
  return make('table', { className: 'values' },
    make('caption', { className: 'hide' }, title),
    make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, 'Time'), ...heads.map((head) => make('th', { scope: 'col', className: 'num' }, head.name)))),
    make('tbody', {}, ...body));
};

// Values that follow each other at the column's own distance, which is longer
// where finer values are not kept any more, are one line.
const join = (times, column, width) => {
  const at = column.flatMap((v, i) => v === null ? [] : [i]);
  const apart = at.slice(1).map((i, n) => times[i] - times[at[n]]);
  const own = Math.min(...apart);
  at.slice(1).forEach((i, n) => {
    if (apart[n] <= Math.max(own, width(times[at[n]])) * 1.5) column.fill(undefined, at[n] + 1, i);
  });
};

// The releases, or alerts, that the page lists: times in seconds, texts and addresses.
const listed = (which) => [...doc.querySelectorAll(which + ' li')].map((li) => [Date.parse(li.querySelector('time').dateTime) / 1000, li.firstElementChild.textContent, li.firstElementChild.href]);

// A line for each release, with its name where there is room.
const mark = (u, list, line, text, font) => {
  const { ctx, bbox } = u, one = uPlot.pxRatio, right = bbox.left + bbox.width;
  ctx.save();
  ctx.font = font;
  ctx.textAlign = 'left';
  ctx.strokeStyle = line;
  ctx.fillStyle = text;
  ctx.lineWidth = one;
  ctx.setLineDash([4 * one, 3 * one]);
  let free = bbox.left;
  for (const [t, name] of list) {
    const x = Math.floor(u.valToPos(t, 'x', true)) + 0.5;
    if (!(x >= bbox.left && x <= right)) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const label = name.length > 24 ? name.slice(0, 23) + '…' : name, width = ctx.measureText(label).width;
    const at = x + 4 * one + width > right ? x - width - 4 * one : x + 4 * one;
    if (at < free) continue;
    ctx.fillText(label, at, bbox.top + 11 * one);
    free = Math.max(x, at + width) + 4 * one;
  }
  ctx.restore();
};

// A triangle for each alert, which leads to its issue. Those that would cover each
// other are one, with their number, which leads to the list of all.
const point = (u, list) => {
  const groups = [];
  for (const [t, title, href] of list) {
    const x = u.valToPos(t, 'x'), last = groups[groups.length - 1];
    if (!(x >= 0 && x <= u.over.clientWidth)) continue;
    if (last && x - last.x < 18) last.titles.push(title);
    else groups.push({ x, titles: [title], href });
  }
  for (const el of u.over.querySelectorAll('.alert')) el.remove();
  for (const { x, titles, href } of groups) {
    const n = titles.length, a = make('a', { title: titles[0], tabIndex: -1, draggable: false });
    if (n > 1) Object.assign(a, { title: `${n} alerts\n` + titles.slice(-8).join('\n'), textContent: n, href: '#alerts' });
    else if (href) a.href = href;
    const el = make('i', { className: 'alert' }, a);
    el.style.left = x + 'px';
    u.over.append(el);
  }
};

class Chart extends HTMLElement {
  connectedCallback() {
    // A fragment's table may not be there yet.
    requestAnimationFrame(() => this.draw());
    // In the way down: this event does not bubble.
    this.addEventListener('toggle', () => this.tabulate(), true);
    this.size = new ResizeObserver(() => {
      const plot = this.querySelector('.plot');
      if (this.plot && plot.clientWidth && plot.clientWidth !== this.plot.width) this.plot.setSize({ width: plot.clientWidth, height: this.plot.height });
    });
    this.size.observe(this);
    this.theme = new MutationObserver(() => this.draw());
    this.theme.observe(root, { attributes: true, attributeFilter: ['data-theme', 'data-zone'] });
    this.system = matchMedia('(prefers-color-scheme: dark)');
    this.redraw = () => this.draw();
    this.system.addEventListener('change', this.redraw);
    this.paper = matchMedia('print');
    this.paper.addEventListener('change', this.redraw);
  }

  disconnectedCallback() {
    this.size?.disconnect();
    this.theme?.disconnect();
    this.system?.removeEventListener('change', this.redraw);
    this.paper?.removeEventListener('change', this.redraw);
    this.plot?.destroy();
    this.plot = null;
  }

  values() { return read(this); }

  // Makes the table the first time that it is unfolded.
  tabulate() {
    const at = this.querySelector('details[open] .scroll');
    if (!at || at.firstElementChild) return;
    at.append(table(at.dataset.title, this.dataset.unit, this.values()));
    core.drawTimes(at);
  }

  draw() {
    const at = this.querySelector('.plot');
    const values = this.values(), { heads } = values, data = columns(this, values);
    this.plot?.destroy();
    this.plot = null;
    if (!at || !data[0].length || !this.isConnected) return;
    this.classList.add('drawn');
    at.textContent = '';
    const unit = this.dataset.unit, utc = root.dataset.zone === 'utc';
    const dim = colour('--dim'), line = colour('--line');
    const axis = { stroke: dim, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '12px ' + css('--sans') };
    const strokes = colours.map(colour);
    const points = data[0].length < 40, marks = listed('.marks:not(.alerts)'), alerts = listed('.alerts'), text = colour('--text'), violet = colour('--violet');
    this.plot = new uPlot({
      width: at.clientWidth || 600,
      height: this.closest('.big-chart') ? 340 : 220,
      tzDate: (ts) => utc ? uPlot.tzDate(new Date(ts * 1000), 'UTC') : new Date(ts * 1000),
      scales: {
        x: { range: () => [Number(this.dataset.from), Number(this.dataset.to)] },
        y: { range: (u, lo, hi) => lo == null ? [0, 1] : uPlot.rangeNum(Math.min(0, lo), hi === lo ? hi + (Math.abs(hi) || 1) : hi, { min: { pad: 0.05, soft: 0, mode: 1 }, max: { pad: 0.08 } }) },
      },
      axes: [{ ...axis, values: ticks }, { ...axis, size: 72, values: (u, list) => list.map((v) => format(v, unit)) }],
      series: [
        { label: 'Time', value: '{YYYY}-{MM}-{DD} {HH}:{mm}' },
        ...heads.map((head, i) => ({
          label: head.name,
          stroke: strokes[i % strokes.length],
          width: 1.5,
          dash: head.dash ? [3, 4] : i >= strokes.length ? [8, 4] : undefined,
          points: points ? { show: true, size: 4 } : undefined,
          fill: heads.length === 1 ? strokes[0].replace('rgb(', 'rgba(').replace(')', ', 0.12)') : undefined,
          value: (u, v) => format(v, unit),
        })),
      ],
      // One crosshair for all charts of the page.
      cursor: { sync: { key: 'monlight' }, drag: { x: true, y: false, setScale: false } },
      hooks: {
        draw: [(u) => mark(u, marks, violet, text, `${11 * uPlot.pxRatio}px ${css('--sans')}`), (u) => point(u, alerts)],
        setSelect: [(u) => {
          if (u.select.width < 5) return;
          const from = Math.floor(u.posToVal(u.select.left, 'x')), to = Math.ceil(u.posToVal(u.select.left + u.select.width, 'x'));
          const url = new URL(location.href);
          url.searchParams.set('from', from);
          url.searchParams.set('to', Math.max(to, from + 60));
          url.searchParams.delete('refresh');
          location.assign(url);
        }],
      },
    }, data, at);
  }
}
customElements.define('ml-chart', Chart);
})();

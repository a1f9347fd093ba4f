// Finding within the entries that are loaded. A browser's own search sees the few
// rows only that are in the document.
(() => {
'use strict';
const ml = window.ml;
// SLICE is how long it looks at a time, in ms: the page goes on in between.
const SLICE = 8;
const number = (n) => n.toLocaleString('en').replaceAll(',', '\u202f');

// finder finds in a list. bar has the field, the count and the buttons; with
// newest the newest hit is the first one to be looked at.
ml.finder = (list, bar, newest) => {
  const input = bar.querySelector('input'), count = bar.querySelector('output');
  let expression, hits = [], looked = 0, timer, start = 0, wanted = false;

  // Of a JSON line it finds what the list shows, too.
  const has = ({ mark, message }) => {
    if (mark) return false;
    const text = ml.visible(ml.plain(message));
    return expression.test(text) || text.startsWith('{') && expression.test(ml.members(text)?.join(' ') ?? '');
  };
  // place is how many hits stand before a row.
  const place = (row) => {
    let from = 0, to = hits.length;
    while (from < to) { const half = (from + to) >> 1; if (hits[half] < row) from = half + 1; else to = half; }
    return from;
  };
  const say = () => {
    const i = place(list.at), at = hits[i] === list.at, more = looked < list.items.length ? '…' : '';
    count.textContent = !expression ? '' : hits.length ? at ? `${number(i + 1)} of ${number(hits.length)}${more}` : `${number(hits.length)} found${more}` : more || 'Not in these lines';
    for (const button of bar.querySelectorAll('[data-step]')) button.disabled = !hits.length;
  };
  const go = (row) => {
    find.onfind?.();
    list.reveal(row);
    const item = list.select(row);
    if (ml.drawer.el?.open) ml.drawer.show(item);
  };
  const look = () => {
    const until = performance.now() + SLICE, { items } = list;
    timer = undefined;
    for (let n = 1; looked < items.length; n++) {
      if (has(items[looked])) hits.push(looked);
      looked++;
      if (n % 32 === 0 && performance.now() > until) { timer = setTimeout(look); break; }
    }
    const all = looked === items.length, first = hits[newest ? (all ? hits.length - 1 : -1) : place(start)] ?? (all ? hits[0] : undefined);
    if (wanted && first !== undefined) go(first);
    wanted &&= first === undefined && !all;
    say();
  };
  const begin = () => {
    clearTimeout(timer);
    timer = undefined;
    const source = input.value.replace(new RegExp('[\\\\^$.*+?()[\\]{}|/]', 'g'), '\\$&');
    expression = source ? new RegExp(source, 'i') : null;
    list.found = source ? new RegExp(source, 'gi') : null;
    hits = [];
    looked = expression ? 0 : list.items.length;
    wanted = Boolean(expression);
    list.repaint();
    look();
  };
  const find = {
    get open() { return !bar.hidden; },
    get active() { return this.open && Boolean(expression); },
    show() {
      start = list.at < 0 ? list.top : list.at;
      bar.hidden = false;
      input.focus();
      input.select();
      if (input.value && !expression) begin();
    },
    close() {
      clearTimeout(timer);
      bar.hidden = true;
      expression = list.found = null;
      list.repaint();
      list.view.focus({ preventScroll: true });
    },
    step(by) {
      if (!hits.length) return;
      const i = place(list.at);
      go(hits.at((by > 0 && hits[i] !== list.at ? i : i + by) % hits.length));
      start = list.at;
    },
    // changed follows the list: so many of its first entries are gone, others came.
    changed(dropped) {
      if (!expression) return;
      if (dropped) {
        hits = hits.slice(place(dropped)).map((i) => i - dropped);
        looked = Math.max(0, looked - dropped);
        start = Math.max(0, start - dropped);
      }
      timer ??= setTimeout(look);
    },
  };
  input.addEventListener('input', begin);
  bar.addEventListener('keydown', (e) => {
    if (e.isComposing || e.target !== input) return;
    if (e.key === 'Enter') list.view.focus({ preventScroll: true });
    else if (e.key === 'ArrowDown') find.step(1);
    else if (e.key === 'ArrowUp') find.step(-1);
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  bar.addEventListener('click', (e) => {
    const button = e.target.closest('button');
    if (!button) return;
    if (button.dataset.step) find.step(Number(button.dataset.step)); else find.close();
  });
  list.onchange = (dropped) => find.changed(dropped);
  list.onselect = () => { if (expression) say(); };
  return find;
};
})();

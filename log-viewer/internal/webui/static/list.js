// A list of log entries of which only what is seen is in the document. All rows
// have the same height, unless lines are wrapped: then there are at most 2,000,
// from the entry "from" on, or the last ones where there is none. tail is a list
// that is followed at its end.
(() => {
'use strict';
const ml = window.ml;
const H = 24, SPARE = 10, WRAPPED = 2000;

ml.List = class {
  // columns are names of fields whose values stand before the message.
  constructor(host, label, marker, columns = []) {
    this.items = [];
    this.pool = [];
    this.at = -1;
    this.marker = marker;
    this.columns = columns;
    this.view = ml.make('div', 'view');
    this.view.tabIndex = 0;
    this.view.setAttribute('role', 'listbox');
    this.view.setAttribute('aria-label', label);
    this.space = ml.make('div', 'space');
    this.space.setAttribute('role', 'presentation');
    this.view.append(this.space);
    host.replaceChildren(this.view);
    if (columns.length) host.prepend(this.head());
    host.classList.toggle('many', columns.length > 3);
    this.view.addEventListener('scroll', () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(this.view);
    this.view.addEventListener('click', (e) => {
      const row = e.target.closest?.('.r');
      if (!row || String(getSelection())) return;
      const item = this.items[row.index];
      if (!item || item.mark) return;
      if (e.ctrlKey || e.metaKey) { open(ml.entryPath(item.id)); return; }
      this.select(row.index);
      this.onopen?.(item);
    });
    new MutationObserver(() => this.repaint()).observe(document.documentElement, { attributes: true, attributeFilter: ['data-zone'] });
    // Paper has no window to look through: entries are printed whole, from the first in sight.
    matchMedia('print').addEventListener('change', (e) => {
      if (e.matches) this.screen = this.wrapped;
      if (!this.screen) this.wrap(e.matches);
    });
  }
  // head names the columns.
  head() {
    const row = this.row();
    row.className = 'heads';
    row.removeAttribute('role');
    for (const [el, text] of [[row.children[0], 'Time'], [row.children[1], 'Level'], [row.children[2], 'Container'], [row.children.item(row.children.length - 2), 'Message'], ...this.columns.map((name, i) => [row.children[3 + i], ml.visible(name)])]) {
      el.textContent = text;
    }
    return row;
  }
  soon() {
    this.frame ??= requestAnimationFrame(() => { this.frame = undefined; this.draw(); });
  }
  get wrapped() { return this.view.classList.contains('wrap'); }
  wrap(on) {
    const top = Math.floor(this.view.scrollTop / H), bottom = this.atBottom();
    this.view.classList.toggle('wrap', on);
    this.pool = [];
    this.space.replaceChildren();
    this.from = on && !(this.tail && bottom) ? Math.max(0, Math.min(top, this.items.length - WRAPPED)) : undefined;
    this.draw();
    if (bottom) this.toBottom(); else if (!on) this.view.scrollTop = top * H;
  }
  set(items) {
    const before = this.items.length;
    this.items = items;
    this.at = -1;
    this.from = undefined;
    this.repaint();
    this.onchange?.(before);
  }
  repaint() {
    for (const row of this.pool) row.item = undefined;
    if (this.wrapped) this.space.replaceChildren();
    this.draw();
  }
  // append adds entries and drops the oldest ones above the limit.
  append(items, limit) {
    for (const item of items) this.items.push(item);
    const over = this.items.length - limit, drop = over > 0 ? Math.min(this.items.length, over + Math.floor(limit / 20)) : 0;
    if (drop) {
      this.items.splice(0, drop);
      this.at = this.at < drop ? -1 : this.at - drop;
      for (const row of this.pool) row.item = undefined;
      if (this.wrapped) this.space.replaceChildren();
      else this.view.scrollTop -= drop * H;
      if (this.from) this.from = Math.max(0, this.from - drop);
    }
    this.onchange?.(drop);
    this.soon();
  }
  draw() {
    const n = this.items.length;
    if (this.wrapped) { this.drawWrapped(n); this.slide(); } else {
      this.space.style.height = `${n * H}px`;
      const first = Math.max(0, Math.floor(this.view.scrollTop / H) - SPARE);
      const size = Math.ceil(this.view.clientHeight / H) + 2 * SPARE;
      while (this.pool.length < size) { const row = this.row(); this.pool.push(row); this.space.append(row); }
      // The row of an entry is the same one while the list moves.
      const used = this.pool.length;
      for (let i = first; i < first + used; i++) {
        const row = this.pool[i % used];
        if (i >= n) { row.hidden = true; row.item = undefined; continue; }
        this.fill(row, i);
        row.style.transform = `translateY(${i * H}px)`;
      }
    }
    this.onedge?.();
  }
  drawWrapped(n) {
    let have = this.space.childElementCount;
    const first = this.from ?? Math.max(0, n - WRAPPED);
    while (have && this.space.firstElementChild.index < first) { this.space.firstElementChild.remove(); have--; }
    for (let i = have ? this.space.lastElementChild.index + 1 : first; i < Math.min(n, first + WRAPPED); i++) {
      const row = this.row();
      this.fill(row, i);
      this.space.append(row);
    }
  }
  // slide goes on at an end of the rows that are wrapped: others take their place.
  slide() {
    const rows = this.space.children, n = this.items.length, first = this.from, last = rows.length - 1;
    if (first === undefined || last < 0 || this.view.scrollHeight <= this.view.clientHeight + H) return;
    const down = this.atBottom(), to = down ? Math.min(first + WRAPPED / 2, n - WRAPPED) : this.view.scrollTop < H ? Math.max(0, first - WRAPPED / 2) : first;
    if (down ? to <= first : to === first) return;
    const { index } = rows[down ? last : 0], top = rows[down ? last : 0].offsetTop;
    this.from = to;
    this.space.replaceChildren();
    this.drawWrapped(n);
    this.view.scrollTop += rows[index - to].offsetTop - top;
  }
  // nearEnd tells whether the reader will soon have seen all entries.
  nearEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.view, end = scrollTop + clientHeight * 3, n = this.items.length;
    return this.wrapped ? end >= scrollHeight && this.space.lastElementChild?.index === n - 1 : end >= n * H;
  }
  row() {
    const row = ml.make('div', 'r');
    row.setAttribute('role', 'option');
    const t = ml.make('span', 't');
    t.append(ml.make('span', 'd'), ml.make('span'));
    row.append(t, ml.make('span', 'lv'), ml.make('span', 'c'), ...this.columns.map(() => ml.make('span', 'x')), ml.make('span', 'm'), ml.make('span', 'fold'));
    for (const el of row.querySelectorAll('.c, .x, .m')) el.dir = 'auto';
    return row;
  }
  fill(row, i) {
    const item = this.items[i];
    row.hidden = false;
    row.index = i;
    const selected = i === this.at;
    if (row.ariaSelected !== String(selected)) row.ariaSelected = String(selected);
    if (selected) { row.id = 'row-at'; this.view.setAttribute('aria-activedescendant', 'row-at'); } else if (row.id) row.removeAttribute('id');
    if (row.item === item) return;
    row.item = item;
    const [t, lv, c, ...rest] = row.children, fold = rest.pop(), m = rest.pop();
    row.ariaDisabled = item.mark ? 'true' : null;
    if (item.mark) {
      row.className = item.tone ? `r mark ${item.tone}` : 'r mark';
      for (const el of [t, lv, c, fold, ...rest]) el.hidden = true;
      m.textContent = item.timestamp ? `${ml.clock(item.timestamp).slice(6, 14)} ${item.mark}` : item.mark;
      m.title = item.timestamp ?? '';
      return;
    }
    row.className = 'r';
    m.title = '';
    for (const el of [t, lv, c, ...rest]) el.hidden = false;
    const clock = ml.clock(item.timestamp);
    t.firstChild.textContent = clock.slice(0, 6);
    t.lastChild.textContent = clock.slice(6);
    t.title = item.timestamp;
    lv.className = `lv lv-${item.level}`;
    lv.textContent = item.level;
    c.textContent = item.shown ?? ml.visible(item.container);
    for (const [i, el] of rest.entries()) el.textContent = ml.visible(ml.plain((item.columns?.[i] ?? '').slice(0, 100)));
    let text = item.message, more = item.more ?? 0;
    const end = text.indexOf('\n');
    if (end >= 0) { more ||= text.split('\n').length - 1; if (!this.wrapped) text = item.head ?? ml.headline(text, end); }
    const most = this.wrapped ? 4096 : 600;
    ml.line(m, text.length > most ? text.slice(0, most) + '…' : text, this.found ?? this.marker);
    fold.hidden = !more || this.wrapped;
    fold.textContent = `+${more} ${more === 1 ? 'line' : 'lines'}`;
  }
  select(i, scroll = true) {
    const n = this.items.length;
    if (!n) return;
    const step = i < this.at ? -1 : 1;
    i = Math.max(0, Math.min(n - 1, i));
    while (this.items[i]?.mark) i += step;
    if (!this.items[i]) return;
    this.at = i;
    if (scroll && !this.wrapped) {
      const top = i * H;
      if (top < this.view.scrollTop) this.view.scrollTop = top;
      else if (top + H > this.view.scrollTop + this.view.clientHeight) this.view.scrollTop = top + H - this.view.clientHeight;
    }
    if (this.wrapped) for (const row of this.space.children) this.fill(row, row.index);
    this.draw();
    this.onselect?.();
    if (scroll && this.wrapped) this.space.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
    return this.items[i];
  }
  // reveal brings an entry into the middle, when it is out of sight.
  reveal(i) {
    if (!this.wrapped) {
      const { scrollTop, clientHeight } = this.view;
      this.space.style.height = `${this.items.length * H}px`;
      if (i * H < scrollTop || (i + 1) * H > scrollTop + clientHeight) this.view.scrollTop = i * H - clientHeight / 2;
      return;
    }
    if (i >= this.space.firstElementChild?.index && i <= this.space.lastElementChild?.index) return;
    this.from = Math.max(0, Math.min(i - WRAPPED / 2, this.items.length - WRAPPED));
    this.space.replaceChildren();
    this.draw();
  }
  // top is the first row in sight.
  get top() { return this.wrapped ? this.space.firstElementChild?.index ?? 0 : Math.floor(this.view.scrollTop / H); }
  get selected() { return this.items[this.at]; }
  atBottom() { return this.view.scrollTop + this.view.clientHeight >= this.view.scrollHeight - H; }
  toBottom() {
    if (this.from !== undefined) { this.from = undefined; this.space.replaceChildren(); this.draw(); }
    if (!this.wrapped) this.space.style.height = `${this.items.length * H}px`;
    this.view.scrollTop = this.view.scrollHeight;
  }
};
})();

// The explorer: the list that goes on by itself, the drawer, the histogram.
(() => {
'use strict';
const ml = window.ml, doc = document;
const $ = (selector, from = doc) => from.querySelector(selector);
const $$ = (selector, from = doc) => [...from.querySelectorAll(selector)];
// Rows that a browser still scrolls smoothly, with what they take.
const MOST = 100000;

const base = () => new URL($('.brand').href).pathname;
ml.entryPath = (id) => `${base()}logs/${id}`;
ml.notice = (kind, text, href) => {
  $('#logs-notice')?.remove();
  if (!text) return;
  const el = ml.make('div', `notice ${kind}`);
  el.id = 'logs-notice';
  el.append(ml.make('span', '', text));
  if (href) { const a = ml.make('a', '', 'Sign in again'); a.href = href; el.append(a); }
  $('#notices')?.append(el);
};
// ask gets JSON from the API and says what is the matter when it cannot.
ml.ask = async (url, signal) => {
  let answer;
  try {
    answer = await fetch(url, { signal, headers: { Accept: 'application/json' } });
  } catch (err) {
    if (err.name === 'AbortError') return null;
    ml.notice('bad', navigator.onLine ? 'The service cannot be reached.' : 'You are offline.');
    return null;
  }
  if (answer.ok) { ml.notice(); return answer.json(); }
  if (answer.status === 401) { ml.notice('warn', 'Your session has ended.', location.href); return null; }
  const problem = await answer.json().catch(() => ({}));
  const id = problem.request_id ? ', request ' + problem.request_id : '';
  ml.notice('bad', `${problem.detail ?? 'The service failed'} (status ${answer.status}${id}).`);
  return null;
};

// patient has something said when an answer takes its time: at once it would flash.
const patient = (answer, say) => {
  const timer = setTimeout(say, 300);
  return answer.finally(() => clearTimeout(timer));
};
const loading = (at) => at.replaceChildren(ml.make('p', 'dim', 'Loading…'));

// The rows that came with the page.
const given = (host) => $$('tbody tr', host).map((tr) => ({
  id: Number(tr.dataset.id), timestamp: $('.t', tr).dataset.clock, level: $('.lv', tr).textContent, shown: $('.c', tr).textContent,
  container: $('.c', tr).textContent, columns: $$('.x', tr).map((x) => x.textContent), head: tr.dataset.raw?.startsWith('Traceback') ? $('.m a', tr).textContent : undefined, message: tr.dataset.raw ?? $('.m a', tr).textContent, more: parseInt($('.fold', tr)?.textContent.slice(1) ?? '0', 10),
}));

class Logs extends HTMLElement {
  connectedCallback() {
    if (this.list) return;
    const items = given(this), columns = new URLSearchParams(location.search).getAll('column').filter((c, i, all) => c && all.indexOf(c) === i);
    this.list = ml.list = new ml.List(this, 'Log entries', ml.marker(this.dataset.search), columns);
    this.status = ml.make('div', 'status');
    this.status.append(ml.make('span'), ml.make('span'));
    this.append(this.status);
    this.list.onopen = (item) => drawer.show(item);
    this.list.set(items);
    this.classList.add('on');
    if (localStorage.getItem('monlight_wrap') === '1') ml.wrap(true);
    const bar = $('.find');
    ml.find = bar && ml.finder(this.list, bar, this.dataset.live !== undefined);
    if (this.dataset.live !== undefined) { ml.live?.(this, this.list); return; }
    this.cursor = this.dataset.cursor;
    this.list.onedge = () => this.edge();
    this.say();
    this.edge();
  }
  disconnectedCallback() { this.abort?.abort(); }
  say(slow) {
    const n = this.list.items.length.toLocaleString('en').replaceAll(',', '\u202f');
    this.status.firstChild.textContent = slow ? 'Loading older entries…' : this.cursor ? (this.full() ? `${n} entries shown. Choose a time to see older ones.` : `${n} entries loaded, scroll for older ones`) : `${n} entries, that is all`;
    this.status.lastChild.textContent = 'newest first';
  }
  full() { return this.list.items.length >= MOST; }
  edge() {
    if (this.cursor && !this.loading && !this.full() && this.list.nearEnd()) this.more();
  }
  // more loads the next page: small at first, so that it is there at once.
  async more(limit = this.list.items.length < 1000 ? 500 : 5000) {
    this.loading = true;
    this.abort = new AbortController();
    const page = await patient(ml.ask(`${this.dataset.api}&limit=${limit}&cursor=${encodeURIComponent(this.cursor)}`, this.abort.signal), () => this.say(true));
    this.loading = false;
    if (page) {
      this.cursor = page.next;
      this.list.append(page.logs, Infinity);
    } else {
      this.cursor = '';
    }
    this.say();
    return page;
  }
}

// The drawer with one entry.
const drawer = ml.drawer = {
  get el() { return $('#entry'); },
  async show(item) {
    const el = this.el;
    if (!el) return;
    this.item = item;
    if (!el.open) { el.show(); $('.body', el).focus(); }
    $('#entry-title .lv').className = `lv lv-${item.level}`;
    $('#entry-title .lv').textContent = item.level;
    $('#entry-title .c').textContent = item.shown ?? ml.visible(item.container);
    $('.meta', el).textContent = `${ml.clock(item.timestamp)} · ${item.timestamp} · entry ${item.id}`;
    $('[data-open]', el).href = ml.entryPath(item.id);
    for (const name of ['.fields', '.around', '.tree', '.related']) $(name, el).replaceChildren();
    this.abort?.abort();
    this.abort = new AbortController();
    this.message(item.message);
    const fields = $('.fields', el), full = await patient(ml.ask(`${base()}api/logs/${item.id}`, this.abort.signal), () => { if (this.item === item) loading(fields); });
    if (this.item !== item) return;
    fields.replaceChildren();
    if (!full) return;
    this.full = full;
    this.message(full.message);
    this.fields(full.fields);
    this.related(full);
  },
  // Everything of the same trace or request, whatever wrote it.
  related(full) {
    const at = $('.related', this.el);
    for (const [label, id] of [['This trace', full.trace_id], ['This request', full.request_id]]) {
      if (!id) continue;
      const a = ml.make('a', 'btn small', label);
      a.href = `${base()}?${new URLSearchParams({ search: `"${id.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` })}`;
      a.title = `All entries with ${ml.visible(id)}`;
      at.append(a);
    }
  },
  // Long texts are cut until the reader wants them whole.
  message(text, all) {
    const pre = $('.msg', this.el), most = 20000;
    this.text = text;
    ml.paint(pre, all || text.length <= most ? text : text.slice(0, most), ml.list?.found ?? ml.list?.marker);
    if (!all && text.length > most) {
      const button = ml.make('button', 'link', `Show all ${text.length.toLocaleString('en')} characters`);
      button.type = 'button';
      button.onclick = () => this.message(text, true);
      pre.append('… ', button);
    }
    const json = text.length < 300000 ? ml.json(ml.plain(text)) : null, raw = $('[data-do=raw]', this.el), tree = $('.tree', this.el);
    raw.hidden = !json;
    tree.hidden = !json;
    pre.hidden = Boolean(json);
    raw.textContent = 'Raw';
    if (json) {
      tree.replaceChildren(ml.tree(json.value));
      if (json.rest) tree.append(ml.make('p', 'dim', ml.visible(json.rest)));
    }
  },
  fields(list) {
    const at = $('.fields', this.el);
    if (!list.length) return;
    const table = ml.make('table', 'kv'), body = ml.make('tbody');
    for (const { name, value } of list) {
      const tr = ml.make('tr'), th = ml.make('th', '', ml.visible(name)), td = ml.make('td', '', ml.visible(value.length > 2000 ? value.slice(0, 2000) + '…' : value)), acts = ml.make('td', 'acts');
      th.scope = 'row';
      th.dir = td.dir = 'auto';
      if (new RegExp('^[\\w@][\\w.@-]*$').test(name) && value.length <= 500) {
        const term = `${name}:"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
        for (const [label, sign, title] of [['Only', '', 'Only entries with this value'], ['Not', '-', 'Entries without this value']]) {
          const a = ml.make('a', 'btn small', label);
          a.title = title;
          a.setAttribute('aria-label', `${label} ${name}`);
          const url = new URL(location.href);
          url.searchParams.delete('cursor');
          url.searchParams.set('search', `${url.searchParams.get('search') ?? ''} ${sign}${term}`.trim());
          a.href = url.href;
          acts.append(a, ' ');
        }
      }
      // One more column, or one less.
      const url = new URL(location.href), have = url.searchParams.getAll('column').filter((c) => c !== name), on = have.length < url.searchParams.getAll('column').length;
      if (name.length <= 200 && (on || have.length < 6)) {
        url.searchParams.delete('column');
        for (const c of on ? have : [...have, name]) url.searchParams.append('column', c);
        const a = ml.make('a', 'btn small', on ? 'No column' : 'Column');
        a.title = on ? 'Without the column of this field' : 'Show this field as a column of the list';
        a.setAttribute('aria-label', `${a.textContent} ${name}`);
        a.href = url.href;
        acts.append(a);
      }
      tr.append(th, td, acts);
      body.append(tr);
    }
    table.append(body);
    at.replaceChildren(ml.make('h3', '', 'Fields'), table);
  },
  async around() {
    const item = this.item, at = $('.around', this.el);
    if (!item) return;
    const page = await patient(ml.ask(`${base()}api/logs/${item.id}/context?before=50&after=50`, this.abort.signal), () => { if (this.item === item) loading(at); });
    if (this.item !== item) return;
    if (!page) { at.replaceChildren(); return; }
    const lines = page.logs.map((e) => {
      const line = ml.make('div', e.id === item.id ? 'ln at' : 'ln'), text = ml.make('span');
      ml.paint(text, e.message.length > 4096 ? e.message.slice(0, 4096) + '…' : e.message);
      line.append(ml.make('span', 't', ml.clock(e.timestamp)), text);
      return line;
    });
    at.replaceChildren(ml.make('h3', '', 'Context'), ...lines);
    $('.ln.at', at)?.scrollIntoView({ block: 'center' });
  },
  close() { this.el?.close(); this.item = undefined; ml.list?.view.focus({ preventScroll: true }); },
  go(step) {
    const list = ml.list;
    const item = list?.select(list.at + step);
    if (item) this.show(item);
  },
  raw() {
    const pre = $('.msg', this.el), tree = $('.tree', this.el);
    pre.hidden = !pre.hidden;
    tree.hidden = !pre.hidden;
    $('[data-do=raw]', this.el).textContent = pre.hidden ? 'Raw' : 'Tree';
  },
  async copy(text, button) {
    const label = $('span', button);
    try {
      if (navigator.clipboard && isSecureContext) await navigator.clipboard.writeText(text);
      else {
        const area = ml.make('textarea', 'hide');
        area.value = text;
        this.el.append(area);
        area.select();
        const ok = doc.execCommand('copy');
        area.remove();
        if (!ok) throw new Error('refused');
      }
      ml.said(label, 'Copied');
    } catch { ml.said(label, 'Not copied'); }
  },
};
ml.said = (label, text) => {
  const before = label.dataset.label ??= label.textContent;
  label.textContent = text;
  setTimeout(() => { label.textContent = before; }, 1500);
};
ml.wrap = (on) => {
  for (const b of $$('[data-wrap]')) b.setAttribute('aria-pressed', String(on));
  localStorage.setItem('monlight_wrap', on ? '1' : '');
  ml.list?.wrap(on);
};

doc.addEventListener('click', (e) => {
  const at = (selector) => e.target.closest?.(selector);
  let el;
  if ((el = at('#entry [data-do]'))) {
    const what = el.dataset.do;
    if (what === 'copy') drawer.copy(ml.plain(drawer.text), el);
    else if (what === 'link') drawer.copy(new URL(ml.entryPath(drawer.item.id), location.href).href, el);
    else if (what === 'prev') drawer.go(-1);
    else if (what === 'next') drawer.go(1);
    else if (what === 'context') drawer.around();
    else drawer[what]();
  } else if (at('[data-syntax]')) $('#syntax').showModal();
  else if (at('[data-find]')) ml.find?.show();
  else if (at('[data-wrap]')) ml.wrap(!ml.list?.wrapped);
  else if ((el = at('[data-more]'))) { el.closest('.facet').classList.add('all'); el.remove(); }
});

// Keys of the list, before those that every page has.
doc.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || !ml.list) return;
  const typing = e.target.matches?.('input:not([type=checkbox]),select,textarea'), open = drawer.el?.open;
  if (e.key === 'Escape' && open && !typing) { drawer.close(); e.stopPropagation(); return; }
  if (e.key === 'Escape' && ml.find?.open && (!typing || e.target.closest('.find')) && !$('dialog[open],details.menu[open]')) { ml.find.close(); e.stopPropagation(); return; }
  if (typing || $('dialog[open]:not(#entry)')) return;
  const list = ml.list, onButton = e.target.matches?.('a,button,summary');
  let done = true;
  if (open && (e.key === 'n' || e.key === 'j')) drawer.go(1);
  else if (open && (e.key === 'p' || e.key === 'k')) drawer.go(-1);
  else if (open && e.key === 'c') drawer.around();
  else if (!open && e.key === '/' && ml.find && e.target === list.view) ml.find.show();
  else if (ml.find?.active && (e.key === 'n' || e.key === 'N')) ml.find.step(e.key === 'n' ? 1 : -1);
  else if (open && e.key === '/') { drawer.close(); $('[data-search]')?.focus(); }
  else if (e.key === 'j' || (e.key === 'ArrowDown' && e.target === list.view)) list.select(list.at + 1);
  else if (e.key === 'k' || (e.key === 'ArrowUp' && e.target === list.view)) list.select(list.at < 0 ? 0 : list.at - 1);
  else if (e.key === 'Enter' && list.selected && !onButton) drawer.show(list.selected);
  else if (e.key === 'w') ml.wrap(!list.wrapped);
  else done = false;
  if (done) { e.preventDefault(); e.stopPropagation(); }
}, true);

// The histogram: drag to zoom, click to filter.
let drag = null;
const bars = (plot) => {
  const hist = plot.closest('.hist'), n = Number(hist.dataset.n), box = plot.getBoundingClientRect();
  return { hist, n, step: Number(hist.dataset.step), start: Date.parse(hist.dataset.start), at: (x) => Math.max(0, Math.min(n - 1, Math.floor((x - box.left) / box.width * n))), box };
};
const pick = (plot, a, b) => {
  const rect = $('.pick', plot);
  rect.setAttribute('x', Math.min(a, b) * 10);
  rect.setAttribute('width', a < 0 ? 0 : (Math.abs(b - a) + 1) * 10);
};
doc.addEventListener('pointerdown', (e) => {
  const plot = e.target.closest?.('.hist .plot');
  if (!plot || e.button) return;
  const b = bars(plot);
  drag = { plot, from: b.at(e.clientX) };
  pick(plot, drag.from, drag.from);
});
doc.addEventListener('pointermove', (e) => {
  const plot = drag?.plot ?? e.target.closest?.('.hist .plot');
  if (!plot) return;
  const b = bars(plot), i = b.at(e.clientX);
  if (drag) pick(plot, drag.from, i);
  const tip = $('.tip', plot), row = $$('tbody tr', b.hist).find((tr) => Date.parse(tr.dataset.t) === b.start + i * b.step * 1000);
  const names = ['TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
  const counts = row ? row.dataset.c.trim().split(' ').map((n, l) => n === '0' ? '' : `${names[l]} ${n}`).filter(Boolean).reverse() : ['no entries'];
  tip.textContent = [ml.clock(new Date(b.start + i * b.step * 1000).toISOString()).slice(0, -4), ...counts].join('\n');
  tip.hidden = false;
  tip.style.left = `${Math.max(0, Math.min(e.clientX - b.box.left + 12, b.box.width - tip.offsetWidth))}px`;
});
doc.addEventListener('pointerout', (e) => {
  const plot = e.target.closest?.('.hist .plot');
  if (plot && !plot.contains(e.relatedTarget)) $('.tip', plot).hidden = true;
});
doc.addEventListener('pointerup', (e) => {
  if (!drag) return;
  const b = bars(drag.plot), i = b.at(e.clientX), from = Math.min(i, drag.from), to = Math.max(i, drag.from) + 1;
  drag = null;
  const iso = (ms) => new Date(ms).toISOString().slice(0, 19) + 'Z', url = new URL(location.href);
  for (const name of ['time', 'cursor', 'refresh']) url.searchParams.delete(name);
  url.searchParams.set('since', iso(b.start + from * b.step * 1000));
  url.searchParams.set('until', iso(b.start + to * b.step * 1000 - 1000));
  location.assign(url);
});
doc.addEventListener('pointercancel', () => { if (drag) pick(drag.plot, -1, -1); drag = null; });

customElements.define('ml-logs', Logs);
// What is looked at is not exchanged under the reader.
const live = $('ml-live[fragment=results]');
if (live) {
  const busy = live.busy.bind(live);
  live.busy = () => busy() || ml.list?.view.scrollTop > 40 || ml.find?.open || Boolean(drag);
}
if (matchMedia('(max-width: 900px)').matches) for (const d of $$('details.side')) d.open = false;
})();

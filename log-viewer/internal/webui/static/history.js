// The last searches of this browser: as suggestions of the field, and as a menu
// beside it. They are kept here and nowhere else.
(() => {
'use strict';
const ml = window.ml, doc = document, menu = doc.querySelector('[data-history]'), field = doc.querySelector('[data-search]');
const KEY = 'monlight_log_searches', MOST = 20, LONGEST = 1000;

const right = (s) => typeof s === 'string' && s.trim() && s.length <= LONGEST;
// What is stored may be anything, and storing can be forbidden.
const stored = () => {
  try {
    const list = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(list) ? list.filter(right).slice(0, MOST) : [];
  } catch { return []; }
};
const store = (list) => {
  try {
    if (list.length) localStorage.setItem(KEY, JSON.stringify(list)); else localStorage.removeItem(KEY);
  } catch {}
};

// Each is a link to this page with that search.
const address = (search) => {
  const url = new URL(location.href);
  url.searchParams.delete('cursor');
  url.searchParams.set('search', search);
  return url.href;
};
const draw = (list) => {
  menu.hidden = !list.length;
  // A menu that is not there has no key: open, it would keep the page from loading anew.
  const { dataset } = menu.querySelector('summary');
  if (list.length) dataset.key = 'h'; else delete dataset.key;
  menu.querySelector('ul').replaceChildren(...list.map((search) => {
    const li = ml.make('li'), a = ml.make('a', 'item', ml.visible(search));
    a.dir = 'auto';
    a.href = address(search);
    li.append(a);
    return li;
  }));
  doc.querySelector('#searches').replaceChildren(...list.map((search) => { const o = ml.make('option'); o.value = search; return o; }));
};

if (menu && field) {
  const now = new URLSearchParams(location.search).get('search'), list = stored();
  // A mistake is not offered again.
  if (right(now) && !field.ariaInvalid) store([now, ...list.filter((s) => s !== now)].slice(0, MOST));
  draw(list.filter((s) => s !== now));
  const items = () => [...menu.querySelectorAll('.item')];
  menu.addEventListener('toggle', () => { if (menu.open) items()[0].focus(); });
  menu.addEventListener('keydown', (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key], all = items(), at = all.indexOf(doc.activeElement);
    if (!step) return;
    e.preventDefault();
    if (menu.open) all.at(at < 0 && step < 0 ? -1 : (at + step) % all.length).focus();
    else menu.open = true;
  });
  menu.querySelector('[data-forget]').addEventListener('click', () => { store([]); draw([]); menu.open = false; field.focus(); });
}
})();

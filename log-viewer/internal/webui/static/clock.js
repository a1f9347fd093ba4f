// The times of log entries, in the zone that the reader has chosen.
(() => {
'use strict';
const ml = window.ml ??= {};
const two = (n) => String(n).padStart(2, '0');
ml.clock = (iso) => {
  const utc = document.documentElement.dataset.zone === 'utc';
  if (utc) return iso.slice(5, 19).replace('T', ' ') + (iso.length > 20 ? iso.slice(19, -1) + '000' : '.000').slice(0, 4);
  const t = new Date(iso);
  return `${two(t.getMonth() + 1)}-${two(t.getDate())} ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}.${String(t.getMilliseconds()).padStart(3, '0')}`;
};

const drawClocks = () => { for (const el of document.querySelectorAll('[data-clock]')) { el.textContent = ml.clock(el.dataset.clock); el.title = el.dataset.clock; } };
new MutationObserver(drawClocks).observe(document.documentElement, { attributes: true, attributeFilter: ['data-zone'] });
drawClocks();
})();

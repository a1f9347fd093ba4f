// Selecting issues of the list; core.js comes before it.
(() => {
'use strict';
const doc = document, { $, $$ } = window.core;

const draw = () => {
  const all = $$('[data-check]'), n = all.filter((c) => c.checked).length;
  for (const el of $$('[data-selected]')) el.textContent = n;
  for (const el of $$('[data-check-all]')) { el.checked = n > 0 && n === all.length; el.indeterminate = n > 0 && n < all.length; }
};

doc.addEventListener('change', ({ target }) => {
  if (target.matches('[data-check-all]')) for (const c of $$('[data-check]')) c.checked = target.checked;
  if (target.matches('[data-check],[data-check-all]')) draw();
});
doc.addEventListener('ml-swap', draw);
addEventListener('pageshow', draw); // a browser may have kept what was checked

// x selects the row that the keys are at. A key of a button for all that is
// selected means that row when nothing is.
doc.addEventListener('ml-key', (e) => {
  const { key, row } = e.detail, box = row && $('[data-check]', row);
  if (key === 'x') {
    if (box) box.checked = !box.checked;
  } else if ($(`[data-bulk] [data-key="${CSS.escape(key)}"]`) && !$('[data-check]:checked')) {
    if (box) box.checked = true; else e.preventDefault();
  } else return;
  draw();
});
})();

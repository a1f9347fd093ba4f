// What pages of details add: copying, and menus that close.
(() => {
'use strict';

// Copying. navigator.clipboard is missing on plain http, where most of us live.
const copyText = async (text) => {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'hide';
  document.body.append(area);
  area.select();
  const ok = document.execCommand('copy');
  area.remove();
  if (!ok) throw new Error('copy was refused');
};
const copy = async (button) => {
  const { copy: target, copyUrl, copyHref } = button.dataset;
  const label = button.querySelector('span') || button, before = button.dataset.label ??= label.textContent;
  let slow;
  try {
    let text = new URL(copyHref || location.href, location.href).href;
    if (copyUrl) {
      slow = setTimeout(() => { label.textContent = 'Loading…'; }, 300); // at once it would flash
      const answer = await fetch(copyUrl, { headers: { Accept: 'text/markdown' } });
      if (!answer.ok) throw new Error(answer.status);
      text = await answer.text();
    } else if (target) {
      text = document.querySelector(target).textContent;
    }
    await copyText(text);
    clearTimeout(slow);
    label.textContent = 'Copied';
  } catch {
    clearTimeout(slow);
    label.textContent = 'Not copied';
  }
  setTimeout(() => { label.textContent = before; }, 1500);
};


document.addEventListener('click', (e) => {
  const button = e.target.closest?.('[data-copy],[data-copy-url],[data-copy-href]');
  if (button) {
    e.preventDefault();
    copy(button);
  }
  for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(e.target)) menu.open = false;
});
document.addEventListener('keydown', (e) => {
  if (e.key !== 'Escape') return;
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    menu.open = false;
    menu.querySelector('summary').focus();
  }
});
})();

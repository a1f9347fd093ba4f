// What the pages of all services add when scripts run. Everything is done by
// listeners on the document, so parts of a page can be exchanged at any time.
(() => {
'use strict';
const doc = document, root = doc.documentElement;
const $ = (selector, from = doc) => from.querySelector(selector);
const $$ = (selector, from = doc) => [...from.querySelectorAll(selector)];

// The reader's choices. A cookie belongs to the host, so it is good for all
// services, and the server knows it before it draws the page.
const remember = (name, value) => {
  doc.cookie = `monlight_${name}=${value}; Path=/; SameSite=Lax; Max-Age=${value ? 31536000 : 0}`;
};

// Times
const two = (n) => String(n).padStart(2, '0');
const absolute = (t, iso) => {
  if (root.dataset.zone === 'utc') return iso.slice(0, 19).replace('T', ' ') + ' UTC';
  const offset = -t.getTimezoneOffset(), o = Math.abs(offset);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}` +
    (offset ? ` UTC${offset < 0 ? '−' : '+'}${two(Math.floor(o / 60))}:${two(o % 60)}` : ' UTC');
};
const span = (s) => s < 60 ? `${Math.floor(s)}s` : s < 3600 ? `${Math.floor(s / 60)}m` : s < 172800 ? `${Math.floor(s / 3600)}h` : `${Math.floor(s / 86400)}d`;
const drawTimes = (from = doc) => {
  for (const el of $$('time', from)) {
    const iso = el.dateTime, t = new Date(iso);
    if (isNaN(t)) continue;
    const text = absolute(t, iso);
    if ('abs' in el.dataset) { el.textContent = text; el.title = iso; continue; }
    el.title = `${text}\n${iso}`;
    const s = (Date.now() - t) / 1000;
    // Older ones are dates, which do not change while somebody looks.
    if (s >= 1 && s < 2592000) el.textContent = span(s) + ' ago';
  }
};
const drawChoices = () => {
  const utc = root.dataset.zone === 'utc';
  for (const el of $$('[data-zone-name]')) el.textContent = utc ? 'UTC' : 'Local';
  for (const el of $$('[data-zone-words]')) el.textContent = utc ? 'UTC' : `local (${Intl.DateTimeFormat().resolvedOptions().timeZone})`;
  const theme = root.dataset.theme || 'system';
  for (const el of $$('[data-theme-name]')) el.textContent = { system: 'System', light: 'Light', dark: 'Dark' }[theme] + ' colours';
  for (const el of $$('[data-theme-toggle]')) el.title = `Colours: ${theme}`;
};

// Notices
const notice = (id, kind, text, link) => {
  const old = doc.getElementById(id);
  if (!text) { old?.remove(); return; }
  const el = doc.createElement('div');
  el.id = id;
  el.className = `notice ${kind}`;
  const span = doc.createElement('span');
  span.textContent = text;
  el.append(span);
  if (link) {
    const a = doc.createElement('a');
    a.href = link.href;
    a.textContent = link.text;
    el.append(a);
  }
  if (old) old.replaceWith(el); else $('#notices')?.append(el);
};

// Asking before something is lost. Without scripts the server asks.
const ask = (button) => {
  const dialog = $('#confirm'), form = button.form;
  if (!dialog?.showModal || !form) return false;
  $('#confirm-text').textContent = button.dataset.confirm.replace('{n}', $$('[data-check]:checked', form).length);
  $('[data-yes]', dialog).textContent = button.dataset.yes || button.textContent.trim();
  dialog.returnValue = '';
  dialog.onclose = () => {
    if (dialog.returnValue !== 'yes') { button.focus(); return; }
    const yes = doc.createElement('input');
    yes.type = 'hidden'; yes.name = 'confirm'; yes.value = 'yes';
    form.append(yes);
    form.requestSubmit(button);
    yes.remove();
  };
  dialog.showModal();
  return true;
};

doc.addEventListener('click', (e) => {
  const at = (selector) => e.target.closest?.(selector);
  let el;
  if ((el = at('[data-theme-toggle]'))) {
    const next = { '': 'light', light: 'dark', dark: '' }[root.dataset.theme || ''];
    if (next) root.dataset.theme = next; else delete root.dataset.theme;
    remember('theme', next);
    drawChoices();
  } else if ((el = at('[data-zone-toggle]'))) {
    const next = root.dataset.zone === 'utc' ? '' : 'utc';
    if (next) root.dataset.zone = next; else delete root.dataset.zone;
    remember('zone', next);
    drawChoices(); drawTimes();
  } else if (at('[data-help]')) {
    $('#keys')?.showModal();
  } else if ((el = at('[data-dismiss]'))) {
    el.closest('.notice').remove();
  } else if ((el = at('[data-confirm]')) && !$('input[name=confirm]', el.form)) {
    if (ask(el)) e.preventDefault();
  } else if (e.target.matches?.('dialog')) {
    const box = e.target.getBoundingClientRect();
    if (e.clientX < box.left || e.clientX > box.right || e.clientY < box.top || e.clientY > box.bottom) e.target.close();
  } else if ((el = at('[data-row]')) && !at('a,button,input,label,select,summary') && !String(getSelection())) {
    $('a', el)?.click();
  }
});

doc.addEventListener('change', (e) => {
  const el = e.target;
  if (el.form?.matches('form[data-auto]') && el.matches('select,input')) el.form.requestSubmit();
});

// A short address: fields that are empty do not stand in it.
doc.addEventListener('submit', (e) => {
  if (e.defaultPrevented || !e.target.matches('form[data-auto]')) return;
  const fields = $$('input,select', e.target);
  for (const el of fields) if (!el.value) { el.disabled = true; el.dataset.back = ''; }
  if (fields.some((el) => el.value)) return;
  // Nothing is left to ask for: not even the question mark.
  e.preventDefault();
  location.assign(e.target.action);
});
addEventListener('pageshow', () => {
  for (const el of $$('[data-back]')) { el.disabled = false; delete el.dataset.back; }
});

// Keys. A page handles its own ones by listening for the event "ml-key", which
// names the key and the row that it is for.
const typing = (el) => el?.matches?.('input:not([type=checkbox]),select,textarea') || el?.isContentEditable;
let cursor = -1;
const rows = () => $$('[data-row]');
const here = () => {
  const row = doc.activeElement?.closest?.('[data-row]');
  return row ? rows().indexOf(row) : Math.min(cursor, rows().length - 1);
};
const go = (to) => {
  const all = rows(), i = Math.max(0, Math.min(all.length - 1, to));
  const link = all[i] && $('a', all[i]);
  if (!link) return;
  cursor = i;
  for (const r of all) r.classList.toggle('at', r === all[i]);
  link.focus();
  all[i].scrollIntoView({ block: 'nearest' });
};
doc.addEventListener('keydown', (e) => {
  if (e.key === 'Escape' && typing(doc.activeElement)) { doc.activeElement.blur(); return; }
  if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || $('dialog[open]')) return;
  const i = here(), row = rows()[i], { key } = e;
  if (!doc.dispatchEvent(new CustomEvent('ml-key', { detail: { key, row }, cancelable: true }))) { e.preventDefault(); return; }
  switch (key) {
    case '?': $('#keys')?.showModal(); break;
    case '/': $('[data-search]')?.focus(); $('[data-search]')?.select?.(); break;
    case 'j': go(i + 1); break;
    case 'k': go(i - 1); break;
    case 'Enter':
      if (!row || doc.activeElement !== doc.body) return;
      $('a', row)?.click();
      break;
    default: {
      // A button or link that has a key of its own.
      const el = $(`[data-key="${CSS.escape(key)}"]`);
      if (!el) return;
      el.click();
    }
  }
  e.preventDefault();
});

addEventListener('offline', () => notice('net-notice', 'warn', 'You are offline.'));
addEventListener('online', () => notice('net-notice'));
setInterval(() => { if (!doc.hidden) drawTimes(); }, 30000);
drawChoices(); drawTimes();
window.core = { $, $$, typing, notice, span, drawTimes };
})();

// Everything by keys: where Tab goes, dialogs and menus, and the main journeys.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCompany } from '../company.mjs';
import { clean, launch, shut } from '../pages.mjs';

describe('by keys alone', () => {
  let browser, company;
  before(async () => {
    browser = await launch();
    company = await startCompany(browser);
  });
  after(async () => {
    await browser?.close();
    await company?.stop();
  });
  const open = (name, path) => company.sessions[name].open(path, { height: 1000 });
  const focused = (page) => page.evaluate(() => { const el = document.activeElement; return `${el.tagName.toLowerCase()} ${(el.getAttribute('aria-label') ?? el.name ?? '')} ${el.textContent.trim().slice(0, 30)}`; });

  // tabTo presses Tab until an element has the focus.
  const tabTo = async (page, selector, most = 80) => {
    for (let i = 0; i < most; i++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) return;
    }
    assert.fail(`Tab does not reach ${selector}, but ${await focused(page)}`);
  };

  test('Tab goes through all that can be used, in the order in which it is read, and shows where it is', async () => {
    const { id, key, screens } = company;
    const faults = [];
    let all = 0;
    for (const [name, path] of [
      ['errors', '/?state=resolved&search=zebra'], ['errors', '/?state=all'], ['errors', `/errors/${id}`], ['errors', screens.errors[6]],
      ['logs', '/'], ['logs', '/containers'], ['logs', '/logs/7'],
      ['metrics', '/'], ['metrics', screens.metrics[1]],
      ['relay', '/'], ['relay', `/keys/${key.id}`], ['relay', '/traffic'],
    ]) {
      const page = await open(name, path);
      if (name === 'logs' && path === '/') await page.waitForSelector('ml-logs.on');
      const n = await page.evaluate(watchFocus);
      for (let i = 0; i < n; i++) await page.keyboard.press('Tab');
      const walk = await page.evaluate(focusFaults);
      all += n;
      for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+Tab');
      const back = await page.evaluate(() => window.walk.at.slice(-4));
      const want = walk.order.slice(-4).reverse().slice(1);
      if (back.slice(1).join() !== want.join()) walk.faults.push(`Shift+Tab goes to ${back.slice(1)}, not to ${want}`);
      faults.push(...walk.faults.map((f) => `${name} ${path}: ${f}`));
      await clean(page, path);
      await shut(page);
    }
    assert.deepEqual(faults, []);
    assert.ok(all > 250, `${all} places were visited`);
  });

  test('the first Tab leads past the navigation', async () => {
    for (const name of ['errors', 'logs', 'metrics', 'relay']) {
      const page = await open(name, '/');
      await page.keyboard.press('Tab');
      assert.match(await focused(page), /Skip to content/, name);
      assert.ok((await page.locator('.skip').boundingBox()).y >= 0, `${name}: the link is not seen`);
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      assert.ok(await page.evaluate(() => document.activeElement.closest('main')), `${name}: ${await focused(page)}`);
      await shut(page);
    }
  });

  test('dialogs and menus keep the focus, close by Escape and give it back', async () => {
    for (const [name, path, opener, inside] of [
      ['errors', '/', '[data-help]', '#keys[open]'],
      ['errors', `/errors/${company.id}`, '.menu:has-text("Mute") summary', '.menu[open]'],
      ['errors', `/errors/${company.id}`, '.issue-head button[data-confirm]', '#confirm[open]'],
      ['logs', '/', '[data-syntax]', '#syntax[open]'],
      ['logs', '/', '.menu summary', '.menu[open]'],
      ['metrics', '/', '[data-help]', '#keys[open]'],
      ['relay', `/keys/${company.key.id}`, '.menu summary', '.menu[open]'],
    ]) {
      const what = `${name} ${path} ${opener}`;
      const page = await open(name, path);
      if (name === 'logs') await page.waitForSelector('ml-logs.on');
      await page.locator(opener).last().focus();
      await page.keyboard.press('Enter');
      await page.waitForSelector(inside);
      if (inside === '.menu[open]') await page.keyboard.press('Tab');
      for (let i = 0; i < 4; i++) {
        const at = await page.evaluate((inside) => Boolean(document.activeElement.closest(inside)) || document.activeElement === document.body, inside);
        if (inside !== '.menu[open]' || i === 0) assert.ok(at, `${what}: the focus went to ${await focused(page)}`);
        await page.keyboard.press('Tab');
      }
      await page.keyboard.press('Escape');
      await page.waitForSelector(inside, { state: 'detached' });
      assert.ok(await page.evaluate((opener) => document.activeElement.matches(opener.replace(/:has-text\("[^"]*"\)/, '')), opener), `${what}: the focus is at ${await focused(page)}`);
      await shut(page);
    }
  });

  test('an issue is found and resolved', async () => {
    const page = await open('errors', '/');
    await page.keyboard.press('/');
    await page.keyboard.type('invoice_reminder');
    await page.keyboard.press('Enter');
    await page.waitForURL(/invoice_reminder/);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.issue-head >> text=TemplateNotFound');
    await tabTo(page, 'button[data-key="e"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.notice.good >> text=1 issue resolved');
    await page.keyboard.press('e');
    await page.waitForSelector('.notice.good >> text=unresolved again');
    await page.keyboard.press('u');
    await page.waitForSelector('tr[data-row]');
    await clean(page);
    await shut(page);
  });

  test('logs are searched and a line is opened', async () => {
    const page = await open('logs', '/');
    await page.waitForSelector('ml-logs.on');
    await page.keyboard.press('/');
    await page.keyboard.type('"slow query"');
    await page.keyboard.press('Enter');
    await page.waitForURL(/slow/);
    await page.waitForSelector('ml-logs.on');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#entry[open] .fields tr');
    assert.match(await page.textContent('#entry'), /slow query/);
    await page.keyboard.press('Escape');
    await page.waitForSelector('#entry[open]', { state: 'detached' });
    assert.ok(await page.evaluate(() => document.activeElement === window.ml.list.view), await focused(page));
    // The filters are links, before the entries.
    await tabTo(page, '.brand', 60);
    await tabTo(page, '.facet a[href*="level"]', 60);
    await page.keyboard.press('Enter');
    await page.waitForURL(/level=/);
    await clean(page);
    await shut(page);
  });

  test('a metric is chosen, and looked at as a table', async () => {
    const page = await open('metrics', '/');
    await tabTo(page, '.sections a[href$="/explore"]', 20);
    await page.keyboard.press('Enter');
    await page.waitForURL(/explore/);
    await page.keyboard.press('/');
    await page.keyboard.type('queue');
    await page.waitForURL(/metric=queue_depth/);
    await page.waitForSelector('ml-chart.drawn');
    await tabTo(page, 'ml-chart summary', 60);
    await page.keyboard.press('Enter');
    await page.waitForSelector('ml-chart table.values');
    assert.ok(await page.locator('ml-chart table.values td').first().isVisible());
    await clean(page);
    await shut(page);
  });

  test('a key is made at the relay', async () => {
    const page = await open('relay', '/');
    await tabTo(page, 'input[name=project]');
    await page.keyboard.type('by-keys');
    await tabTo(page, 'textarea[name=origins]', 5);
    await page.keyboard.type('https://keys.example');
    await tabTo(page, 'main form button', 5);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/keys\/\d+$/);
    assert.match(await page.textContent('h1'), /by-keys/);
    await page.keyboard.press('t');
    await page.waitForSelector('.notice.good');
    await clean(page);
    await shut(page);
  });
});

// watchFocus runs in the page: it notes each place that gets the focus, and returns
// how many there are to visit.
function watchFocus() {
  const seen = (el) => el.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: false, opacityProperty: true }) && el.getClientRects().length > 0 && !el.closest('[inert]');
  const wanted = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
    .filter((el) => el.tabIndex >= 0 && !el.disabled && el.type !== 'hidden' && seen(el));
  const walk = window.walk = { wanted, at: [], notes: new Map() };
  document.addEventListener('focusin', (e) => {
    const el = e.target, style = getComputedStyle(el), box = el.getBoundingClientRect();
    let i = wanted.indexOf(el);
    if (i < 0 && el !== document.body) { i = wanted.push(el) - 1; walk.notes.set(i, { extra: el.scrollWidth > el.clientWidth || el.scrollHeight > el.clientHeight }); }
    walk.at.push(i);
    if (!walk.notes.has(i)) {
      walk.notes.set(i, {
        ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1,
        inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        left: box.left + scrollX, right: box.right + scrollX, top: box.top + scrollY, bottom: box.bottom + scrollY,
      });
    }
  });
  return wanted.length;
}

// focusFaults runs in the page after the walk.
function focusFaults() {
  const { wanted, at, notes } = window.walk, faults = [];
  const name = (i) => { const el = wanted[i]; return el ? `${el.tagName.toLowerCase()}.${el.className?.baseVal ?? el.className} "${(el.getAttribute('aria-label') ?? el.textContent.trim()).slice(0, 30)}"` : 'nothing'; };
  if (!wanted[at[0]]?.matches('.skip')) faults.push(`the first is ${name(at[0])}`);
  for (const i of wanted.keys()) if (!at.includes(i)) faults.push(`never reached: ${name(i)}`);
  if (new Set(at).size < at.length) faults.push(`comes back to ${name(at.find((i, n) => at.indexOf(i) < n))}`);
  let before;
  for (const i of at) {
    const note = notes.get(i);
    if (note?.extra !== undefined) { if (!note.extra) faults.push(`gets the focus and cannot be used: ${name(i)}`); continue; }
    if (!note.ring) faults.push(`focus is not seen at ${name(i)}`);
    if (!note.inside) faults.push(`is out of sight: ${name(i)}`);
    // Upwards is right only at the top of what stands to the right.
    if (before !== undefined && !wanted[before].matches('.skip')) {
      const last = notes.get(before);
      if (note.bottom <= last.top + 1 && note.left < last.right) faults.push(`goes back up from ${name(before)} to ${name(i)}`);
    }
    before = i;
  }
  return { faults: faults.slice(0, 8), order: at };
}

// Reading: on paper, without motion, in one's own time and in UTC.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCompany } from '../company.mjs';
import { clean, launch, motions, shut, watch } from '../pages.mjs';

const services = ['errors', 'logs', 'metrics', 'relay'];
const paper = 718; // pixels of a sheet of A4 between margins of 10 mm

describe('reading', () => {
  let browser, company;
  before(async () => {
    browser = await launch();
    company = await startCompany(browser);
  });
  after(async () => {
    await browser?.close();
    await company?.stop();
  });

  // everywhere opens a page with a session at each service, far from UTC.
  const everywhere = async (options) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'Asia/Kolkata', locale: 'en-GB', ...options });
    for (const name of services) await context.addCookies(company.sessions[name].state.cookies);
    const page = await context.newPage();
    watch(page, ...services.map((name) => company.stack[name].url));
    return page;
  };

  // Each screen is opened once, for all that follows: opening is what takes time.
  const found = { moving: [], time: [], paper: [] };
  const seen = { screens: 0, times: 0, texts: 0 };
  before(async () => {
    const page = await everywhere({ colorScheme: 'dark', reducedMotion: 'reduce' });
    for (const name of services) {
      for (const path of company.screens[name]) {
        const what = `${name} ${path}`;
        await page.setViewportSize({ width: 1280, height: 900 });
        await page.goto(company.stack[name].url + path);
        if (await page.locator('ml-logs').count()) await page.waitForSelector('ml-logs.on');
        if (path === '/live') await page.waitForSelector('text=Connected');
        found.moving.push(...(await page.evaluate(motions)).map((m) => `${what}: ${m}`));

        for (const zone of ['local', 'UTC']) {
          if (zone === 'UTC') await page.click('[data-zone-toggle]');
          const foot = await page.textContent('.foot');
          if (!(zone === 'UTC' ? /Times are UTC/ : /Times are local \(Asia\/(Kolkata|Calcutta)\)/).test(foot)) found.time.push(`${what}: the page says ${foot}`);
          const { times, wrong } = await page.evaluate(timesOf, zone);
          seen.times += times;
          found.time.push(...wrong.map((w) => `${what}, ${zone}: ${w}`));
        }
        await page.click('[data-zone-toggle]');

        await page.setViewportSize({ width: paper, height: 900 });
        await page.emulateMedia({ media: 'print' });
        await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))); })); // charts are drawn anew
        for (const theme of ['', 'dark']) { // of the system, which is dark, and the reader's choice
          await page.evaluate((theme) => { if (theme) document.documentElement.dataset.theme = theme; }, theme);
          const { faults, texts } = await page.evaluate(printed);
          seen.texts += texts;
          found.paper.push(...faults.map((f) => `${what}${theme && ', dark chosen'}: ${f}`));
        }
        await page.emulateMedia({ media: 'screen' });
        await clean(page, what);
        seen.screens++;
      }
    }
    await shut(page);
  });

  test('on paper there is what there is to read, whole, dark on white, and nothing to press', () => {
    assert.deepEqual(found.paper, []);
    assert.ok(seen.screens > 25 && seen.texts > 3000, JSON.stringify(seen));
  });

  test('entries of a log are printed whole, all that are loaded', async () => {
    const page = await company.sessions.logs.open('/?search=Traceback', { width: paper });
    await page.waitForSelector('ml-logs.on');
    assert.match(await page.locator('.r .m').first().textContent(), /^Traceback …/);
    await page.emulateMedia({ media: 'print' });
    await page.waitForFunction(() => document.querySelectorAll('.r').length === window.ml.list.items.length);
    assert.match(await page.locator('.r .m').first().textContent(), /shipping\.ship\(order\)\n.*orders\.py.*\n.*\nValueError/s);
    await page.emulateMedia({ media: 'screen' });
    await page.waitForFunction(() => document.querySelector('.r:not([hidden]) .m')?.textContent.startsWith('Traceback …'));
    await shut(page);
  });

  test('nothing moves for those who asked for that', async () => {
    assert.deepEqual(found.moving, []);
    const page = await company.sessions.logs.open('/live');
    await page.waitForSelector('text=Connected');
    assert.ok((await page.evaluate(motions)).length > 0, 'nothing moves for the others either: this cannot fail');
    await shut(page);
  });

  test('times are local or UTC as the reader wants, with the ISO time beside them', () => {
    assert.deepEqual(found.time, []);
    assert.ok(seen.times > 500, JSON.stringify(seen));
  });

  test('the choice of UTC is kept, and good for all services', async () => {
    const page = await everywhere();
    await page.goto(company.stack.relay.url);
    await page.click('[data-zone-toggle]');
    for (const name of services) {
      await page.goto(company.stack[name].url + company.screens[name][1]);
      assert.equal(await page.textContent('[data-zone-name]'), 'UTC', name);
      assert.deepEqual((await page.evaluate(timesOf, 'UTC')).wrong, [], name);
    }
    await page.click('[data-zone-toggle]');
    await page.reload();
    assert.equal(await page.textContent('[data-zone-name]'), 'Local');
    await shut(page);
  });

  test('without JavaScript times are UTC and say so', async () => {
    const page = await everywhere({ javaScriptEnabled: false });
    let times = 0;
    for (const name of services) {
      for (const path of company.screens[name].slice(0, 2)) {
        await page.goto(company.stack[name].url + path);
        const foot = await page.locator('.foot').innerText();
        assert.ok(/Times are UTC/.test(foot) && !/local/.test(foot), `${name} ${path}: ${foot}`);
        assert.equal(await page.locator('[data-zone-toggle]').isVisible(), false, `${name} ${path}: a toggle that does nothing`);
        const list = await page.locator('time[data-abs], [data-clock]').evaluateAll((list) => list.map((el) => [el.dateTime ?? el.dataset.clock, el.textContent, 'abs' in el.dataset]));
        for (const [iso, text, whole] of list) {
          times++;
          assert.ok(text.includes(iso.slice(5, 10)) && text.includes(iso.slice(11, 16)) && (!whole || text.endsWith(' UTC')), `${name} ${path}: ${iso} is shown as ${text}`);
        }
      }
    }
    assert.ok(times > 100, `${times} times were looked at`);
    await shut(page);
  });
});

// printed runs in the page and says what is wrong with it on paper.
function printed() {
  const faults = [];
  const name = (el) => `${el.tagName.toLowerCase()}${el.id ? `#${el.id}` : ''}.${el.getAttribute('class') ?? ''} "${el.textContent.trim().slice(0, 40)}"`;
  const visible = (el) => {
    const box = el.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && el.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: false }) && !el.closest('.hide');
  };
  for (const el of document.querySelectorAll('nav, header.top, footer, button, input, select, textarea, dialog, .skip, .menu')) if (visible(el)) faults.push(`shown: ${name(el)}`);

  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const contrast = (colour) => { // to white
    if (!known.has(colour)) {
      canvas.fillStyle = '#fff';
      canvas.fillRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      known.set(colour, 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05));
    }
    return known.get(colour);
  };
  for (const el of [document.documentElement, document.body, document.querySelector('main')]) {
    const ground = getComputedStyle(el).backgroundColor;
    if (contrast(ground) > 1.01) faults.push(`ground of ${el.tagName} is ${ground}`);
  }
  let texts = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const el = node.parentElement;
    if (!node.data.trim() || el.closest('svg, noscript, script') || !visible(el)) continue;
    texts++;
    if (contrast(getComputedStyle(el).color) < 4.5) faults.push(`pale: ${name(el)} ${getComputedStyle(el).color}`);
  }
  for (const el of document.querySelectorAll('body *')) {
    if (!visible(el) || el.closest('svg')) continue;
    const style = getComputedStyle(el);
    if (style.display === 'inline') continue;
    const cut = (overflow, has, room) => overflow !== 'visible' && has > room + 1;
    if (cut(style.overflowX, el.scrollWidth, el.clientWidth) || cut(style.overflowY, el.scrollHeight, el.clientHeight)) faults.push(`cut off: ${name(el)}`);
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) faults.push(`wider than the paper: ${document.documentElement.scrollWidth}`);
  // What is folded on the screen is not on paper, unless it is unfolded there.
  for (const el of document.querySelectorAll('main details:not([open])')) {
    if (el.closest('.menu, dialog, .bars, .hist, ml-chart, [class="edit card"]') || el.querySelector('form') || !el.parentElement.checkVisibility()) continue;
    const inside = [...el.children].find((child) => child.tagName !== 'SUMMARY');
    if (inside && !visible(inside)) faults.push(`folded: ${name(el)}`);
  }
  return { faults: [...new Set(faults)].slice(0, 12), texts };
}

// timesOf runs in the page and checks every time on it.
function timesOf(zone) {
  const wrong = [];
  const two = (n) => String(n).padStart(2, '0');
  const expected = (iso) => {
    const at = new Date(new Date(iso).getTime() + (zone === 'UTC' ? 0 : 330 * 60000)); // India is 5:30 ahead
    return { day: at.toISOString().slice(0, 10), clock: `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`, mark: zone === 'UTC' ? ' UTC' : ' UTC+05:30' };
  };
  const list = [...document.querySelectorAll('time')];
  for (const el of list) {
    const { day, clock, mark } = expected(el.dateTime), whole = `${day} ${clock}${mark}`;
    if (!el.title.includes(el.dateTime)) wrong.push(`no ISO time at ${el.textContent}`);
    if ('abs' in el.dataset) { if (el.textContent !== whole) wrong.push(`${el.dateTime} is ${el.textContent}, want ${whole}`); } else if (!el.title.startsWith(whole)) wrong.push(`the title of ${el.textContent} is ${el.title}, want ${whole}`);
  }
  const clocks = [...document.querySelectorAll('.r:not([hidden]) .t, [data-clock]')];
  for (const el of clocks) {
    const iso = el.title, { day, clock } = expected(iso);
    if (!el.textContent.startsWith(`${day.slice(5)} ${clock}`)) wrong.push(`${iso} is ${el.textContent}`);
  }
  // No other time stands there as mere text.
  const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const el = node.parentElement;
    if (/\b\d{4}-\d\d-\d\d\b|\b\d\d:\d\d(:\d\d)?\b/.test(node.data) && !el.closest('time, .t, .m, pre, code, textarea, svg, .kv td, .message, script, .plot')) wrong.push(`a time as mere text: ${node.data.trim().slice(0, 80)}`);
  }
  return { wrong: [...new Set(wrong)].slice(0, 5), times: list.length + clocks.length };
}

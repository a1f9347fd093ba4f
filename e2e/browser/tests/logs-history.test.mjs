// The last searches of a browser.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { day, send, startLogs } from '../lines.mjs';
import { Session, clean, launch, noSideways, shut } from '../pages.mjs';
import { payloads } from '../payloads.mjs';

const KEY = 'monlight_log_searches';
const offered = (page) => page.locator('.history li a').evaluateAll((all) => all.map((a) => a.textContent));
const stored = (page) => page.evaluate((key) => JSON.parse(localStorage.getItem(key)), KEY);
const ask = async (page, search, path = '/') => page.goto(`${new URL(page.url()).origin}${path}?${new URLSearchParams({ search })}`);

describe('the last searches', () => {
  let service, browser, session;
  before(async () => {
    service = await startLogs();
    browser = await launch();
    session = await new Session(browser, service).signIn();
    await send(service, day(200));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('are offered by keys, newest first, in the explorer and the live tail, and keep the other filters', async () => {
    const page = await session.open('/');
    assert.equal(await page.locator('.history').isVisible(), false, 'a browser that asked nothing has a menu');
    await page.keyboard.press('h');
    assert.equal(await page.evaluate(() => document.querySelector('.history').open), false, 'its key opens a menu that is not there');
    for (const search of ['order', '"slow query"', 'status:>=500', 'order']) await ask(page, search);
    await page.goto(`${service.url}/?level=INFO&time=24h`);
    assert.deepEqual(await offered(page), ['order', 'status:>=500', '"slow query"']);
    assert.deepEqual(await page.locator('#searches option').evaluateAll((all) => all.map((o) => o.value)), await offered(page));
    await page.keyboard.press('h');
    await page.waitForSelector('.history[open]');
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    assert.equal(await focused(), 'order');
    await page.keyboard.press('ArrowDown');
    assert.equal(await focused(), 'status:>=500');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    assert.match(await focused(), /Forget/);
    await page.keyboard.press('Escape');
    assert.deepEqual(await page.evaluate(() => [document.activeElement.matches('.history summary'), document.querySelector('.history').open]), [true, false]);
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(() => document.activeElement.matches('.history a'));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.searchParams.get('search') === 'status:>=500');
    assert.deepEqual(['level', 'time'].map((name) => new URL(page.url()).searchParams.get(name)), ['INFO', '24h']);
    assert.deepEqual(await offered(page), ['order', '"slow query"'], 'what is asked now is offered');
    await page.goto(`${service.url}/live`);
    assert.deepEqual(await offered(page), ['status:>=500', 'order', '"slow query"']);
    await page.setViewportSize({ width: 360, height: 720 });
    await page.click('.history summary');
    await noSideways(page, 'the last searches');
    await clean(page);
    await shut(page);
  });

  test('are 20, of at most 1,000 characters, without mistakes, and are forgotten by a button', async () => {
    const page = await session.open('/');
    for (let i = 0; i < 22; i++) await ask(page, `word${i}`);
    await ask(page, '(a');
    await ask(page, 'x'.repeat(1001));
    await page.goto(`${service.url}/`);
    assert.deepEqual(await offered(page), Array.from({ length: 20 }, (_, i) => `word${21 - i}`));
    assert.deepEqual(await stored(page), await offered(page));
    await page.click('.history summary');
    await page.click('[data-forget]');
    assert.equal(await stored(page), null);
    await page.locator('input[data-search]').blur();
    await page.keyboard.press('h');
    assert.equal(await page.evaluate(() => document.querySelector('.history').open), false, 'its key opens a menu that was emptied');
    assert.equal(await page.locator('.history').isVisible(), false);
    assert.equal(await page.locator('#searches option').count(), 0);
    await page.reload();
    assert.equal(await page.locator('.history').isVisible(), false);
    await clean(page);
    await shut(page);
  });

  test('are only text, whatever stands in the storage, and nothing else fails by it', async () => {
    const page = await session.open('/');
    const texts = payloads.filter((p) => p.trim() && p.length <= 1000).slice(0, 20);
    for (const [value, want] of [[JSON.stringify(payloads), texts.length], ['{', 0], ['{"a":1}', 0], ['[null,1,{},["x"],"","right"]', 1], ['"text"', 0]]) {
      await page.evaluate(([key, value]) => localStorage.setItem(key, value), [KEY, value]);
      await page.reload();
      await page.waitForSelector('ml-logs.on');
      assert.equal((await offered(page)).length, want, value.slice(0, 60));
      if (want) await page.click('.history summary');
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('.history li *')].filter((el) => el.tagName !== 'A' || el.childElementCount).map((el) => el.outerHTML)), []);
      assert.ok(await page.locator('.history a').evaluateAll((all) => all.every((a) => a.origin === location.origin && a.pathname === '/')));
      await clean(page);
    }
    await shut(page);
    const plain = await session.open('/', { js: false });
    assert.equal(await plain.locator('.history').isVisible(), false);
    await shut(plain);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, crawl, figure, launch, only, shut } from '../pages.mjs';
import { payloads } from '../payloads.mjs';
import { cartMap, someTraffic, startRelay } from '../relay.mjs';

describe('the pages of the relay', () => {
  let relay, browser, session, shop;
  before(async () => {
    relay = await startRelay({ BASE_URL: '', ERROR_TRACKER_BASE_URL: 'http://127.0.0.1:5010' });
    browser = await launch();
    session = await new Session(browser, relay).signIn();
    shop = await someTraffic(relay);
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });

  test('the page of a new key turns green when the first event arrives', async () => {
    const { id, public_key: key } = await relay.createKey({ project: 'first' });
    const page = await session.open(`/keys/${id}`);
    let asked = 0;
    page.on('request', (r) => { if (r.headers()['x-fragment']) asked++; });
    await page.clock.install();
    await page.reload();
    assert.match(await page.textContent('ml-live'), /Waiting for the first event/);
    const answer = await relay.post(`/api/browser/errors?key=${key}`, { type: 'Error', message: 'm', stack: '' }, { Origin: 'https://first.example' });
    assert.equal(answer.status, 201, answer.body);
    await page.clock.fastForward(6000);
    await page.waitForSelector('ml-live .notice.good >> text=The first event has arrived');
    const before = asked;
    assert.ok(before > 0);
    for (let i = 0; i < 3; i++) await page.clock.fastForward(6000);
    await page.evaluate(() => fetch('/health')); // what was asked for before this has been seen
    assert.equal(asked, before, 'the page asks on after the first event');
    await page.reload();
    assert.equal(await page.locator('ml-live').count(), 0);
    assert.match(await page.textContent('.head'), /active/);
    await clean(page);
    await shut(page);
  });

  for (const js of [true, false]) {
    test(`a key from birth to rotation, ${js ? 'with' : 'without'} JavaScript`, async () => {
      const page = await session.open('/', { js });
      await page.fill('input[name=project]', 'journey');
      await page.fill('textarea[name=origins]', 'https://Journey.example');
      await page.click('button:has-text("Create key")');
      assert.match(await page.textContent('.notice.bad'), /capital letters/);
      assert.equal(await page.inputValue('input[name=project]'), 'journey'); // nothing typed is lost
      await page.fill('textarea[name=origins]', 'https://journey.example\nhttps://*.journey.example');
      await page.click('button:has-text("Create key")');
      await page.waitForURL(/\/keys\/\d+$/);
      const key = await page.textContent('#key-text');
      assert.match(key, /^[0-9a-f]{32}$/);
      assert.match(await page.textContent('#s-npm'), new RegExp(key));

      await page.click('button:has-text("Send a test event")');
      assert.match(await page.textContent('.notice.good'), /is in the error tracker/);
      assert.ok(relay.behind.got.some((r) => r.body.includes('MonlightTest') && r.body.includes('"project":"journey"')));

      relay.behind.status = 503;
      await page.click('button:has-text("Send a test event")');
      assert.match(await page.textContent('.notice'), /kept here/);
      const traffic = await session.open('/traffic', { js });
      assert.match(await traffic.textContent('.cards.two'), /busy|not reached/);
      relay.behind.status = 201;
      await shut(traffic);

      await page.fill('input[name=rate]', 'many');
      await page.click('button:has-text("Save")');
      assert.match(await page.textContent('.notice.bad'), /whole number/);
      await page.fill('input[name=rate]', '600');
      await page.click('button:has-text("Save")');
      assert.equal(await page.inputValue('input[name=rate]'), '600');

      await page.click('button:has-text("Switch off")');
      assert.equal((await relay.post(`/api/browser/errors?key=${key}`, {}, { Origin: 'https://journey.example' })).status, 401);
      await page.click('button:has-text("Switch it on again")');
      await page.click('summary:has-text("Rotate")');
      await page.click('button:has-text("not any more")');
      await page.waitForFunction(([old]) => document.querySelector('#key-text').textContent !== old, [key]).catch(() => {}); // needs a script
      assert.notEqual(await page.textContent('#key-text'), key);
      await clean(page, 'journey');
      await shut(page);
    });
  }

  for (const js of [true, false]) {
    test(`source maps: which are missing, a test, and away with one, ${js ? 'with' : 'without'} JavaScript`, async () => {
      const release = js ? '3.0' : '3.1';
      const of = { project: 'shop', release, file_url: '/assets/app.min.js' };
      await relay.post(`/api/browser/errors?key=${shop.public_key}`, { type: 'E', message: 'm', release, stack: `E: m\n    at n (https://shop.example/assets/app.min.js:1:2)` }, { Origin: 'https://shop.example' });
      const page = await session.open('/source-maps', { js });
      for (let i = 0; i < 40 && !(await page.textContent('main')).includes(release); i++) { // it is written down a moment later
        await new Promise((resolve) => setTimeout(resolve, 100));
        await page.goto(`${relay.url}/source-maps`);
      }
      const missing = page.locator('section:has(h2:text-is("Missing"))');
      assert.match(await missing.locator(`tr:has-text("${release}")`).textContent(), /\/assets\/app\.min\.js/);

      await relay.uploadMap(of, cartMap(release));
      await page.goto(`${relay.url}/source-maps?project=shop&release=${release}`);
      await page.selectOption('select[name=test_project]', 'shop');
      await page.fill('input[name=test_release]', release);
      await page.fill('textarea[name=test]', 'TypeError: x\n    at n (https://shop.example/assets/app.min.js:1:2)\n    at t (https://shop.example/assets/app.min.js:1:12)');
      await page.click('button:has-text("Look it up")');
      const box = await page.textContent('#test');
      for (const wanted of ['Resolved', 'priceOf', 'in src/cart.ts:3:3', 'return item.price.amount;', 'src/cart.ts:7:12']) assert.ok(box.includes(wanted), `${wanted} in ${box}`);
      assert.equal(await page.locator('#test .hit').count(), 2);

      for (let i = 0; i < 60 && (await missing.textContent()).includes(release); i++) { // the event is corrected, and misses nothing any more
        await new Promise((resolve) => setTimeout(resolve, 250));
        await page.goto(`${relay.url}/source-maps?project=shop&release=${release}`);
      }
      assert.ok(!(await missing.textContent()).includes(release), 'the map is still missing');
      assert.ok(relay.behind.got.some((r) => r.body.includes('"replace":true') && r.body.includes(`"release":"${release}"`)), 'no event was corrected');

      await page.goto(`${relay.url}/source-maps?project=shop&release=${release}`);
      await page.click('button:has-text("Delete the map")');
      if (js) await page.click('dialog[open] button:has-text("Delete")');
      await page.waitForURL(/source-maps/);
      await page.waitForSelector('text=No map matches');
      await clean(page, 'source maps');
      await shut(page);
    });
  }

  test('by keyboard to a key and its test', async () => {
    const page = await session.open('/');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/keys\/\d+$/);
    await page.keyboard.press('t');
    await page.waitForSelector('.notice.good');
    await shut(page);
  });

  test('text from outside is only ever text', async () => {
    const wrong = payloads.map((p) => p.replace(/[^\x20-\x7e]/g, '?')); // what a header can carry
    for (const [n, p] of payloads.entries()) {
      const k = await relay.createKey({ project: (p.replace(/[\x00-\x1f\x7f]/g, ' ') || 'empty').slice(0, 90), label: p.replace(/[\x00-\x1f\x7f]/g, ' ').slice(0, 90) }).catch((err) => {
        assert.match(err.message, /400/); // too many bytes, for example
      });
      const header = wrong[n].trim() || 'x';
      await relay.post(`/api/browser/errors?key=${encodeURIComponent(p)}`, p, { Origin: header, 'User-Agent': header });
      if (!k) continue;
      await relay.post(`/api/browser/batch?key=${k.public_key}`, { v: 1, sdk: { name: p, version: p }, errors: [{ stack: p }, p], metrics: [{ name: p, type: 'gauge', value: 1 }], dropped: { [p]: 1 } }, { Origin: header, 'User-Agent': header });
      await relay.post(`/api/browser/batch?key=${k.public_key}`, p, { Origin: header, 'User-Agent': header });
    }
    const page = await session.open('/');
    const ids = await page.$$eval('[data-row] a', (links) => links.map((a) => a.getAttribute('href')));
    assert.ok(ids.length > payloads.length / 2, `${ids.length} keys`);
    const paths = ['/', '/traffic', '/traffic?period=7d', '/source-maps', ...ids.slice(0, 200),
      ...payloads.slice(0, 30).map((p) => `/source-maps?${new URLSearchParams({ project: p, release: p, debug_id: p, test_project: p, test_release: p, test_debug_id: p, test: p })}`)];
    for (const path of paths) {
      await page.goto(relay.url + path);
      await only(page, path);
    }
    await shut(page);
  });

  test('nor on any page that a link leads to', async () => {
    const kinds = await crawl(session, ['/', '/traffic', '/source-maps', `/keys/${shop.id}`]);
    assert.ok(kinds.length > 5, String(kinds));
    await figure('C1', 'browser-relay', kinds, payloads.length, 16);
  });

  test('forms of other sites change nothing', async () => {
    const cookie = session.state.cookies.map((c) => `${c.name}=${c.value}`).join('; ');
    for (const path of ['/keys', `/keys/${shop.id}`, '/source-maps/1/delete', '/api/dsn-keys']) {
      const answer = await fetch(relay.url + path, { method: 'POST', redirect: 'manual', body: 'action=disable&project=x',
        headers: { Cookie: cookie, Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'application/x-www-form-urlencoded' } });
      assert.equal(answer.status, 403, path);
    }
  });
});

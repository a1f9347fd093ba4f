import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { Session, clean, crawl, figure, launch, noSideways, only, shut } from '../pages.mjs';
import { payloads } from '../payloads.mjs';
import { cartMap, someTraffic, startRelay } from '../relay.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const open = (page) => page.evaluate(() => { for (const d of document.querySelectorAll('details:not(.menu)')) d.open = true; });

describe('the pages of the relay', () => {
  let relay, empty, browser, session, first, shop;
  before(async () => {
    relay = await startRelay({ BASE_URL: '', ERROR_TRACKER_BASE_URL: 'http://127.0.0.1:5010' });
    empty = await startRelay();
    browser = await launch();
    session = await new Session(browser, relay).signIn();
    first = await new Session(browser, empty).signIn();
    shop = await someTraffic(relay);
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
    await empty?.stop();
  });

  // Every page and state that a reader can see.
  const views = () => [
    ['keys', session, '/'],
    ['key', session, `/keys/${shop.id}`],
    ['rotate menu', session, `/keys/${shop.id}`, (page) => page.click('summary:has-text("Rotate")')],
    ['traffic', session, '/traffic'],
    ['traffic, everything open', session, '/traffic?period=7d', open],
    ['traffic of a key', session, `/traffic?key=${shop.id}&period=30d`],
    ['source maps', session, '/source-maps'],
    ['source maps, no match', session, '/source-maps?release=none-of-ours'],
    ['test of a position', session, `/source-maps?test_project=shop&test_release=1&test=${encodeURIComponent('https://shop.example/app.min.js:1:2')}`, open],
    ['test of a stack', session, `/source-maps?test_project=shop&test_release=1.4.1&test=${encodeURIComponent('https://shop.example/assets/app.min.js:1:2')}`, open],
    ['help dialog', session, '/', (page) => page.keyboard.press('?')],
    ['key not found', session, '/keys/4711', undefined, { status: 404 }],
    ['page not found', session, '/nothing/here', undefined, { status: 404 }],
    ['first run', first, '/'],
    ['first run of traffic', first, '/traffic'],
    ['sign-in', first, '/', undefined, { signedIn: false }],
  ];

  for (const scheme of ['light', 'dark']) {
    test(`axe finds nothing in ${scheme} colours`, async () => {
      for (const [name, from, path, act, options] of views()) {
        const page = await from.open(path, { scheme, ...options });
        await act?.(page);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
        assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).slice(0, 3).join(' | ')}`), [], `${name}, ${scheme}`);
        await clean(page, name);
        await shut(page);
      }
    });
  }

  test('nothing is wider than 360, 768 or 1280 pixels', async () => {
    for (const [name, from, path, act, options] of views()) {
      for (const width of [360, 768, 1280]) {
        const page = await from.open(path, { width, height: 740, ...options });
        if (width === 1280 || !name.includes('dialog')) await act?.(page);
        await noSideways(page, `${name} at ${width} px`);
        await shut(page);
      }
    }
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

  test('pictures', { skip: !process.env.UPDATE_SCREENSHOTS && 'UPDATE_SCREENSHOTS is not set' }, async () => {
    const fresh = await startRelay({ ERROR_TRACKER_BASE_URL: 'http://localhost:5010', LOG_VIEWER_BASE_URL: 'http://localhost:5011', METRICS_COLLECTOR_BASE_URL: 'http://localhost:5012', BASE_URL: '' });
    try {
      const reader = await new Session(browser, fresh).signIn();
      const key = await someTraffic(fresh);
      const folder = fileURLToPath(new URL('../../../docs/screenshots/', import.meta.url));
      await mkdir(folder, { recursive: true });
      for (const [name, path] of [['keys', '/'], ['key', `/keys/${key.id}`], ['traffic', '/traffic'],
        ['source-maps', `/source-maps?test_project=shop&test_release=1.4.1&test=${encodeURIComponent('TypeError: price is undefined\n    at n (https://shop.example/assets/app.min.js:1:2)\n    at t (https://shop.example/assets/app.min.js:1:12)')}`]]) {
        for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['light', 360]]) {
          const page = await reader.open(path, { scheme, width, height: 900 });
          await writeFile(`${folder}browser-relay-${name}-${scheme}-${width}.png`, await page.screenshot());
          await shut(page);
        }
      }
    } finally {
      await fresh.stop();
    }
  });
});

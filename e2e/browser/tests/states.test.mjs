// What a page shows when not all is well, in each of the four services.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startCompany } from '../company.mjs';
import { clean, launch, shut } from '../pages.mjs';

const services = ['errors', 'logs', 'metrics', 'relay'];
const programs = { errors: 'error-tracker', logs: 'log-viewer', metrics: 'metrics-collector', relay: 'browser-relay' };

// Takes a table away under a running service, or gives it back.
const rename = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30)
db.execute('PRAGMA legacy_alter_table = ON')
db.execute(f'ALTER TABLE {sys.argv[2]} RENAME TO {sys.argv[3]}')
db.commit()
`;

describe('when not all is well', () => {
  let browser, company;
  before(async () => {
    browser = await launch();
    company = await startCompany(browser);
  });
  after(async () => {
    await browser?.close();
    await company?.stop();
  });
  const session = (name) => company.sessions[name];
  const renameTable = (name, from, to) => promisify(execFile)('python3', ['-c', rename, company.stack.database(programs[name]), from, to]);

  test('filters that nothing passes can be cleared', async () => {
    const idle = await company.stack.relay.post('/api/dsn-keys', { project: 'idle' });
    for (const [name, path, cleared] of [
      ['errors', '/?search=zebra', '/'],
      ['logs', '/?search=zebra', '/'],
      ['metrics', '/?project=nobody', '/'],
      ['metrics', '/explore?metric=queue_depth&match=queue%3D%22none%22', '/explore?metric=queue_depth'],
      ['metrics', '/explore?project=nobody', '/explore'],
      ['metrics', '/cardinality?search=zebra', '/cardinality'],
      ['relay', '/?search=zebra', '/'],
      ['relay', '/source-maps?release=none', '/source-maps'],
      ['relay', '/source-maps?search=zebra', '/source-maps'],
      ['relay', `/traffic?key=${idle.id}`, '/traffic'],
    ]) {
      const page = await session(name).open(path);
      await page.locator('main a:has-text("Clear filters")').last().click();
      await page.waitForURL(company.stack[name].url + cleared);
      assert.equal(await page.locator('main a:has-text("Clear filters")').count(), 0, `${name} ${path}`);
      await clean(page, path);
      await shut(page);
    }
  });

  test('an address that does not exist says so, and leads on', async () => {
    for (const name of services) {
      const page = await session(name).open('/nothing/here', { status: 404 });
      assert.match(await page.textContent('main'), /404.*\/nothing\/here/s);
      assert.equal(await page.locator('nav.services a').count(), 4);
      await page.click('main a:has-text("To the start page")');
      await page.waitForURL(`${company.stack[name].url}/`);
      await clean(page, name);
      await shut(page);
    }
  });

  test('what is not there is searched for from its page', async () => {
    const text = '<u>"zebra\' & co</u>';
    for (const js of [true, false]) {
      for (const [name, path, search, leads, shown] of [
        ['errors', '/errors/471100', 'cannot', '/?search=cannot', 'cannot'],
        ['logs', '/logs/471100', 'GET', '/?search=GET', 'GET'],
        ['metrics', '/explore?metric=nothing_of_ours', 'REQUESTS_total', '/explore?metric=http_requests_total', 'http_requests_total'],
        ['metrics', '/dashboards/nowhere', 'vitals', '/cardinality?search=vitals', 'web_vitals_inp'],
        ['metrics', '/nothing/here', text, '/cardinality?search=', text],
        ['relay', '/keys/471100', 'sho', '/?search=sho', 'shop'],
        ['relay', '/nothing/here', '1.4.1', '/?search=1.4.1', '2 source maps have “1.4.1”'],
        ['relay', '/nothing/here', text, '/?search=', 'No key matches'],
      ]) {
        const page = await session(name).open(path, { js, status: 404 });
        if (js) await page.keyboard.press('/'); else await page.focus('main input[type=search]');
        await page.keyboard.type(search);
        await page.keyboard.press('Enter');
        await page.waitForURL((url) => url.href.startsWith(company.stack[name].url + leads));
        assert.ok((await page.textContent('main')).includes(shown), `${name}: ${shown} is not on ${page.url()}`);
        assert.equal(await page.locator('main u').count(), 0, path);
        await clean(page, path);
        await shut(page);
      }
    }
  });

  test('a search of the relay goes on among its source maps', async () => {
    const page = await session('relay').open('/?search=1.4.1');
    await page.click('main .notice a');
    await page.waitForURL('**/source-maps?search=1.4.1');
    assert.equal(await page.locator('[aria-label="Source maps"] tbody tr').count(), 2);
    assert.equal(await page.inputValue('main input[name=search]'), '1.4.1');
    const long = await page.goto(`${company.stack.relay.url}/source-maps?search=${'x'.repeat(1001)}`);
    assert.equal(long.status(), 400);
    assert.match(await page.textContent('main'), /limit is 1000/);
    await clean(page);
    await shut(page);
  });

  test('the time of a page is carried to the others', async () => {
    const params = { errors: 'time', logs: 'time', metrics: 'period', relay: 'period' };
    for (const [name, path] of [['errors', '/?state=all&time=7d'], ['logs', '/?time=7d'], ['metrics', '/?period=7d'], ['metrics', '/explore?metric=queue_depth&period=7d'], ['relay', '/traffic?period=7d']]) {
      const page = await session(name).open(path);
      const hrefs = await page.$$eval('nav.services a', (list) => list.map((a) => a.href));
      for (const other of services.filter((s) => s !== name && s !== 'relay')) { // the first page of the relay has no time
        const to = hrefs.find((h) => h.startsWith(`${company.stack[other].url}/`));
        assert.equal(new URL(to).searchParams.get(params[other]), '7d', `${name} ${path} to ${other}: ${to}`);
      }
      await clean(page, path);
      await shut(page);
    }
  });

  test('the foot of each page has version and storage', async () => {
    for (const name of services) {
      const version = readFileSync(new URL(`../../../${programs[name]}/VERSION`, import.meta.url), 'utf8').trim();
      const page = await session(name).open(company.screens[name][1]);
      const foot = await page.textContent('.foot');
      assert.ok(foot.includes(`${programs[name]} ${version}`) && /\d (kB|MB|KB|KiB|MiB) on disk/.test(foot), foot);
      await shut(page);
    }
  });

  test('being offline is said, and that it is over', async () => {
    for (const name of services) {
      const page = await session(name).open('/');
      await page.context().setOffline(true);
      assert.match(await page.textContent('#net-notice'), /You are offline/, name);
      await page.context().setOffline(false);
      await page.waitForSelector('#net-notice', { state: 'detached' });
      await clean(page, name);
      await shut(page);
    }
  });

  test('pages that load anew say that the reader is offline, how old they are, and that the session has ended', async () => {
    for (const [name, path, content] of [
      ['errors', '/?state=all&refresh=5m', 'tr[data-row]'], ['logs', '/?refresh=5m', '.r'], ['logs', '/containers?refresh=5m', 'tbody tr'],
      ['metrics', '/?refresh=5m', '.stat'], ['metrics', '/explore?metric=queue_depth&refresh=5m', 'ml-chart'], ['relay', '/traffic', '.stat'],
    ]) {
      const page = await session(name).open(path), what = `${name} ${path}`;
      await page.waitForSelector(content);
      const shown = await page.locator(content).count();
      const tick = () => page.evaluate(() => document.querySelector('ml-live').tick());
      await page.context().setOffline(true);
      await tick();
      assert.match(await page.textContent('#net-notice'), /You are offline/, what);
      assert.match(await page.textContent('#live-notice'), /^You are offline\. What you see is \d+s old\.$/, what);
      assert.equal(await page.locator(content).count(), shown, `${what}: what was shown is gone`);
      await page.context().setOffline(false);
      await page.waitForSelector('#net-notice', { state: 'detached' });
      await tick();
      await page.waitForSelector('#live-notice', { state: 'detached' });
      await page.context().clearCookies();
      await tick();
      assert.match(await page.textContent('#live-notice'), /^Your session has ended\./, what);
      assert.equal(await page.locator(content).count(), shown, `${what}: what was shown is gone`);
      await page.click('#live-notice a');
      await page.fill('#key', company.stack[name].key);
      await page.keyboard.press('Enter');
      await page.waitForSelector('.top');
      assert.equal(page.url(), company.stack[name].url + path, what);
      await clean(page, what);
      await shut(page);
    }
  });

  test('what an answer is waited for is said after 300 ms, and not before', async () => {
    const row = (page) => page.locator('.r:not(.mark)').first().click();
    for (const [name, path, asked, act, at, done] of [
      ['logs', '/', /api\/logs\?/, (page) => page.evaluate(() => { const { view } = document.querySelector('ml-logs').list; view.scrollTop = view.scrollHeight; }), '.status', /entries loaded|that is all/],
      ['logs', '/?search=order', /api\/logs\/\d+$/, row, '#entry .fields', /^(Fields.*)?$/],
      ['logs', '/?search=order', /\/context\?/, async (page) => { await row(page); await page.waitForSelector('#entry[open]'); await page.keyboard.press('c'); }, '#entry .around', /^Context/],
      ['errors', '/?state=all', undefined, (page) => page.click('[data-refresh]'), '#notices', /^$/],
      ['errors', `/errors/${company.id}`, /\.md\b/, (page) => page.locator('[data-copy-url]').first().click(), '[data-copy-url]', /Copied/],
    ]) {
      for (const held of [true, false]) {
        const page = await session(name).open(undefined), what = `${name} ${path} ${asked ?? ''} ${held ? 'slow' : 'as it is'}`;
        await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
        const wait = [];
        let release;
        const released = new Promise((resolve) => { release = resolve; });
        await page.addInitScript(([source]) => {
          const fetched = window.fetch;
          window.fetch = (input, options) => {
            if (source ? new RegExp(source).test(String(input)) : options?.headers?.['X-Fragment']) window.began ??= performance.now();
            return fetched(input, options);
          };
          new MutationObserver(() => {
            if (window.began && /Loading/.test(document.body?.textContent)) window.said ??= performance.now() - window.began;
          }).observe(document, { childList: true, subtree: true, characterData: true });
        }, [asked?.source]);
        if (held) await page.route((url) => !asked || asked.test(url.href), async (route) => { if (asked || route.request().headers()['x-fragment']) { wait.push(1); await released; } await route.continue(); });
        await page.goto(company.stack[name].url + path);
        if (name === 'logs') await page.waitForSelector('ml-logs.on');
        await act(page);
        if (held) {
          await page.waitForFunction((at) => /Loading/.test(document.querySelector(at).textContent), at);
          assert.ok(wait.length > 0, what);
          release();
        }
        await page.waitForFunction(([at, done]) => new RegExp(done, 's').test(document.querySelector(at).textContent.trim()), [at, done.source]);
        const said = await page.evaluate(() => window.said);
        assert.ok(held ? said >= 290 : said === undefined || said >= 290, `${what}: said after ${said} ms`);
        await clean(page, what);
        await shut(page);
      }
    }
  });

  test('a failure has a request id and can be tried again; what is shown meanwhile says how old it is', async () => {
    // Not of the log viewer: it answers from memory what is new. Its failure is among the screens.
    for (const [name, path, table, content] of [
      ['errors', '/?state=all&refresh=5m', 'issues', 'tr[data-row]'],
      ['metrics', '/?refresh=5m&period=7d', 'hour_page', '.stat'],
      ['relay', '/traffic', 'traffic', '.stat'],
    ]) {
      const page = await session(name).open(path);
      await page.waitForSelector(content);
      const shown = await page.locator(content).count();
      await renameTable(name, table, 'gone');
      try {
        await page.evaluate(() => document.querySelector('ml-live').tick());
        const notice = await page.textContent('#live-notice');
        assert.match(notice, /answered 500 \(request [\w-]+\)\. What you see is \d+s old\./, name);
        assert.equal(await page.locator(content).count(), shown, `${name}: what was shown is gone`);

        const answer = await page.goto(company.stack[name].url + path);
        assert.equal(answer.status(), 500, name);
        assert.equal(await page.textContent('main code'), answer.headers()['x-request-id'], name);
        assert.match(await page.textContent('main'), /Something went wrong/);
        assert.doesNotMatch(await page.textContent('body'), /SQL|no such table|gone/);
        await page.click('text=Try again');
        assert.match(await page.textContent('main'), /Something went wrong/);
      } finally {
        await renameTable(name, 'gone', table);
      }
      await page.click('text=Try again');
      await page.waitForSelector(content);
      assert.equal(page.url(), company.stack[name].url + path);
      await clean(page, name);
      await shut(page);
    }
  });

  test('a page of an ended session leads back to itself after signing in', async () => {
    for (const name of services) {
      const path = company.screens[name][1];
      const page = await session(name).open('/');
      await page.context().clearCookies();
      await page.goto(company.stack[name].url + path);
      await page.fill('#key', company.stack[name].key);
      await page.keyboard.press('Enter');
      await page.waitForSelector('.top');
      assert.equal(page.url(), company.stack[name].url + path);
      await clean(page, name);
      await shut(page);
    }
  });

  test('what was typed into a form is not lost when the session has ended', async () => {
    for (const js of [true, false]) {
      for (const [name, path, fill, proof] of [
        ['errors', `/errors/${company.id}`, async (page) => { await page.fill('textarea[name=text]', `it is <the> "address" & ${js}`); await page.click('button:has-text("Comment")'); }, `it is <the> "address" & ${js}`],
        ['metrics', '/explore?metric=queue_depth', async (page) => { await page.fill('input[name=title]', `Queues & ${js}`); await page.click('text=Add as a panel'); }, `Queues & ${js}`],
        ['relay', '/', async (page) => { await page.fill('input[name=project]', `late-${js}`); await page.fill('textarea[name=origins]', 'https://a.example\nhttps://b.example'); await page.click('button:has-text("Create key")'); }, `late-${js}`],
      ]) {
        const page = await session(name).open(path, { js });
        await page.context().clearCookies();
        await fill(page);
        await page.waitForSelector('#key');
        assert.match(await page.textContent('.notice.warn'), /session has ended, so this was not done.*kept/s, name);
        await page.fill('#key', 'wrong');
        await page.click('main button:has-text("Sign in")');
        await page.waitForSelector('.notice.bad');
        if (js) { // ten tries a minute are let in
          await page.fill('#key', company.stack[name].readKey);
          await page.click('main button:has-text("Sign in")');
          await page.waitForSelector('text=Go back without it');
          assert.match(await page.textContent('.notice.warn'), /can only read.*kept/s, name);
          assert.equal(await page.locator('text=Send it now').count(), 0, name);
          await clean(page, name);
        }
        await page.fill('#key', company.stack[name].key);
        await page.click('main button:has-text("Sign in")');
        await page.click('text=Send it now');
        await page.waitForSelector('.top');
        assert.ok((await page.textContent('main')).includes(proof), `${name}: ${proof} is not on ${page.url()}`);
        await clean(page, name);
        await shut(page);
      }
    }
  });
});

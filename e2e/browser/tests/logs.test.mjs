import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { at, day, line, send, startLogs } from '../lines.mjs';
import { Session, clean, launch, shut } from '../pages.mjs';

const shown = (page) => page.locator('.r:not([hidden]) .m').allTextContents();
const total = async (page) => Number((await page.textContent('.found b')).replace(/\D/g, ''));

describe('exploring logs', () => {
  let service, browser, session;
  before(async () => {
    service = await startLogs();
    browser = await launch();
    session = await new Session(browser, service).signIn();
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('before the first line it shows how to send one, and then the line by itself', async () => {
    const page = await session.open('/');
    const curl = await page.textContent('#snippet');
    assert.ok(curl.includes(`curl -X POST ${service.url}/api/logs`), curl);
    assert.equal((await page.content()).includes(service.key), false, 'the key is on the page');
    const { execFile } = await import('node:child_process');
    await new Promise((resolve, reject) => execFile('sh', ['-c', `${curl.replace('YOUR_API_KEY', service.key)} -sSf`], (err, stdout) => (err ? reject(err) : resolve(stdout))));
    await page.waitForSelector('.notice.good >> text=The first line has arrived', { timeout: 15000 });
    await page.click('text=Show the logs');
    await page.waitForSelector('.view');
    assert.deepEqual(await shown(page), ['hello from my first log line']);
    await clean(page);
    await shut(page);
  });

  test('search, facets and levels stand in the address, and the address restores them', async () => {
    await send(service, day(3000));
    const page = await session.open('/');
    assert.equal(await total(page), 3001);
    await page.keyboard.press('/');
    await page.keyboard.type('"cannot ship order"');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/?search=*');
    const errors = await total(page);
    assert.ok(errors > 50 && errors < 1000, String(errors));
    assert.match(await page.locator('.r .m').first().textContent(), /^Traceback/);
    await page.click('.facet >> text=worker-1');
    await page.waitForURL(/container=worker-1/);
    assert.equal(await total(page), errors);
    assert.equal(await page.locator('.facet a[aria-current=true]').count(), 1);
    await page.click('.facet a[aria-current=true]');
    await page.waitForURL((u) => !u.search.includes('container'));
    await page.selectOption('select[name=level]', 'CRITICAL');
    await page.waitForURL(/level=/);
    assert.match(await page.textContent('.results'), /Nothing found/);
    await page.click('.results >> text=Clear filters');
    await page.waitForURL(`${service.url}/`);
    assert.equal(await total(page), 3001);
    await page.goBack();
    assert.equal(await page.inputValue('[name=search]'), '"cannot ship order"');
    await page.goto(`${service.url}/?search=duration_ms:%3E2000&level=WARNING&time=24h`);
    assert.ok(await total(page) > 20);
    assert.equal(await page.inputValue('[name=time]'), '24h');
    // Searches are remembered as suggestions.
    assert.ok((await page.locator('#searches option').evaluateAll((os) => os.map((o) => o.value))).includes('"cannot ship order"'));
    // A mistake is named at its place, and the words stay in the field.
    const wrong = await session.open('/?search=%28a', { status: 400 });
    assert.match(await wrong.textContent('#search-error'), /search, character 1/);
    assert.equal(await wrong.inputValue('[name=search]'), '(a');
    assert.equal(await wrong.getAttribute('[name=search]', 'aria-invalid'), 'true');
    await clean(wrong);
    await shut(wrong);
    await clean(page);
    await shut(page);
  });

  test('the histogram zooms by dragging and filters by a click', async () => {
    const page = await session.open('/');
    const before = await total(page);
    const box = await page.locator('.hist .plot').boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 30, { steps: 5 });
    assert.ok(Number(await page.getAttribute('.hist .pick', 'width')) > 50);
    assert.equal(await page.locator('.hist .tip').isVisible(), true);
    await page.mouse.up();
    await page.waitForURL(/since=.*until=/);
    const zoomed = await total(page);
    assert.ok(zoomed > 200 && zoomed < before / 2, `${zoomed} of ${before}`);
    const bar = page.locator('.hist tbody tr').nth(1); // the first one is cut by the range
    const wanted = (await bar.getAttribute('data-c')).trim().split(' ').reduce((a, n) => a + Number(n), 0);
    const start = Date.parse(await page.getAttribute('.hist', 'data-start')), step = Number(await page.getAttribute('.hist', 'data-step')) * 1000;
    const n = Number(await page.getAttribute('.hist', 'data-n')), i = (Date.parse(await bar.getAttribute('data-t')) - start) / step;
    const plot = await page.locator('.hist .plot').boundingBox();
    await page.mouse.click(plot.x + (i + 0.5) / n * plot.width, plot.y + 40);
    await page.waitForURL((u) => u.searchParams.get('since') === new Date(start + i * step).toISOString().slice(0, 19) + 'Z');
    assert.equal(await total(page), wanted);
    await page.click('.side >> text=Clear filters');
    await page.waitForURL(`${service.url}/`);
    await clean(page);
    await shut(page);
  });

  test('the list goes on while one scrolls, without losing or repeating an entry', async () => {
    const page = await session.open('/');
    await page.waitForSelector('.view');
    const want = await total(page);
    for (let i = 0; i < 50 && await page.evaluate(() => Boolean(document.querySelector('ml-logs').cursor)); i++) {
      await page.evaluate(() => { const v = document.querySelector('.view'); v.scrollTop = v.scrollHeight; });
      await page.waitForTimeout(100);
    }
    const ids = await page.evaluate(() => window.ml.list.items.map((i) => i.id));
    assert.equal(ids.length, want);
    assert.equal(new Set(ids).size, want);
    assert.match(await page.textContent('.status'), /that is all/);
    assert.ok(await page.locator('.r').count() < 120, 'all rows are in the document');
    await clean(page);
    await shut(page);
  });

  test('the keyboard alone finds an entry, opens it, goes on, and filters by a field', async () => {
    const page = await session.open('/?container=api-1');
    await page.waitForSelector('.view');
    for (const key of ['j', 'j', 'k']) await page.keyboard.press(key);
    assert.equal(await page.locator('.r[aria-selected=true]').count(), 1);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#entry[open] .fields tr');
    const first = await page.textContent('#entry .meta');
    assert.ok(await page.locator('#entry .tree').isVisible(), 'JSON is not shown as a tree');
    await page.keyboard.press('n');
    await page.waitForFunction((t) => document.querySelector('#entry .meta').textContent !== t, first);
    await page.keyboard.press('p');
    await page.waitForFunction((t) => document.querySelector('#entry .meta').textContent === t, first);
    await page.keyboard.press('c');
    await page.waitForSelector('.around .ln.at');
    assert.ok(await page.locator('.around .ln').count() > 40);
    await page.waitForSelector('#entry .fields a');
    await page.locator('#entry .fields tr', { hasText: 'msg' }).locator('text=Only').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/search=msg%3A%22/);
    assert.match(page.url(), /container=api-1/);
    assert.ok(await total(page) > 0);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#entry[open]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#entry', { state: 'hidden' });
    await page.keyboard.press('?');
    await page.waitForSelector('#keys[open]');
    assert.match(await page.textContent('#keys'), /wrap lines/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('i');
    await page.waitForSelector('#syntax[open]');
    await page.keyboard.press('Escape');
    await clean(page);
    await shut(page);
  });

  test('tracebacks are folded, unfold in the drawer, and have an address', async () => {
    const page = await session.open('/?search=Traceback');
    await page.waitForSelector('.r .fold:not([hidden])');
    assert.match(await page.locator('.r .fold').first().textContent(), /\+5 lines/);
    // The list says what went wrong, and how many there are of it.
    assert.match(await page.locator('.r .m').first().textContent(), /^Traceback … ValueError: cannot ship order \d+: no address$/);
    const { total: n } = await service.api('/api/logs?search=Traceback&count=1');
    assert.ok(n > 50);
    assert.equal(await total(page), n);
    await page.locator('.r').first().click();
    await page.waitForSelector('#entry[open]');
    assert.match(await page.textContent('#entry .msg'), /ValueError: cannot ship order/);
    assert.ok((await page.locator('#entry .msg mark').allTextContents()).every((t) => t === 'Traceback'));
    const href = await page.getAttribute('#entry [data-open]', 'href');
    await page.click('#entry [data-open]');
    await page.waitForURL(`**${href}`);
    assert.match(await page.textContent('#message'), /ValueError/);
    assert.equal(await page.locator('#here').count(), 1);
    await page.keyboard.press('u');
    await page.waitForURL(`${service.url}/`);
    await clean(page);
    await shut(page);
  });

  test('a field becomes a column of the list, of its pages and of the table without scripts', async () => {
    const page = await session.open('/?container=api-1');
    await page.locator('.r').first().click();
    // The trace is found in every container.
    const trace = new URL(await page.getAttribute('#entry .related a', 'href'), page.url());
    assert.deepEqual([trace.pathname, /^"[0-9a-f]{32}"$/.test(trace.searchParams.get('search')), trace.searchParams.get('container')], ['/', true, null]);
    await page.click('#entry [aria-label="Column duration_ms"]');
    await page.waitForURL(/column=duration_ms/);
    await page.waitForSelector('.heads >> text=duration_ms');
    assert.match(await page.locator('.r .x').first().textContent(), /^\d+$/);
    await page.evaluate(() => document.querySelector('ml-logs').more(200));
    const items = await page.evaluate(() => window.ml.list.items.map((i) => i.columns[0]));
    assert.ok(items.length > 250 && items.every((c) => Number(c) >= 0), 'entries that were loaded later lack the column');
    const [head, cell] = await page.evaluate(() => ['.heads .x', '.r .x'].map((s) => Math.round(document.querySelector(s).getBoundingClientRect().left)));
    assert.ok(Math.abs(head - cell) <= 2, `the head of the column begins at ${head}, its cells at ${cell}`);
    const plain = await session.open(new URL(page.url()).pathname + new URL(page.url()).search, { js: false });
    assert.deepEqual([await plain.textContent('th:has-text("duration_ms")'), await plain.locator('td.x').count()], ['duration_ms', 100]);
    await shut(plain);
    await page.click('.cols a');
    await page.waitForURL((url) => !url.search.includes('column'));
    assert.equal(await page.locator('.r .x').count(), 0);
    await clean(page);
    await shut(page);
  });

  test('wrapping shows whole entries and is remembered', async () => {
    const page = await session.open('/?search=Traceback');
    await page.waitForSelector('.r');
    await page.click('[data-wrap]');
    assert.match((await shown(page))[0], /ValueError/);
    assert.equal(await page.getAttribute('[data-wrap]', 'aria-pressed'), 'true');
    await page.reload();
    await page.waitForSelector('.view.wrap');
    await page.keyboard.press('w');
    assert.equal(await page.locator('.view.wrap').count(), 0);
    await clean(page);
    await shut(page);
  });

  test('colours of terminals are colours, and other escapes are nothing', async () => {
    await send(service, [line('ansi', 'INFO', '\x1b[1;31mred\x1b[0m \x1b[38;5;46mgreen\x1b[39m \x1b[38;2;250;200;20mgold\x1b[m \x1b[2J\x1b[10;5H\x1b]0;title\x07plain\x1b]8;;https://evil.test\x07link\x1b]8;;\x07')]);
    const page = await session.open('/?container=ansi');
    await page.waitForSelector('.r .m span');
    assert.deepEqual(await shown(page), ['red green gold plainlink']);
    assert.deepEqual(await page.locator('.r .m span').evaluateAll((els) => els.map((e) => [e.className, e.textContent])), [['s1 f1', 'red'], ['f2', 'green'], ['f3', 'gold']]);
    await clean(page);
    await shut(page);
  });

  test('downloads are files of what was found', async () => {
    const page = await session.open('/?search=Traceback');
    const want = await total(page);
    await page.click('summary:has-text("Download")');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.pop >> text=NDJSON')]);
    assert.match(download.suggestedFilename(), /^logs-\d{8}-\d{6}\.ndjson$/);
    const { readFileSync } = await import('node:fs');
    const lines = readFileSync(await download.path(), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
    assert.equal(lines.length, want);
    assert.ok(lines.every((l) => l.message.includes('Traceback')));
    await shut(page);
  });

  test('it follows what comes in, but not under the reader', async () => {
    const page = await session.open('/?refresh=5s&container=fresh');
    await send(service, [line('fresh', 'INFO', 'came later')]);
    await page.waitForFunction(() => document.querySelector('.r .m')?.textContent === 'came later', undefined, { timeout: 15000 });
    await clean(page);
    await shut(page);
  });

  test('a session that ended and a service that is away are said in words', async () => {
    const page = await session.open('/');
    await page.waitForSelector('.r');
    await page.context().clearCookies();
    await page.locator('.r').nth(2).click();
    await page.waitForSelector('#logs-notice');
    assert.match(await page.textContent('#logs-notice'), /session has ended/);
    await page.context().setOffline(true);
    await page.keyboard.press('n');
    await page.waitForFunction(() => /offline/i.test(document.querySelector('#notices').textContent));
    assert.ok(await page.locator('.r').count() > 10, 'the list is gone');
    await clean(page);
    await shut(page);
  });

  test('an entry that is not there any more is not found', async () => {
    const page = await session.open('/logs/99999999', { status: 404 });
    assert.match(await page.textContent('main'), /Not found/);
    await page.keyboard.press('/');
    await page.keyboard.type('order');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${service.url}/?search=order`);
    assert.ok(await total(page) > 0);
    await clean(page);
    await shut(page);
  });

  test('containers tell how they do', async () => {
    await send(service, [line('old-one', 'INFO', 'long ago', { timestamp: at(3 * 3600) })]);
    const page = await session.open('/containers');
    assert.match(await page.textContent('tr:has-text("old-one")'), /3h ago/);
    assert.match(await page.textContent('tr:has-text("worker-1")'), /\d+\.\d %/);
    await page.locator('tr:has-text("worker-1") .num a').first().click();
    await page.waitForURL(/container=worker-1&level=/);
    assert.ok(await total(page) > 0);
    await clean(page);
    await shut(page);
  });

  test('without scripts the list, its pages, the filters and the entries are there', async () => {
    const page = await session.open('/?container=web-1', { js: false });
    assert.equal(await page.locator('table.lines tbody tr').count(), 100);
    assert.ok(await page.locator('.hist svg path').count() > 0);
    await page.click('text=Older');
    assert.match(page.url(), /cursor=/);
    assert.equal(await page.locator('table.lines tbody tr').count(), 100);
    await page.locator('table.lines a').first().click();
    assert.match(page.url(), /\/logs\/\d+$/);
    assert.ok(await page.locator('table.lines tr').count() > 10);
    await page.click('text=50 lines before and after');
    assert.ok(await page.locator('table.lines tr').count() > 50);
    await page.click('text=10 lines before and after');
    assert.match(page.url(), /\/logs\/\d+#here$/);
    await page.goto(`${service.url}/`);
    await page.fill('[name=search]', 'Traceback');
    await page.click('button:has-text("Search")');
    assert.match(page.url(), /search=Traceback/);
    assert.match(await page.textContent('table.lines'), /\+5 lines/);
    await page.goto(`${service.url}/live`);
    assert.ok(await page.locator('table.lines tbody tr').count() > 50);
    await shut(page);
  });
});

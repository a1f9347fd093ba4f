import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, shut } from '../pages.mjs';
import { ship, simple } from '../reports.mjs';
import { startService } from '../service.mjs';

const types = (page) => page.locator('tr[data-row] .title b').allTextContents();

describe('the list of issues', () => {
  let service, browser, session;
  before(async () => {
    service = await startService();
    browser = await launch();
    session = await new Session(browser, service).signIn();
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('before the first report it shows how to send one, and then the report by itself', async () => {
    const page = await session.open('/');
    const curl = await page.textContent('#first-curl');
    assert.ok(curl.includes(`curl -X POST '${service.url}/api/errors'`), curl);
    assert.equal((await page.content()).includes(service.key), false, 'the key is on the page');

    // The example is run as it stands, with the key in its place.
    const out = await new Promise((resolve, reject) => execFile('sh', ['-c', `${curl.replace('YOUR_API_KEY', service.key)} -sS`], (err, stdout) => (err ? reject(err) : resolve(stdout))));
    assert.equal(JSON.parse(out).status, 'created', out);
    await page.waitForSelector('tr[data-row]', { timeout: 15000 });
    assert.deepEqual(await types(page), ['ValueError']);
    assert.ok(await page.locator('[data-search]').isVisible(), 'the list came without its filters');
    await clean(page);
    await shut(page);
  });

  test('search and filters stand in the address, and the address restores them', async () => {
    await service.report(simple('OSError', { project: 'accounts', environment: 'staging' }));
    await service.report(simple('KeyError', { project: 'shop', request_method: 'BROWSER', request_url: 'https://shop.example.com/cart', extra: { session_id: 's-77' } }));
    const page = await session.open('/');
    assert.equal(await page.locator('tr[data-row]').count(), 3);

    await page.selectOption('select[name=project]', 'accounts');
    await page.waitForURL('**/?project=accounts');
    assert.deepEqual(await types(page), ['OSError']);
    await page.selectOption('select[name=project]', '');
    await page.waitForURL(`${service.url}/`);

    await page.selectOption('select[name=source]', 'browser');
    await page.waitForURL('**/?source=browser');
    assert.deepEqual(await types(page), ['KeyError']);

    await page.keyboard.press('/');
    await page.keyboard.type('zebra');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/?search=zebra&source=browser');
    assert.match(await page.textContent('.empty'), /No issue matches/);
    await page.click('text=Clear filters');
    await page.waitForURL(`${service.url}/`);

    await page.fill('[name=search]', 'ship order');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/?search=ship+order');
    assert.deepEqual(await types(page), ['ValueError']);
    await page.goBack();
    await page.goBack();
    assert.equal(await page.inputValue('[name=search]'), 'zebra');

    await page.goto(`${service.url}/?session_id=s-77`);
    assert.deepEqual(await types(page), ['KeyError']);
    await page.click('.notice >> text=Show all');
    await page.waitForURL(`${service.url}/`);

    await page.fill('[name=time]', '1h');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/?time=1h');
    assert.equal(await page.locator('tr[data-row]').count(), 3);
    await page.goto(`${service.url}/?time=whenever`);
    assert.match(await page.textContent('#range-error'), /no time/);
    await page.goto(`${service.url}/?environment=staging&sort=count&stats=14d`);
    assert.equal(await page.inputValue('select[name=environment]'), 'staging');
    assert.equal(await page.inputValue('select[name=sort]'), 'count');
    assert.deepEqual(await types(page), ['OSError']);
    await clean(page);
    await shut(page);
  });

  test('a search chooses events, and the numbers are theirs', async () => {
    for (const [environment, release, n] of [['prod', '1.4.1', 3], ['prod', '1.5.0', 1], ['dev', '1.4.2', 2]]) {
      for (let i = 0; i < n; i++) {
        await service.report(simple('SearchError', { project: 'found', environment, release, user: { id: `u${i}`, email: `u${i}@example.com` }, tags: { shard: `s-${i}` } }));
      }
    }
    const page = await session.open('/');
    const numbers = async (search) => {
      await page.fill('[data-search]', search);
      await page.keyboard.press('Enter');
      await page.waitForURL((u) => u.searchParams.get('search') === search);
      return page.locator('tr[data-row] td.num').allTextContents();
    };
    assert.deepEqual(await numbers('project:found'), ['6', '3']);
    assert.deepEqual(await numbers('project:found env:prod'), ['4', '3']);
    assert.deepEqual(await numbers('project:found release:1.4.*'), ['5', '≥3']);
    assert.deepEqual(await numbers('project:found -release:1.4.*'), ['1', '1']);
    assert.deepEqual(await numbers('user.email:u2@example.com'), ['1', '1']);
    assert.deepEqual(await numbers('project:found shard:s-1 release:1.4.2'), ['1', '≤1']);
    assert.deepEqual(await numbers('is:resolved project:found'), []);
    await numbers('project:found "open');
    assert.match(await page.textContent('main .notice'), /at character 15: this quote is not closed/);
    await page.click('text=Help');
    await page.waitForURL('**/search');
    await page.click('a:has-text("is:unresolved")');
    await page.waitForURL((u) => u.searchParams.get('search') === 'is:unresolved');
    assert.ok(await page.locator('tr[data-row]').count() > 0);
    await service.post('/api/errors/bulk', { action: 'delete', ids: [await service.report(simple('SearchError', { project: 'found' })).then((r) => r.id)] });
    await clean(page);
    await shut(page);
  });

  test('the keyboard alone resolves, opens, selects and mutes', async () => {
    const page = await session.open('/');
    await page.keyboard.press('?');
    await page.waitForSelector('#keys[open]');
    assert.match(await page.textContent('#keys'), /resolve the issue/);
    await page.keyboard.press('Escape');
    await page.waitForSelector('#keys', { state: 'hidden' });

    const all = await types(page);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.issue-head h1');
    assert.equal(await page.textContent('.issue-head h1'), all[0]);
    await page.keyboard.press('u');
    await page.waitForSelector('tr[data-row]');

    await page.keyboard.press('j');
    await page.keyboard.press('e'); // the issue the cursor is on
    await page.waitForSelector('.notice.good');
    assert.match(await page.textContent('.notice.good'), /1 issue resolved/);
    assert.deepEqual(await types(page), all.slice(1));
    await page.click('text=Undo');
    await page.waitForSelector('text=unresolved again');
    assert.deepEqual(await types(page), all);

    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    assert.equal(await page.textContent('[data-selected]'), '2');
    await page.keyboard.press('m');
    await page.waitForSelector('text=2 issues muted');
    assert.deepEqual(await types(page), all.slice(2));
    await page.goto(`${service.url}/?state=muted`);
    assert.equal(await page.locator('tr[data-row]').count(), 2);
    await page.check('[data-check-all]');
    assert.equal(await page.textContent('[data-selected]'), '2');
    await page.click('.bulk >> text="Resolve"');
    await page.waitForSelector('text=2 issues resolved');
    await page.goto(`${service.url}/?resolved=true`);
    assert.equal(await page.locator('tr[data-row]').count(), 2);
    await clean(page);
    await shut(page);
  });

  test('it follows what comes in, and waits while somebody selects', async () => {
    const page = await session.open('/?state=all');
    await page.selectOption('select[name=refresh]', '5s');
    await page.waitForURL('**/?state=all&refresh=5s');
    const before = await page.locator('tr[data-row]').count();
    await service.report(simple('TimeoutError'));
    await page.waitForFunction((n) => document.querySelectorAll('tr[data-row]').length > n, before, { timeout: 15000 });
    assert.equal((await types(page))[0], 'TimeoutError');

    await page.locator('tr[data-row] [data-check]').nth(1).check();
    await service.report(simple('MemoryError'));
    await page.evaluate(() => document.querySelector('ml-live').tick());
    assert.equal(await page.locator('[data-check]:checked').count(), 1, 'the selection is gone');
    await page.locator('tr[data-row] [data-check]').nth(1).uncheck();
    await page.evaluate(() => { document.activeElement.blur(); return document.querySelector('ml-live').tick(); });
    assert.equal((await types(page))[0], 'MemoryError');

    await page.context().setOffline(true);
    await page.evaluate(() => document.querySelector('ml-live').tick());
    assert.match(await page.textContent('#notices'), /offline/i);
    assert.ok(await page.locator('tr[data-row]').count() > 0);
    await page.context().setOffline(false);
    await page.evaluate(() => document.querySelector('ml-live').tick());
    assert.equal(await page.locator('#live-notice').count(), 0);
    await clean(page);
    await shut(page);
  });

  test('pages do not lose or repeat an issue', async () => {
    await Promise.all(Array.from({ length: 120 }, (_, n) => service.report(simple(`Kind${n}Error`, { project: 'many', message: `number ${n} of many` }))));
    const page = await session.open('/?project=many');
    assert.match(await page.textContent('.pager'), /Showing 1–50 of 120/);
    const seen = await types(page);
    await service.report(simple('LateError', { project: 'many' })); // comes in while somebody reads
    await page.click('a[rel=next]');
    await page.waitForURL(/after=/);
    assert.match(await page.textContent('.pager'), /Showing 51–100 of 121/);
    seen.push(...await types(page));
    await page.click('a[rel=next]');
    await page.waitForFunction(() => document.querySelector('.pager').textContent.includes('101–'));
    seen.push(...await types(page));
    assert.equal(new Set(seen).size, 120);
    assert.equal(await page.locator('a[rel=next]').count(), 0);
    await page.click('text=Previous');
    await page.waitForFunction(() => document.querySelector('.pager').textContent.includes('51–100'));
    await clean(page);
    await shut(page);
  });

  test('deleting several asks first', async () => {
    const page = await session.open('/?project=many&search=Kind7Error');
    await page.locator('[data-check]').first().check();
    await page.click('button:has-text("Delete")');
    await page.waitForSelector('#confirm[open]');
    assert.match(await page.textContent('#confirm-text'), /Delete 1 issues?/);
    await page.click('#confirm >> text=Cancel');
    assert.equal(await page.locator('tr[data-row]').count(), 1);
    await page.click('.bulk >> text=Delete');
    await page.click('#confirm [data-yes]');
    await page.waitForSelector('text=1 issue deleted');
    await clean(page);
    await shut(page);
  });

  test('colours and zone are chosen once for all pages', async () => {
    await service.report(ship());
    const page = await session.open('/');
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await ground();
    await page.click('[data-theme-toggle]'); // light
    assert.equal(await ground(), light);
    await page.click('[data-theme-toggle]'); // dark
    const dark = await ground();
    assert.notEqual(dark, light);
    assert.match(await page.locator('tr[data-row] time').first().getAttribute('title'), /UTC\+0[12]:00/);
    await page.click('[data-zone-toggle]');
    assert.match(await page.locator('tr[data-row] time').first().getAttribute('title'), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n/);
    await page.locator('tr[data-row] .title').first().click();
    await page.waitForSelector('.issue-head');
    assert.equal(await ground(), dark);
    assert.match(await page.textContent('.eventbar time'), / UTC$/);
    await clean(page);
    await shut(page);
  });
});

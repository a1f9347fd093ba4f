import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, shut } from '../pages.mjs';
import { simple } from '../reports.mjs';
import { startService } from '../service.mjs';

describe('saved views', () => {
  let service, browser, session;
  before(async () => {
    service = await startService();
    browser = await launch();
    session = await new Session(browser, service).signIn();
    await service.report(simple('OSError', { project: 'accounts', release: '2.0' }));
    await service.report(simple('KeyError', { project: 'shop', release: '1.4.1', environment: 'prod' }));
    await service.report(simple('ValueError', { project: 'shop', release: '1.3.0' }));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });
  const types = (page) => page.locator('tr[data-row] .title b').allTextContents();

  test('a filter is saved by keys, stands above the list, and the list begins with it', async () => {
    const page = await session.open('/');
    assert.equal(await page.locator('.views').count(), 0);
    await page.goto(`${service.url}/?project=shop&search=release%3A1.4.*&state=all`);
    await page.keyboard.press('v');
    await page.waitForURL('**/views?**');
    assert.deepEqual(await page.locator('#main form .tags li').allTextContents(), ['searchrelease:1.4.*', 'projectshop', 'stateall', 'sortlast seen']);
    await page.fill('form[action="/views"] input[name=name]', 'Mobile');
    await page.check('input[name=default]');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.pathname === '/');
    assert.match(await page.textContent('.notice'), /The view “Mobile” is saved/);
    assert.equal(await page.textContent('.views [aria-current]'), 'Mobile');

    // Who opens the list sees it, and all open issues are one press away.
    await page.goto(`${service.url}/`);
    assert.match(page.url(), /project=shop/);
    assert.deepEqual(await types(page), ['KeyError']);
    await page.goto(`${service.url}/?state=open`);
    assert.deepEqual((await types(page)).sort(), ['KeyError', 'OSError', 'ValueError']);
    assert.equal(await page.locator('.views [aria-current]').count(), 0);

    // A field that is emptied leads to all open issues, not to the view again.
    await page.selectOption('select[name=project]', 'accounts');
    await page.waitForURL('**/?*project=accounts*');
    await page.selectOption('select[name=project]', '');
    await page.waitForURL('**/?state=open');
    assert.equal(await page.locator('tr[data-row]').count(), 3);
    await page.click('.views a:has-text("Mobile")');
    await page.waitForURL('**/?project=shop*');
    assert.deepEqual(await types(page), ['KeyError']);
    await clean(page);
    await shut(page);
  });

  test('without JavaScript it is renamed, replaced, deleted, and brought back', async () => {
    const page = await session.open('/?project=accounts', { js: false });
    await page.click('.views a:has-text("Save or change views")');
    const before = await page.locator('.views-list li').count();
    const row = (name) => page.locator('.views-list > li').filter({ has: page.locator(`a:text-is("${name}")`) });
    await page.fill('form[action="/views"] input[name=name]', 'Accounts');
    await page.click('text=Save view');
    assert.match(page.url(), /\/\?project=accounts$/);

    await page.goto(`${service.url}/views?project=shop`);
    await page.fill('form[action="/views"] input[name=name]', 'accounts');
    await page.click('text=Save view');
    assert.match(await page.textContent('[role=alert]'), /there is a view "accounts" already/i);
    await page.click('text=Replace the view of this name');
    assert.match(page.url(), /\/\?project=shop$/);
    assert.equal(await page.textContent('.views [aria-current]'), 'accounts');

    await page.goto(`${service.url}/views`);
    assert.ok(before > 0);
    await row('accounts').locator('input[name=name]').fill('All of the shop');
    await row('accounts').locator('text=Rename').click();
    await row('All of the shop').locator('text=Begin with it').click();
    assert.match(await row('All of the shop').textContent(), /The list begins with it/);
    await row('All of the shop').locator('text=Delete').click();
    assert.equal(await row('All of the shop').count(), 0);
    await page.click('text=Undo');
    await page.goto(`${service.url}/`);
    assert.match(page.url(), /\/\?project=shop$/, 'it is no longer what the list begins with');
    await shut(page);
  });

  test('there may be so many, with names so long, and what is too much is said', async () => {
    const api = (method, path, body) => fetch(service.url + path, { method, body: body && JSON.stringify(body), headers: { 'X-API-Key': service.key } });
    const { views } = await service.api('/api/views');
    for (let n = views.length; n < 30; n++) await service.post('/api/views', { name: `view ${n} ${'with a rather long name '.repeat(3)}`.slice(0, 60).trim() });
    for (const [body, status, why] of [
      [{ name: 'one more' }, 409, /30 views, which is the limit/], [{ name: 'é'.repeat(31) }, 400, /name has 62 bytes, the limit is 60/], [{ name: ' ' }, 400, /name is empty/],
      [{ name: 'x', search: 'is:lost' }, 400, /search/], [{ name: 'x', state: 'open' }, 400, /want active, muted, resolved or all/],
    ]) {
      const answer = await api('POST', '/api/views', body);
      assert.equal(answer.status, status);
      assert.match((await answer.json()).detail, why);
    }
    const page = await session.open('/views?project=shop');
    assert.match(await page.textContent('#main'), /There may be no more than 30/);
    assert.equal(await page.locator('text=Save this filter').count(), 0);
    await page.goto(`${service.url}/?state=open`);
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `wider than ${width} px`);
    }
    await clean(page);
    await shut(page);
    for (const { id } of (await service.api('/api/views')).views) assert.equal((await api('DELETE', `/api/views/${id}`)).status, 200);
    assert.deepEqual(await service.api('/api/views'), { views: [] });
  });
});

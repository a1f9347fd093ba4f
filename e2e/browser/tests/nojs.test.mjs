import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, launch, shut } from '../pages.mjs';
import { ship, simple } from '../reports.mjs';
import { startService } from '../service.mjs';

describe('without JavaScript', () => {
  let service, browser, session, id;
  before(async () => {
    service = await startService();
    browser = await launch();
    session = await new Session(browser, service).signIn();
    ({ id } = await service.report(ship()));
    await service.report(simple('OSError', { project: 'accounts' }));
    await service.report(simple('KeyError', { project: 'accounts' }));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('sign in', async () => {
    const page = await session.open('/', { js: false, signedIn: false });
    await page.fill('#key', service.key);
    await page.click('button');
    await page.waitForSelector('.top');
    assert.equal(await page.locator('[data-theme-toggle]').isVisible(), false, 'a control that does nothing is shown');
    await shut(page);
  });

  test('filter, select, resolve and undo', async () => {
    const page = await session.open('/', { js: false });
    await page.selectOption('select[name=project]', 'accounts');
    await page.click('text=Apply');
    assert.match(page.url(), /project=accounts/);
    assert.equal(await page.locator('tr[data-row]').count(), 2);
    await page.locator('[name=id]').first().check();
    await page.click('button:has-text("Resolve")');
    assert.match(await page.textContent('.notice'), /1 issue resolved/);
    assert.match(page.url(), /project=accounts/);
    assert.equal(await page.locator('tr[data-row]').count(), 1);
    await page.click('text=Undo');
    assert.equal(await page.locator('tr[data-row]').count(), 2);
    await shut(page);
  });

  test('read an issue, open folded frames, resolve it', async () => {
    const page = await session.open(`/errors/${id}`, { js: false });
    assert.ok(await page.locator('.src .hit').first().isVisible());
    await page.locator('.fold > summary').first().click();
    assert.ok(await page.locator('.fold .frame').first().isVisible());
    await page.click('text=Raw traceback');
    assert.ok(await page.locator('#raw').isVisible());
    assert.match(await page.textContent('.eventbar time'), / UTC$/);
    await page.click('button:has-text("Resolve")');
    assert.ok(await page.locator('button:has-text("Unresolve")').isVisible());
    await page.click('summary:has-text("Mute")');
    await page.click('text=For 1 day');
    assert.ok(await page.locator('button:has-text("Unmute")').isVisible());
    await shut(page);
  });

  test('search, read a release', async () => {
    await service.report(simple('ShardError', { project: 'accounts', release: '3.1', tags: { shard: 'eu-1' } }));
    await service.post('/api/deploys', { project: 'accounts', release: '3.1', environment: 'prod' });
    const page = await session.open('/', { js: false });
    await page.fill('[data-search]', 'shard:eu-* release:3.1');
    await page.click('text=Apply');
    assert.deepEqual(await page.locator('tr[data-row] .title b').allTextContents(), ['ShardError']);
    assert.equal(await page.locator('tr[data-row] path.mark').count(), 1);
    await page.click('nav >> text=Releases');
    await page.selectOption('select[name=project]', { label: 'accounts' });
    await page.click('text=Show');
    await page.click('.title:has-text("3.1")');
    assert.match(await page.textContent('.marks'), /3\.1 to prod/);
    await page.click('.similar >> text=ShardError');
    assert.match(await page.textContent('.marks'), /3\.1 to prod/);
    const { id } = (await service.api('/api/errors?q=type:ShardError')).errors[0];
    await service.post('/api/errors/bulk', { action: 'delete', ids: [id] });
    await shut(page);
  });

  test('all kept events of an issue', async () => {
    let id;
    for (let n = 0; n < 3; n++) ({ id } = await service.report(simple('ParcelError', { project: 'parcels', request_method: 'GET', request_url: `https://shop.example/parcels/${n}` })));
    const page = await session.open(`/errors/${id}`, { js: false });
    await page.click('text=All 3 events');
    assert.match(await page.locator('.events time').first().textContent(), / UTC$/);
    await page.locator('.events a').nth(1).click();
    assert.match(await page.textContent('.url code'), /parcels\/1/);
    await service.post('/api/errors/bulk', { action: 'delete', ids: [id] });
    await shut(page);
  });

  test('delete is asked for on a page of its own', async () => {
    const page = await session.open('/?state=all', { js: false });
    for (const box of await page.locator('[name=id]').all()) await box.check();
    await page.click('button:has-text("Delete")');
    assert.match(await page.textContent('h1'), /Delete these 3 issues\?/);
    await page.click('text=Cancel');
    assert.equal(page.url(), `${service.url}/?state=all`);
    assert.equal(await page.locator('tr[data-row]').count(), 3);
    await page.goto(`${service.url}/errors/${id}`);
    await page.click('button:has-text("Delete")');
    await page.click('form button:has-text("Delete")');
    assert.match(await page.textContent('.notice'), /1 issue deleted/);
    await shut(page);
  });
});

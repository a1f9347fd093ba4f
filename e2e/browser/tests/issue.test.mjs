import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, shut } from '../pages.mjs';
import { ship, simple } from '../reports.mjs';
import { startService } from '../service.mjs';

describe('the page of an issue', () => {
  let service, browser, session, id;
  before(async () => {
    service = await startService();
    browser = await launch();
    session = await new Session(browser, service).signIn();
    for (let n = 40; n < 47; n++) ({ id } = await service.report(ship(n)));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('it shows what was reported', async () => {
    const page = await session.open(`/errors/${id}`);
    assert.match(await page.title(), /^ValueError: cannot ship order/);
    const hit = page.locator('.src .hit').first();
    assert.match(await hit.textContent(), /raise ValueError/);
    assert.equal(await hit.getAttribute('data-n'), '214');
    assert.ok(await hit.isVisible(), 'the line of the error is folded');
    const fold = page.locator('.fold > summary').first();
    assert.match(await fold.textContent(), /5 library frames/);
    assert.equal(await page.locator('.fold .frame').first().isVisible(), false);
    await fold.click();
    assert.ok(await page.locator('.fold .frame').first().isVisible());
    const text = await page.textContent('main');
    for (const part of ['KeyError', 'customer 7 has no address', 'shop@4.12.1', 'CPython', 'business', 'https://shop.example.com/orders/46/ship', 'coupon', 'SELECT * FROM orders']) {
      assert.ok(text.includes(part), `the page lacks ${part}`);
    }
    await clean(page);
    await shut(page);
  });

  test('n and p go through the events', async () => {
    const page = await session.open(`/errors/${id}`);
    const order = () => page.textContent('.url code');
    assert.match(await order(), /orders\/46/);
    await page.keyboard.press('p');
    await page.waitForURL(/event=/);
    assert.match(await order(), /orders\/45/);
    await page.click('text=Oldest');
    await page.waitForFunction(() => document.querySelector('.url code').textContent.includes('/40/'));
    await page.keyboard.press('n');
    await page.waitForFunction(() => document.querySelector('.url code').textContent.includes('/41/'));
    await page.click('a:has-text("Newest")');
    await page.waitForURL(`${service.url}/errors/${id}`);
    await clean(page);
    await shut(page);
  });

  test('resolve, take it back, and see it come back', async () => {
    const page = await session.open(`/errors/${id}`);
    await page.click('button:has-text("Resolve")');
    await page.waitForSelector('.notice >> text=1 issue resolved');
    assert.equal((await service.api(`/api/errors/${id}`)).resolved, true);
    await page.click('text=Undo');
    await page.waitForSelector('.notice >> text=unresolved again');
    assert.equal((await service.api(`/api/errors/${id}`)).resolved, false);

    await page.keyboard.press('e');
    await page.waitForSelector('button:has-text("Unresolve")');
    await service.report(ship(50));
    await page.reload();
    await page.waitForSelector('.headline .badge:has-text("Regressed")');
    await clean(page);
    await shut(page);
  });

  test('mute for a while, and unmute', async () => {
    const page = await session.open(`/errors/${id}`);
    await page.click('summary:has-text("Mute")');
    await page.click('text=For 1 week');
    await page.waitForSelector('.headline .badge:has-text("Muted")');
    assert.match(await page.textContent('.standing'), /Muted everywhere until/);
    await page.click('button:has-text("Unmute")');
    await page.waitForSelector('summary:has-text("Mute")');
    await clean(page);
    await shut(page);
  });

  test('merge a similar issue, and split it off again', async () => {
    // The same function fails by another statement: another issue, and similar.
    const other = ship(60);
    other.exceptions[1].frames.at(-1).context_line = '            raise ValueError("no carrier for " + address.country)';
    other.exceptions[1].value = other.message = 'no carrier for XX';
    other.traceback = undefined;
    const created = await service.report({ ...other, traceback: 'ValueError: no carrier for XX' });
    assert.notEqual(created.id, id, 'the report fell into the same issue');
    const page = await session.open(`/errors/${id}`);
    const count = async () => Number((await page.locator('.stats dd').first().textContent()).replace(/\D/g, ''));
    const own = await count();
    await page.click('text=Merge into this');
    await page.waitForSelector('.notice >> text=is now part of this one');
    await page.waitForLoadState('domcontentloaded');
    assert.equal(await count(), own + 1);
    assert.equal(await page.locator('.why').count(), 2);
    await page.locator('.why', { hasText: 'no carrier' }).locator('text=Split off').click();
    await page.waitForSelector('.notice >> text=Split off as issue');
    await page.waitForLoadState('domcontentloaded');
    assert.equal(await count(), own);
    await clean(page);
    await shut(page);
  });

  test('frames of the own code lead to the sources, where the settings say so', async () => {
    const links = (page) => page.locator('.frame a').evaluateAll((all) => all.map((a) => [a.textContent, a.href, a.target]));
    const page = await session.open(`/errors/${id}`, { js: false });
    assert.deepEqual(await links(page), []);
    const { id: project } = (await service.api('/api/projects?details=true')).details.find((p) => p.name === 'shop');
    const save = async (template, mappings) => {
      await page.goto(`${service.url}/projects/${project}/settings`);
      await page.fill('input[name=template]', template);
      await page.fill('textarea[name=mappings]', mappings);
      await page.click('main button:has-text("Save")');
    };
    await save('javascript://x/{path}', '');
    assert.match(await page.textContent('[role=alert]'), /the template begins with "javascript"/);
    await save('vscode://file/{path}:{line}', '/srv/shop => /home/me/my shop');
    assert.match(await page.textContent('.notice'), /Saved/);
    await page.goto(`${service.url}/errors/${id}`);
    assert.deepEqual(await links(page), [
      ['app/orders.py:214', 'vscode://file/home/me/my%20shop/app/orders.py:214', ''], ['app/api.py:88', 'vscode://file/home/me/my%20shop/app/api.py:88', ''],
    ]);
    // A page of a repository opens beside this one.
    await save(`${service.url}/search?of={path}#L{line}`, '/srv/shop/ =>\napp/ => app');
    await page.goto(`${service.url}/errors/${id}`);
    const [popup] = await Promise.all([page.context().waitForEvent('page'), page.click('.frame a >> text=app/customers.py:51')]);
    await popup.waitForLoadState();
    assert.equal(popup.url(), `${service.url}/search?of=app%2Fcustomers.py#L51`);
    await save('', '');
    await page.goto(`${service.url}/errors/${id}`);
    assert.deepEqual(await links(page), []);
    await shut(page);
  });

  test('a link to an issue that was merged leads to where its events are', async () => {
    const { id: target } = await service.report(simple('LostCart', { project: 'carts' }));
    const { id: source, event_id } = await service.report(simple('LostBasket', { project: 'carts' }));
    await service.post(`/api/errors/${target}/merge`, { ids: [source] });
    const event = (await service.api(`/api/errors/${target}/occurrences`)).occurrences.find((o) => o.event_id === event_id).id;
    const page = await session.open(`/errors/${source}?event=${event}`);
    assert.equal(page.url(), `${service.url}/errors/${target}?event=${event}`);
    assert.match(await page.textContent('.notice'), new RegExp(`Issue #${source} became part of #${target}\\.`));
    assert.match(await page.textContent('.exc h3'), /LostBasket/);
    await page.reload();
    assert.equal(await page.locator('.notice').count(), 0, 'it is said once');
    const split = await service.post(`/api/errors/${target}/unmerge`, { fingerprint: (await service.api(`/api/errors/${target}/groups`)).groups.find((g) => !g.primary).fingerprint });
    await page.goto(`${service.url}/errors/${source}`);
    assert.equal(page.url(), `${service.url}/errors/${split.id}`, 'what was split off again is found, too');
    await clean(page);
    await shut(page);
  });

  test('a comment on an issue that was merged meanwhile is not lost', async () => {
    const { id: target } = await service.report(simple('LateCart', { project: 'carts' }));
    const { id: source } = await service.report(simple('LateBasket', { project: 'carts' }));
    const page = await session.open(`/errors/${source}`);
    await page.fill('textarea[name=text]', 'It is <the> cache.');
    await service.post(`/api/errors/${target}/merge`, { ids: [source] });
    await page.click('button:has-text("Comment")');
    await page.waitForSelector('.empty');
    assert.equal(await page.textContent('h1'), `Issue #${source} became part of #${target}`);
    assert.equal(await page.inputValue('textarea'), 'It is <the> cache.');
    await clean(page);
    await page.click('main >> text=Open issue');
    await page.waitForURL(`**/errors/${target}`);
    assert.doesNotMatch(await page.textContent('main'), /the> cache/);
    await clean(page);
    await shut(page);
  });

  test('all kept events, by keys and page by page', async () => {
    const many = await startService({ KEEP_OCCURRENCES: '130' });
    try {
      const reader = await new Session(browser, many).signIn();
      let id;
      for (let n = 0; n < 140; n++) ({ id } = await many.report({ ...ship(n), environment: n === 139 ? 'staging' : 'production' }));
      const page = await reader.open(`/errors/${id}`);
      await page.click('a:text-is("All 131 events")');
      await page.waitForURL(`**/errors/${id}/events`);
      const orders = async () => (await page.locator('.events .what').allTextContents()).map((text) => Number(/orders\/(\d+)/.exec(text)[1]));
      const down = (from, n) => Array.from({ length: n }, (_, i) => from - i);
      assert.deepEqual(await orders(), down(139, 60));
      assert.match(await page.textContent('.head'), /131 of 140 events kept/);
      assert.deepEqual(await page.locator('.events thead th').allTextContents().then((all) => all.filter((name) => name === 'Environment' || name === 'Level')), ['Environment']);
      assert.match(await page.textContent('.same'), /Levelerror/);
      await page.keyboard.press('p');
      await page.waitForURL(/before=/);
      assert.deepEqual(await orders(), down(79, 60));
      await page.keyboard.press('p');
      await page.waitForFunction(() => document.querySelectorAll('.events tbody tr').length === 11);
      assert.deepEqual(await orders(), [...down(19, 10), 0]);
      assert.match(await page.locator('.events tbody tr').last().textContent(), /First/);
      await page.keyboard.press('n');
      await page.waitForURL(/after=/);
      assert.deepEqual(await orders(), down(79, 60));
      await page.keyboard.press('n');
      await page.waitForURL(`**/errors/${id}/events`);
      assert.deepEqual(await orders(), down(139, 60));
      await page.keyboard.press('j');
      await page.keyboard.press('j');
      await page.keyboard.press('j');
      await page.keyboard.press('k');
      await page.keyboard.press('Enter');
      await page.waitForURL(/event=/);
      assert.match(await page.textContent('.url code'), /orders\/138/);
      await page.goBack();
      await page.locator('.events .what').nth(4).click();
      await page.waitForURL(/event=/);
      assert.match(await page.textContent('.url code'), /orders\/135/);
      await page.goBack();
      await page.keyboard.press('u');
      await page.waitForURL(`**/errors/${id}`);
      await clean(page);
      await shut(page);
    } finally {
      await many.stop();
    }
  });

  test('the tags of its events, and the way from a value to the issues that have it', async () => {
    const page = await session.open(`/errors/${id}`);
    await page.click('a:text-is("Tags")');
    await page.waitForURL(`**/errors/${id}/tags`);
    const country = page.locator('.tag-cards section', { has: page.locator('h2:text-is("country")') });
    assert.match(await country.textContent(), /DE\d+ 100%/);
    await country.locator('a:text-is("DE")').click();
    await page.waitForURL('**/?*search=country*');
    assert.equal(await page.locator(`tr[data-row] a[href="/errors/${id}"]`).count(), 1);
    await page.goBack();
    await page.keyboard.press('u');
    await page.waitForURL(`**/errors/${id}`);
    await clean(page);
    await shut(page);
  });

  test('copy as Markdown and as a link', async () => {
    const page = await session.open(`/errors/${id}`);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.click('text=Copy as Markdown');
    await page.waitForSelector('text=Copied');
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(text, /^# ValueError: cannot ship order/);
    assert.ok(text.includes('## Stack trace') && text.includes(`/errors/${id}>`), text);
    await page.click('text=Copy link');
    await page.waitForFunction(async (want) => await navigator.clipboard.readText() === want, `${service.url}/errors/${id}`);
    await clean(page);
    await shut(page);
  });

  test('delete asks, and the page after that is told apart from an error', async () => {
    const { id: doomed } = await service.report(simple('DoomedError'));
    const page = await session.open(`/errors/${doomed}`);
    await page.click('button:has-text("Delete")');
    await page.click('#confirm >> text=Cancel');
    assert.equal(page.url(), `${service.url}/errors/${doomed}`);
    await page.click('.actions >> text=Delete');
    await page.click('#confirm [data-yes]');
    await page.waitForSelector('.notice >> text=1 issue deleted');
    const answer = await page.goto(`${service.url}/errors/${doomed}`);
    assert.equal(answer.status(), 404);
    assert.match(await page.textContent('h1'), /Issue not found/);
    await clean(page);
    await shut(page);
  });

  test('the alerts page says what is missing for mail', async () => {
    const page = await session.open('/alerts');
    assert.match(await page.textContent('main'), /Not configured/);
    assert.match(await page.textContent('main'), /SMTP_HOST/);
    await clean(page);
    await shut(page);
  });
});

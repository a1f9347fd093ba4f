import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, shut } from '../pages.mjs';
import { simple } from '../reports.mjs';
import { startService } from '../service.mjs';

describe('what people decide about an issue', () => {
  let service, browser, session;
  const event = (name, release, environment = 'prod') => service.report(simple(name, { release, environment, project: name })); // whose releases are its own
  const stateOf = (id) => service.api(`/api/errors/${id}`);
  before(async () => {
    service = await startService();
    browser = await launch();
    session = await new Session(browser, service).signIn();
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  for (const js of [false, true]) {
    const with_ = js ? 'with JavaScript' : 'without JavaScript';

    test(`an issue that is resolved in the next release comes back by a newer one, ${with_}`, async () => {
      const name = `Release${js}`;
      const { id } = await event(name, '1.0.0');
      const page = await session.open(`/errors/${id}`, { js, width: js ? 1280 : 360 });
      await page.click('summary:has-text("Resolve in")');
      await page.click('text=The next release');
      await page.waitForSelector('button:has-text("Unresolve")');
      assert.match(await page.textContent('.headline'), /Resolved in the release after 1\.0\.0/);
      assert.equal((await event(name, '1.0.0')).status, 'incremented');
      assert.equal((await stateOf(id)).resolved, true);
      assert.equal((await event(name, '1.1.0')).status, 'reopened');
      await page.reload();
      assert.match(await page.textContent('.headline'), /Regressed/);
      assert.match(await page.textContent('.activity'), /Came back in 1\.1\.0.*Resolved in the release after 1\.0\.0/s);
      await clean(page);
      await shut(page);
    });

    test(`an issue is muted until two more events, in one environment, and heard of again, ${with_}`, async () => {
      const name = `Mute${js}`;
      const { id } = await event(name, '1.0.0', 'staging');
      await event(name, '1.0.0', 'prod');
      const page = await session.open(`/errors/${id}`, { js });
      await page.click('summary:has-text("Mute")');
      await page.selectOption('select[name=environment]', 'staging');
      await page.fill('[name=count]', '2');
      await page.press('[name=count]', 'Enter');
      await page.waitForSelector('.standing');
      assert.match(await page.textContent('.standing'), /Muted in staging until 2 more events/);
      await event(name, '1.0.0', 'prod');
      await event(name, '1.0.0', 'staging');
      await page.reload();
      assert.match(await page.textContent('.standing'), /Muted in staging until 1 more event(?!s)/);
      await event(name, '1.0.0', 'staging');
      await page.reload();
      assert.equal(await page.locator('.standing').count(), 0);
      assert.match(await page.textContent('.activity'), /Mute ended in staging/);
      await page.click('summary:has-text("Mute")');
      await page.selectOption('select[name=environment]', 'prod');
      await page.click('text=Until unmuted');
      await page.click('.standing button:has-text("End")');
      await page.waitForSelector('.notice:has-text("unmuted in prod")');
      assert.deepEqual((await stateOf(id)).muted_in, []);
      await clean(page);
      await shut(page);
    });

    test(`comments and an assignee are written and taken back, ${with_}`, async () => {
      const { id } = await event(`Talk${js}`, '1.0.0');
      const page = await session.open(`/errors/${id}`, { js });
      await page.fill('[name=author]', 'Ann');
      await page.fill('[name=text]', '<img src=x onerror=alert(1)>\nsecond line');
      await page.click('button:has-text("Comment")');
      await page.waitForSelector('.activity .text');
      assert.equal(await page.textContent('.activity .text'), '<img src=x onerror=alert(1)>\nsecond line');
      assert.equal(await page.inputValue('[name=author]'), 'Ann', 'the name is not remembered');
      await page.fill('[name=assignee]', 'bob');
      await page.press('[name=assignee]', 'Enter');
      await page.waitForSelector('.activity:has-text("Assigned to bob")');
      assert.equal((await stateOf(id)).assignee, 'bob');
      await page.click('[aria-label="Delete the comment of Ann"]');
      if (js) await page.click('dialog button:has-text("Delete")');
      await page.waitForSelector('.notice:has-text("Comment deleted")');
      assert.equal(await page.locator('.activity .text').count(), 0);
      await clean(page);
      await shut(page);
    });
  }

  test('many issues are resolved in the next release', async () => {
    const { id: one } = await event('BulkOne', '1.0.0');
    const { id: two } = await event('BulkTwo', '1.0.0');
    const page = await session.open('/?search=Bulk');
    for (const id of [one, two]) await page.check(`[aria-label="Select issue ${id}"]`);
    await page.click('button:has-text("In next release")');
    await page.waitForSelector('.notice:has-text("2 issues resolved in the next release")');
    for (const id of [one, two]) assert.deepEqual((await stateOf(id)).resolved_in, { in: 'next', release: '1.0.0' });
    await clean(page);
    await shut(page);
  });
});

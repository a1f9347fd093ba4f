import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, shut } from '../pages.mjs';
import { simple } from '../reports.mjs';
import { startService } from '../service.mjs';

describe('signing in', () => {
  let service, browser, session;
  before(async () => {
    service = await startService();
    browser = await launch();
    session = new Session(browser, service);
    await service.report(simple('OSError'));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('the page in place says nothing about the data', async () => {
    const page = await session.open('/errors/1', { signedIn: false });
    assert.match(await page.title(), /^Sign in/);
    assert.doesNotMatch(await page.content(), /OSError/);
    await clean(page);
    await shut(page);
  });

  test('a wrong key is refused in words, the right one leads to where one was', async () => {
    const page = await session.open('/errors/1?stats=14d', { signedIn: false });
    await page.fill('#key', 'this is not the key');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=alert]');
    assert.match(await page.textContent('[role=alert]'), /not the API key/);
    assert.equal(await page.getAttribute('#key', 'aria-invalid'), 'true');
    await page.fill('#key', service.key);
    await page.click('text=Sign in >> nth=-1');
    await page.waitForSelector('.issue-head');
    assert.equal(page.url(), `${service.url}/errors/1?stats=14d`);
    const cookies = await page.context().cookies();
    const own = cookies.find((c) => c.name.includes('error_tracker'));
    assert.equal(own.httpOnly, true);
    assert.equal(own.sameSite, 'Lax');
    assert.equal(await page.evaluate((key) => JSON.stringify({ ...localStorage, ...sessionStorage }).includes(key), service.key), false);
    await clean(page);

    await page.click('text=Sign out');
    await page.waitForSelector('#key');
    await page.goto(`${service.url}/errors/1`);
    assert.match(await page.title(), /^Sign in/);
    await shut(page);
  });

  test('a form of another site changes nothing', async () => {
    await session.signIn();
    const page = await session.open('/');
    const cookies = (await page.context().cookies()).map((c) => `${c.name}=${c.value}`).join('; ');
    const answer = await fetch(`${service.url}/errors/1/resolve`, {
      method: 'POST', redirect: 'manual', headers: { Cookie: cookies, Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'application/x-www-form-urlencoded' }, body: '',
    });
    assert.equal(answer.status, 403);
    assert.equal((await service.api('/api/errors/1')).resolved, false);
    await shut(page);
  });

  test('a page that lost its session says so and keeps what it shows', async () => {
    const page = await session.open('/?refresh=5s');
    await page.waitForSelector('tr[data-row]');
    await page.context().clearCookies();
    await page.evaluate(() => document.querySelector('ml-live').tick());
    await page.waitForSelector('#live-notice');
    assert.match(await page.textContent('#live-notice'), /session has ended/);
    assert.equal(await page.locator('tr[data-row]').count(), 1);
    await clean(page);
    await shut(page);
  });
});

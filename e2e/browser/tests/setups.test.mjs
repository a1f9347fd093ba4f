import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, shut } from '../pages.mjs';
import { ship } from '../reports.mjs';
import { startService } from '../service.mjs';

describe('behind a path prefix', () => {
  let service, browser, session, id;
  before(async () => {
    service = await startService({ BASE_URL: '{url}/monitoring/errors' });
    browser = await launch();
    session = new Session(browser, service);
    ({ id } = await service.report(ship()));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('signing in, reading, changing and refreshing stay below it', async () => {
    const base = `${service.url}/monitoring/errors`;
    const page = await session.open('/monitoring/errors/?time=24h', { signedIn: false });
    const outside = [];
    page.on('request', (r) => { if (!r.url().startsWith(base + '/')) outside.push(r.url()); });
    await page.fill('#key', service.key);
    await page.keyboard.press('Enter');
    await page.waitForSelector('tr[data-row]');
    assert.equal(page.url(), `${base}/?time=24h`);
    await page.locator('tr[data-row] .title').click();
    await page.waitForSelector('.issue-head');
    assert.equal(page.url(), `${base}/errors/${id}`);
    await page.click('button:has-text("Resolve")');
    await page.waitForSelector('.notice >> text=1 issue resolved');
    await page.click('text=Undo');
    await page.waitForSelector('.notice >> text=unresolved again');
    await page.keyboard.press('u');
    await page.waitForSelector('tr[data-row]');
    await page.selectOption('select[name=refresh]', '5s');
    await page.waitForURL(/refresh=5s/);
    await page.evaluate(() => document.querySelector('ml-live').tick());
    assert.equal(await page.locator('#live-notice').count(), 0);
    await page.click('text=Sign out');
    await page.waitForSelector('#key');
    assert.deepEqual(outside, []);
    await clean(page);
    await shut(page);
  });
});

describe('with a mail server that does not answer', () => {
  let service, browser, session, id;
  before(async () => {
    service = await startService({ SMTP_HOST: '127.0.0.1', SMTP_PORT: '1', SMTP_FROM: 'errors@example.com', ALERT_EMAILS: 'ann@example.com,bo@example.com' });
    browser = await launch();
    session = await new Session(browser, service).signIn();
    ({ id } = await service.report(ship()));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  const until = async (page, selector) => {
    for (let i = 0; i < 40 && !await page.locator(selector).count(); i++) {
      await page.waitForTimeout(250);
      await page.reload();
    }
    assert.ok(await page.locator(selector).count() > 0, `${selector} did not come: ${await page.textContent('main')}`);
  };

  test('the alerts page and the issue tell that mails do not get through, and why', async () => {
    const page = await session.open('/alerts');
    assert.match(await page.textContent('main'), /Configured/);
    assert.doesNotMatch(await page.textContent('main'), /ann@example/, 'a whole address is shown');
    await page.click('text=Send test mail');
    await page.waitForSelector('.notice >> text=on its way');
    await until(page, '.mails li:has-text("test") .problem');
    assert.match(await page.textContent('.mails .problem'), /refused/);
    await page.goto(`${service.url}/errors/${id}`);
    await until(page, '.mails .problem');
    assert.match(await page.textContent('.mails'), /Trying again/);
    await clean(page);
    await shut(page);
  });
});

// The alerts of a project in its page, with a program that takes webhooks.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, shut } from '../pages.mjs';
import { startService } from '../service.mjs';

const path = '/services/T0/B0/not-to-be-shown';

// startReceiver takes webhooks; its answer is a status, or undefined for none ever.
async function startReceiver() {
  const receiver = { got: [], answer: 200 };
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (b) => { body += b; });
    req.on('end', () => {
      receiver.got.push({ path: req.url, body, stamp: req.headers['x-monlight-timestamp'], signature: req.headers['x-monlight-signature'] });
      if (receiver.answer) res.writeHead(receiver.answer).end(receiver.answer < 300 ? 'ok' : '<b>no</b> such channel');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${server.address().port}`;
  receiver.stop = () => { server.close(); server.closeAllConnections(); };
  return receiver;
}

describe('the alerts of a project', () => {
  let service, receiver, browser, session;
  before(async () => {
    [service, receiver] = await Promise.all([startService({ ALERT_WEBHOOK_PRIVATE: 'true' }), startReceiver()]);
    browser = await launch();
    session = await new Session(browser, service).signIn();
  });
  after(async () => {
    await browser?.close();
    receiver?.stop();
    await service?.stop();
  });

  const card = (page) => page.locator('section[aria-labelledby=by-webhook]');
  // tested presses the button, and loads the page until it has a result.
  const tested = async (page, result) => {
    await card(page).locator('text=Send a test').click();
    assert.match(await page.textContent('#notices'), /A test is on its way/);
    for (let i = 0; !result.test(await card(page).textContent()); i++) {
      assert.ok(i < 120, await card(page).textContent());
      await new Promise((resolve) => setTimeout(resolve, 500));
      await page.reload();
    }
  };

  for (const js of [true, false]) {
    test(`a webhook is set, tried and kept, ${js ? 'with' : 'without'} JavaScript`, async () => {
      const name = `shop-${js}`;
      const { id } = await service.post('/api/projects', { name });
      Object.assign(receiver, { got: [], answer: 200 });
      const page = await session.open(`/projects/${id}/alerts`, { js });
      assert.match(await card(page).textContent(), /Off.*Nobody is told/s);
      assert.equal(await card(page).locator('text=Send a test').count(), 0);

      await page.fill('[name=webhook_url]', 'ftp://127.0.0.1/x');
      await page.click('text=Save');
      await page.waitForSelector('[role=alert]');
      assert.equal(await page.inputValue('[name=webhook_url]'), 'ftp://127.0.0.1/x'); // nothing typed is lost
      await page.fill('[name=webhook_url]', receiver.url + path);
      await page.click('text=Save');
      const key = await page.textContent('#key');
      assert.equal(await page.inputValue('[name=webhook_url]'), `${receiver.url}/…`);
      await page.goto(`${service.url}/projects/${id}/alerts`);
      assert.equal(await page.locator('#key').count(), 0, 'the key is shown again');
      assert.ok(!(await page.content()).includes('not-to-be-shown'));

      await tested(page, /Sent.*test.*after 1 attempt/s);
      const [{ body, stamp, signature }] = receiver.got;
      assert.equal(signature, `sha256=${createHmac('sha256', key).update(`${stamp}.${body}`).digest('hex')}`);
      assert.equal(JSON.parse(body).kind, 'test');

      // The form is saved as it is shown: with the masked address.
      await page.uncheck('[name=regressed]');
      await page.fill('[name=events]', '50');
      await page.fill('[name=minutes]', '5');
      await page.click('text=Save');
      assert.match(await page.textContent('#notices'), /Saved/);
      assert.equal(await page.locator('#key').count(), 0, 'the same webhook got a new key');
      assert.ok(!await page.isChecked('[name=regressed]'));
      assert.equal(await page.inputValue('[name=events]'), '50');
      receiver.got.length = 0;
      receiver.answer = 410;
      await tested(page, /Failed.*Ended.*after 1 attempt.*410/s);
      assert.deepEqual(receiver.got.map((r) => r.path), [path], 'the webhook was not kept');
      assert.equal(await card(page).locator('b').count(), 0);

      // The page of all deliveries has both, and tries again what was given up.
      receiver.answer = 200;
      await page.click('text=All deliveries');
      assert.ok(!(await page.content()).includes('not-to-be-shown'));
      await page.locator('button:has-text("Retry")').first().click();
      await page.goto(`${service.url}/projects/${id}/alerts`);
      for (let i = 0; receiver.got.length < 2 || /Failed/.test(await card(page).textContent()); i++) {
        assert.ok(i < 120, await card(page).textContent());
        await new Promise((resolve) => setTimeout(resolve, 500));
        await page.reload();
      }
      await clean(page);
      await shut(page);
    });
  }

  test('a receiver that does not answer, and one that is away, are said with the next try', async () => {
    for (const [name, change, why] of [['silent', () => { receiver.answer = undefined; }, /no answer in time/], ['away', () => receiver.stop(), /refused/]]) {
      const { id } = await service.post('/api/projects', { name });
      await service.post(`/api/projects/${id}/settings`, { alerts: { webhook_url: receiver.url + path } });
      change();
      const page = await session.open(`/projects/${id}/alerts`);
      await tested(page, /Next try.*after 1 attempt/s);
      const text = await card(page).textContent();
      assert.match(text, why);
      assert.ok(!text.includes('not-to-be-shown'), text);
      await clean(page);
      await shut(page);
    }
  });
});

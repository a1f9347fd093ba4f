import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, shut } from '../pages.mjs';
import { startStack } from '../stack.mjs';

const labels = { errors: 'Errors', logs: 'Logs', metrics: 'Metrics', relay: 'Browser' };

describe('the status pages', () => {
  let stack, browser;
  const sessions = {};
  before(async () => {
    stack = await startStack();
    browser = await launch();
    for (const name of Object.keys(labels)) sessions[name] = await new Session(browser, stack[name]).signIn();
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const states = (page) => page.$$eval('[aria-label="Other services"] tr', (rows) => Object.fromEntries(rows.map((r) => [r.querySelector('th a').textContent, r.querySelector('.badge').textContent])));

  test('each service shows itself and the others, from the foot of every page', async () => {
    await stack.errors.post('/api/errors', { project: 'shop', exception_type: 'ValueError', message: 'm', traceback: 'ValueError: m' });
    for (const name of Object.keys(labels)) {
      const page = await sessions[name].open('/', { js: false });
      await page.click('footer a:has-text("Status of")');
      const others = { ...labels };
      delete others[name];
      assert.deepEqual(await states(page), Object.fromEntries(Object.values(others).map((label) => [label, 'ok'])), name);
      if (name === 'errors') assert.equal(await page.textContent('tr:has-text("Accepted") .num'), '1');
      await clean(page, name);
      await shut(page);
    }
  });

  // The last test: it ends a service.
  test('a service that is away is said so, and the others stay whole', async () => {
    await stack.end('error-tracker');
    await stack.logs.api('/api/status');
    const deadline = Date.now() + 20_000; // what is known of the others may be ten seconds old
    for (;;) {
      const page = await sessions.logs.open('/status');
      const state = (await states(page)).Errors;
      await shut(page);
      if (state === 'unreachable') break;
      assert.ok(Date.now() < deadline, `still ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const page = await sessions.logs.open('/');
    await shut(page);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENDPOINT, KEY, openPage } from './page.mjs';

test('without dsn or endpoint init warns and returns a client that does nothing', () => {
  for (const config of [undefined, null, {}, { dsn: '' }, { dsn: KEY }, { endpoint: ENDPOINT }, { dsn: 7, endpoint: ENDPOINT, get enabled() { throw new Error('odd'); } }]) {
    const page = openPage();
    const { fetch } = page.window;
    const client = page.sdk.init(config);
    for (const name of ['captureError', 'captureMessage', 'setUser', 'addContext', 'flush', 'destroy']) assert.equal(client[name](), undefined);
    client.metrics.counter('x');
    assert.match(page.warnings.join(), /\[Monlight\].*'dsn' is required/);
    assert.equal(page.window.fetch, fetch, 'nothing is installed');
  }
});

test('after a failed init a good one works', async () => {
  const page = openPage();
  page.sdk.init({});
  page.start().captureMessage('hello');
  await page.tick(200);
  assert.equal(page.errors()[0].message, 'hello');
});

test('enabled false installs nothing and calls no hook', async () => {
  let called = 0;
  const page = openPage();
  const { fetch } = page.window;
  const client = page.start({ enabled: false, beforeSend: () => void called++ });
  client.captureError(new Error('x'));
  client.metrics.counter('x');
  page.fire('error', { error: new Error('y'), message: 'y' });
  await page.tick(10_000);
  assert.equal(page.requests.length, 0);
  assert.equal(called, 0);
  assert.equal(page.window.fetch, fetch);
});

test('a DSN may be a key or a URL', async () => {
  for (const [config, at] of [
    [{ dsn: KEY, endpoint: ENDPOINT + '///' }, ENDPOINT],
    [{ dsn: `https://${KEY}@relay.example.com/monlight/` }, ENDPOINT + '/monlight'],
    [{ dsn: `https://${KEY}@other.example.com`, endpoint: ENDPOINT }, ENDPOINT],
  ]) {
    const page = openPage();
    page.sdk.init(config).captureMessage('hello');
    await page.tick(200);
    assert.equal(page.requests[0].url, `${at}/api/browser/batch?key=${KEY}`);
  }
});

test('init is idempotent until destroy', () => {
  const page = openPage();
  const client = page.start();
  assert.equal(page.start({ release: '2' }), client);
  assert.equal(new page.sdk.Monlight({ dsn: KEY, endpoint: ENDPOINT }), client);
  client.destroy();
  client.destroy();
  assert.notEqual(page.start(), client);
});

test('the script tag starts itself, once', () => {
  const page = openPage({ config: { dsn: KEY, endpoint: ENDPOINT } });
  assert.equal(typeof page.window.Monlight.captureError, 'function');
  assert.equal(page.sdk.init({ dsn: KEY, endpoint: ENDPOINT }), page.window.Monlight);
});

test('an error carries context, user, environment and release; what belongs to the call wins', async () => {
  const page = openPage();
  const client = page.start({ release: '1.2.3', environment: 'staging' });
  client.addContext('plan', 'free');
  client.addContext('cart', 3);
  client.setUser('u7');
  client.captureError(new TypeError('boom'), { plan: 'pro' });
  await page.tick(200);
  const [{ json }] = page.requests;
  const [error] = json.errors;
  assert.deepEqual([json.v, json.environment, json.page], [1, 'staging', '/orders/{id}']);
  assert.deepEqual(error.context, { plan: 'pro', cart: 3, user_id: 'u7' });
  assert.deepEqual([error.type, error.message, error.handled, error.mechanism, error.release], ['TypeError', 'boom', true, 'manual', '1.2.3']);
  assert.match(error.event_id, /^[\da-f]{32}$/);
  assert.match(error.timestamp, /^2026-11-20T10:00:00\.\d{3}Z$/);
  assert.match(error.stack, /TypeError: boom\n/);
  client.setUser(null);
  client.captureMessage('later', 'warning');
  client.captureMessage('last');
  await page.tick(200);
  assert.deepEqual(page.errors().slice(1).map((one) => [one.type, one.context.user_id]), [['ConsoleWarning', undefined], ['ConsoleError', undefined]]);
});

test('destroy delivers what waits, gives back what was replaced and ends everything', async () => {
  const page = openPage();
  const { fetch, console: { error }, history: { pushState } } = page.window;
  const { open, send } = page.window.XMLHttpRequest.prototype;
  const client = page.start({ captureConsole: true });
  assert.notEqual(page.window.fetch, fetch);
  client.captureMessage('last words');
  client.destroy();
  assert.equal(page.errors()[0].message, 'last words');
  assert.deepEqual([page.window.fetch, page.window.console.error, page.window.history.pushState], [fetch, error, pushState]);
  assert.deepEqual([page.window.XMLHttpRequest.prototype.open, page.window.XMLHttpRequest.prototype.send], [open, send]);
  client.captureMessage('too late');
  client.metrics.counter('late');
  page.fire('error', { error: new Error('y'), message: 'y' });
  page.hide();
  await page.tick(60_000);
  assert.equal(page.requests.length, 1);
});

test('what others put around our functions stays, and ours is a pass-through afterwards', async () => {
  const page = openPage();
  const client = page.start();
  const ours = page.window.fetch;
  const theirs = (...args) => ours(...args);
  page.window.fetch = theirs;
  client.destroy();
  assert.equal(page.window.fetch, theirs);
  assert.equal((await page.window.fetch('/api')).status, 200);
  await page.tick(60_000);
  assert.equal(page.requests.length, 0);
});

test('the public metrics API', async () => {
  const page = openPage();
  const { metrics } = page.start({ route: () => '/orders/:order' });
  metrics.counter('orders_total');
  metrics.counter('orders_total', 2, { shop: 'north', vip: true, n: 3 });
  metrics.histogram('order_ms', 12.5);
  metrics.gauge('queue', -1);
  await page.tick(5_000);
  assert.deepEqual(page.metrics().map(({ timestamp, ...rest }) => (assert.match(timestamp, /Z$/), rest)), [
    { name: 'orders_total', type: 'counter', value: 1, labels: { page: '/orders/:order' } },
    { name: 'orders_total', type: 'counter', value: 2, labels: { page: '/orders/:order', shop: 'north', vip: true, n: 3 } },
    { name: 'order_ms', type: 'histogram', value: 12.5, labels: { page: '/orders/:order' } },
    { name: 'queue', type: 'gauge', value: -1, labels: { page: '/orders/:order' } },
  ]);
  assert.equal(JSON.stringify(page.metrics()).includes(page.window.sessionStorage.monlight_session_id), false, 'no session in a label');
});

test('the session lasts as long as the tab, and the share that is measured is decided once in it', async () => {
  const ids = new Set();
  for (const share of ['0000', 'ffff']) {
    const page = openPage({ before: (window) => window.sessionStorage.setItem('monlight_session_id', share + 'aaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa') });
    const client = page.start({ sampleRate: 0.5 });
    await page.window.fetch('/api/things');
    client.metrics.counter('always');
    await page.tick(5_000);
    client.captureMessage('x');
    await page.tick(200);
    ids.add(page.errors()[0].session_id);
    assert.equal(page.metrics('browser_http_requests_total').length, share === '0000' ? 1 : 0);
    assert.equal(page.metrics('always').length, 1, 'what the page counts itself is never sampled');
  }
  assert.deepEqual([...ids].map((id) => id.slice(0, 4)), ['0000', 'ffff']);
});

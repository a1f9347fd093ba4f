import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENDPOINT, openPage } from './page.mjs';

// A page whose own fetch answers as told.
function open(answer = () => Promise.resolve({ status: 200 }), options) {
  const calls = [];
  const page = openPage({
    before(window) {
      const relay = window.fetch;
      window.fetch = (to, init) => (String(to).startsWith(ENDPOINT + '/') ? relay(to, init) : (calls.push([to, init]), answer(to, init)));
    },
  });
  page.start(options);
  return Object.assign(page, { calls });
}
const requestsSeen = (page) => page.metrics('browser_http_requests_total').map((one) => one.labels);

test('the promise of the page is its own, untouched', async () => {
  const result = Promise.resolve({ status: 200 });
  const page = open(() => result);
  assert.equal(page.window.fetch('/api'), result);
  const failure = Promise.reject(new TypeError('Failed to fetch'));
  const failing = open(() => failure);
  const given = failing.window.fetch('/api');
  assert.equal(given, failure);
  await assert.rejects(given, /Failed to fetch/);
  const thrower = open(() => { throw new SyntaxError('bad argument'); });
  assert.throws(() => thrower.window.fetch('http://['), /bad argument/);
  const odd = open(() => 'not a promise');
  assert.equal(odd.window.fetch('/api'), 'not a promise');
});

test('count and duration with method, status and host; the method of a Request is seen', async () => {
  const page = open((to) => Promise.resolve({ status: to.status ?? 404 }));
  await page.window.fetch('/api/things?token=secret');
  await page.window.fetch('https://api.example.com/x', { method: 'put' });
  await page.window.fetch({ method: 'POST', url: 'https://api.example.com/y', status: 201 });
  await page.window.fetch(new URL('https://other.example.com/z'));
  await page.tick(5_000);
  assert.deepEqual(requestsSeen(page).map(({ method, status, host }) => [method, status, host]), [
    ['GET', 404, 'shop.example.com'], ['PUT', 404, 'api.example.com'], ['POST', 201, 'api.example.com'], ['GET', 404, 'other.example.com'],
  ]);
  const durations = page.metrics('browser_http_request_duration_ms');
  assert.equal(durations.length, 4);
  assert.ok(durations.every((one) => one.type === 'histogram' && one.value >= 0));
  assert.equal(page.errors().length, 0, 'a 4xx is an answer');
});

test('5xx and no answer are errors, with an address that tells nothing', async () => {
  const page = open((to) => (String(to).includes('down') ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve({ status: 503 })));
  await page.window.fetch('/api/users/4711/posts/0b6e0b6e-1111-4111-8111-0b6e0b6e0b6e/a1b2c3d4e5f60718?token=SECRET', { method: 'POST' });
  await page.window.fetch('https://down.example.com/api#SECRET').catch(() => {});
  await page.tick(200);
  assert.deepEqual(page.errors().map((one) => [one.type, one.message, one.context.type]), [
    ['NetworkError', 'POST https://shop.example.com/api/users/{id}/posts/{id}/{id} failed with status 503', 'NetworkError'],
    ['NetworkError', 'GET https://down.example.com/api network error: Failed to fetch', 'NetworkError'],
  ]);
  assert.equal(JSON.stringify(page.requests.map((one) => one.json)).includes('SECRET'), false);
});

test('the stack of a failed request is that of the caller', async () => {
  const page = open(() => Promise.resolve({ status: 500 }));
  await (async function loadTheCart() {
    await page.window.fetch('/api/cart');
  })();
  await page.tick(200);
  assert.match(page.errors()[0].stack, /loadTheCart/);
});

test('what the page gave up itself, and what broke because it was left, did not fail', async () => {
  const page = open(() => Promise.reject(Object.assign(new Error('aborted'), { name: 'AbortError' })));
  await page.window.fetch('/api/a').catch(() => {});
  await page.tick(200);
  const left = open(() => Promise.reject(new TypeError('Failed to fetch')));
  left.hide();
  await left.window.fetch('/api/b').catch(() => {});
  await left.tick(200);
  assert.deepEqual([page.errors().length, left.errors().length], [0, 0]);
});

test('the relay is known by its parsed address', async () => {
  const page = open(() => Promise.resolve({ status: 200 }));
  await page.window.fetch(ENDPOINT + '/api/browser/errors', { body: '{}' }).catch(() => {});
  await page.window.fetch('//relay.example.com/health');
  await page.window.fetch(ENDPOINT + '.evil.example/api');
  await page.tick(5_000);
  assert.deepEqual(requestsSeen(page).map((one) => one.host), ['relay.example.com.evil.example']);
});

test('a relay on the same origin, below a path', async () => {
  const page = open(undefined, { endpoint: '/monlight/' });
  await page.window.fetch('/monlight/api/browser/metrics');
  await page.window.fetch('/monlightfoo');
  await page.window.fetch('/api');
  page.window.Monlight = undefined;
  await page.tick(5_000);
  const sent = page.calls.filter(([to]) => String(to).startsWith('/monlight/api/browser/batch'));
  assert.equal(sent.length, 1);
  const { metrics } = JSON.parse(sent[0][1].body);
  assert.equal(metrics.filter((one) => one.name === 'browser_http_requests_total').length, 2);
});

test('addresses that cannot be parsed, and odd arguments, change nothing', async () => {
  const page = open();
  for (const args of [[], [undefined], [null], [7], [{}], ['http://['], [Symbol('s')], [{ get method() { throw new Error('m'); } }]]) assert.equal((await page.window.fetch(...args)).status, 200);
  await page.tick(5_000);
  assert.deepEqual(page.faults, []);
  assert.ok(requestsSeen(page).some((one) => one.host === 'unknown'));
});

test('data and blob addresses are shown by their scheme', async () => {
  const page = open(() => Promise.resolve({ status: 500 }));
  await page.window.fetch('data:text/plain,SECRET');
  await page.tick(200);
  assert.equal(page.errors()[0].message, 'GET data: failed with status 500');
});

test('XMLHttpRequest: status, failure, abort; nothing is put on the object', async () => {
  const page = openPage({
    before({ XMLHttpRequest: { prototype } }) {
      prototype.open = function () { return 'opened'; };
      prototype.send = function () { return 'sent'; };
    },
  });
  const { window } = page;
  page.start();
  const run = (method, url, status, events) => {
    const xhr = new window.XMLHttpRequest();
    const before = Object.keys(xhr);
    assert.equal(xhr.open(method, url), 'opened');
    assert.equal(xhr.send(), 'sent');
    assert.deepEqual(Object.keys(xhr), before);
    Object.defineProperty(xhr, 'status', { value: status });
    for (const name of events) xhr.dispatchEvent(new window.Event(name));
  };
  run('get', '/api/ok/7', 200, ['load', 'loadend']);
  run('POST', '/api/broken/7', 502, ['load', 'loadend']);
  run('GET', '/api/gone', 0, ['error', 'loadend']);
  run('GET', '/api/aborted', 0, ['abort', 'loadend']);
  run('GET', ENDPOINT + '/api/browser/metrics', 202, ['load', 'loadend']);
  await page.tick(5_000);
  assert.deepEqual(requestsSeen(page).map(({ method, status }) => [method, status]), [['GET', 200], ['POST', 502], ['GET', 0], ['GET', 0]]);
  assert.deepEqual(page.errors().map((one) => one.message), [
    'POST https://shop.example.com/api/broken/{id} failed with status 502', 'GET https://shop.example.com/api/gone network error',
  ]);
});

test('an XMLHttpRequest that is used twice counts twice, one that is not opened throws as before', async () => {
  const page = openPage({
    before({ XMLHttpRequest: { prototype } }) {
      prototype.open = function () {};
      prototype.send = function () { if (!this.ok) throw new Error('InvalidStateError'); };
    },
  });
  page.start();
  const xhr = new page.window.XMLHttpRequest();
  assert.throws(() => xhr.send(), /InvalidStateError/);
  xhr.ok = true;
  for (const url of ['/a', '/b']) {
    xhr.open('GET', url);
    xhr.send();
    xhr.dispatchEvent(new page.window.Event('loadend'));
  }
  await page.tick(5_000);
  assert.equal(requestsSeen(page).length, 2);
});

test('a wrapper that others have wrapped stays a pass-through when the client starts again', async () => {
  const page = open();
  const ours = page.window.fetch;
  page.window.fetch = (...args) => ours(...args);
  page.start().destroy();
  page.start();
  await page.window.fetch('/api');
  await page.tick(5_000);
  assert.equal(requestsSeen(page).length, 1);
});

test('sanitizeUrl is exported, as it always was', () => {
  const { sanitizeUrl } = openPage({ cjs: true }).sdk;
  assert.equal(sanitizeUrl('https://a/u/42/posts/99?x=1#f'), 'https://a/u/{id}/posts/{id}');
  assert.equal(sanitizeUrl('not-a-url'), 'not-a-url');
});

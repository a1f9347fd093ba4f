import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENDPOINT, KEY, openPage } from './page.mjs';

const MINUTE = 60_000;

test('one request: POST, text/plain, key in the URL, no credentials, keepalive', async () => {
  const page = openPage();
  const client = page.start();
  client.captureError(new Error('x'));
  client.metrics.counter('y');
  await page.tick(200);
  const [request] = page.requests;
  assert.equal(page.requests.length, 1);
  assert.equal(request.url, `${ENDPOINT}/api/browser/batch?key=${KEY}`);
  assert.deepEqual([request.method, request.credentials, request.referrerPolicy, request.keepalive, request.headers], ['POST', 'omit', 'origin', true, undefined]);
  // Text without a header of its own is sent as text/plain, for which no browser asks first.
  assert.equal(typeof request.body, 'string');
  const { json } = request;
  assert.deepEqual([json.v, json.sdk.name, json.errors.length, json.metrics.length], [1, '@monlight/browser', 1, 1]);
  assert.match(json.sdk.version, /^\d+\.\d+\.\d+$/);
  for (const id of [json.batch_id, json.page_view]) assert.match(id, /^[\da-f]{32}$/);
  assert.equal(json.sent_at, new Date(page.now()).toISOString().replace(/\d{3}Z/, json.sent_at.slice(-4)));
});

test('errors wait 100 ms, metrics 5 s, and nobody waits when 30 KB are there', async () => {
  const page = openPage();
  const client = page.start();
  client.metrics.counter('a');
  await page.tick(4_900);
  assert.equal(page.requests.length, 0);
  await page.tick(100);
  assert.equal(page.requests.length, 1);
  client.captureError(new Error('x'));
  await page.tick(90);
  assert.equal(page.requests.length, 1);
  await page.tick(10);
  assert.equal(page.requests.length, 2);
  for (let i = 0; i < 3; i++) client.metrics.counter('a', 1, { text: 'x'.repeat(12_000) });
  await page.tick(0);
  assert.equal(page.requests.length, 3);
});

test('a key with odd characters is escaped', async () => {
  const page = openPage();
  page.start({ dsn: 'a b&c=d#e' }).captureMessage('x');
  await page.tick(200);
  assert.equal(new URL(page.requests[0].url).searchParams.get('key'), 'a b&c=d#e');
});

test('no answer, 429 and 5xx are tried again with growing pauses, as the same batch', async () => {
  for (const failure of [new Error('network'), 429, 500, 503]) {
    const page = openPage({ answer: (_url, _init, n) => (n < 5 ? failure : 202) });
    page.start().captureError(new Error('x'));
    const times = [];
    for (let ms = 0; ms < 60_000; ms += 50) {
      await page.tick(50);
      while (times.length < page.requests.length) times.push(ms);
    }
    assert.equal(page.requests.length, 5, String(failure));
    const pauses = times.slice(1).map((at, i) => at - times[i]);
    pauses.forEach((pause, i) => assert.ok(pause >= 500 * 2 ** i - 100 && pause <= 1_000 * 2 ** i + 200, `${failure}: pause ${i} of ${pause} ms`));
    const ids = (key) => new Set(page.requests.map((one) => key(one.json)));
    assert.equal(ids((json) => json.batch_id).size, 1, 'metrics of it count once');
    assert.equal(ids((json) => json.errors[0].event_id).size, 1, 'the error counts once');
  }
});

test('the pause is never more than five minutes', async () => {
  const page = openPage({ answer: () => 503 });
  page.start().captureError(new Error('x'));
  await page.tick(60 * MINUTE);
  const before = page.requests.length;
  await page.tick(60 * MINUTE);
  const inAnHour = page.requests.length - before;
  assert.ok(inAnHour >= 11 && inAnHour <= 25, `${inAnHour} in an hour`);
});

test('Retry-After is kept, also when the page is left', async () => {
  const page = openPage({ answer: (_url, _init, n) => (n === 1 ? [429, { 'Retry-After': '60' }] : 202) });
  const client = page.start();
  client.captureError(new Error('x'));
  await page.tick(200);
  client.captureError(new Error('y'));
  client.flush();
  page.hide();
  page.fire('online');
  await page.tick(59_000);
  assert.equal(page.requests.length, 1);
  await page.tick(2_000);
  assert.deepEqual(page.errors().map((one) => one.message), ['x', 'x', 'y']);
});

test('another 4xx is not tried again, and counted', async () => {
  for (const status of [400, 401, 413]) {
    const page = openPage({ answer: (_url, _init, n) => (n === 1 ? status : 202) });
    const client = page.start();
    client.captureError(new Error('x'));
    client.metrics.counter('m');
    await page.tick(10 * MINUTE);
    assert.equal(page.requests.length, 1);
    client.captureError(new Error('y'));
    await page.tick(200);
    assert.deepEqual(page.requests[1].json.dropped, { rejected: 2 });
  }
});

test('a relay that knows no batches gets one item at a time, where the contract has them', async () => {
  for (const cjs of [true, false]) {
    const page = openPage({ cjs, answer: (url) => (url.includes('/batch') ? 404 : url.includes('/errors') ? 201 : 202) });
    const client = page.start({ release: '1.0.0' });
    client.captureError(new TypeError('x'));
    client.metrics.counter('m', 2, { a: 'b' });
    await page.tick(10_000);
    client.captureError(new Error('y'));
    await page.tick(10_000);
    const [batch, ...rest] = page.requests;
    assert.match(batch.url, /\/batch\?/);
    assert.deepEqual(rest.map((one) => one.url), ['errors', 'metrics', 'errors'].map((kind) => `${ENDPOINT}/api/browser/${kind}?key=${KEY}`));
    assert.ok(rest.every((one) => one.headers['X-Monlight-Key'] === KEY));
    const [error, metric] = rest.map((one) => one.json);
    assert.deepEqual([error.type, error.message, error.release, typeof error.stack], ['TypeError', 'x', '1.0.0', 'string']);
    assert.deepEqual(metric.metrics.map((one) => [one.name, one.value, one.labels.a]), [['m', 2, 'b']]);
  }
});

test('offline nothing is tried; everything goes when the page is online again', async () => {
  const page = openPage();
  const client = page.start();
  page.online = false;
  client.captureError(new Error('x'));
  client.metrics.counter('m');
  await page.tick(MINUTE);
  assert.equal(page.requests.length, 0);
  page.online = true;
  page.fire('online');
  await page.tick(0);
  assert.deepEqual([page.requests.length, page.errors().length, page.metrics('m').length], [1, 1, 1]);
});

test('100 items wait; the oldest metrics go before the oldest errors, and are counted', async () => {
  const page = openPage();
  const client = page.start();
  page.online = false;
  for (let i = 0; i < 20; i++) client.captureError(new Error(`error ${i}`));
  for (let i = 0; i < 120; i++) client.metrics.counter('m', i);
  await page.tick(1_000);
  page.online = true;
  page.fire('online');
  await page.tick(0);
  assert.equal(page.errors().length, 20);
  assert.deepEqual(page.metrics('m').map((one) => one.value), Array.from({ length: 80 }, (_, i) => i + 40));
  assert.equal(page.dropped().queue_full, 40);
});

test('a page that only has errors keeps the first 100', async () => {
  const page = openPage();
  const client = page.start();
  page.online = false;
  for (let minute = 0; minute < 5; minute++) {
    for (let i = 0; i < 25; i++) client.captureError(new Error(`error ${minute} ${i}`));
    await page.tick(61_000);
  }
  page.online = true;
  page.fire('online');
  await page.tick(0);
  assert.equal(page.errors().length, 100);
  assert.equal(page.errors().at(-1).message, 'error 3 24');
  assert.equal(page.dropped().queue_full, 25);
});

test('not more bytes in flight with keepalive than a browser takes, counted in bytes; no request is larger than the relay takes', async () => {
  const held = [];
  const page = openPage({ answer: () => new Promise((resolve) => held.push(() => resolve({ status: 202, headers: { get: () => null } }))) });
  const client = page.start();
  for (let i = 0; i < 6; i++) client.metrics.counter('m', i, { text: '界'.repeat(7_000) });
  page.hide();
  await page.tick(0);
  const bytes = page.requests.map((one) => Buffer.byteLength(one.body));
  assert.ok(bytes.every((n) => n < 65_536), String(bytes));
  assert.equal(page.metrics('m').length, 6);
  const kept = page.requests.filter((one) => one.keepalive).reduce((sum, one) => sum + Buffer.byteLength(one.body), 0);
  assert.ok(kept > 0 && kept <= 60_000, `${kept} bytes with keepalive`);
  assert.ok(page.requests.some((one) => !one.keepalive), 'what is too much goes without');
  for (const answer of held.splice(0)) answer();
  await page.tick(0);
  client.metrics.counter('later');
  client.flush();
  assert.equal(page.requests.at(-1).keepalive, true, 'what was answered is not in flight');
});

test('not more than 9 requests at once', async () => {
  const held = [];
  const page = openPage({ answer: () => new Promise((resolve) => held.push(() => resolve({ status: 202, headers: { get: () => null } }))) });
  const client = page.start();
  for (let i = 0; i < 12; i++) {
    client.captureError(new Error(`x${i}`));
    await page.tick(200);
  }
  assert.equal(page.requests.length, 9);
  held.shift()();
  await page.tick(200);
  assert.equal(page.requests.length, 10);
  while (held.length) {
    held.shift()();
    await page.tick(0);
  }
  assert.equal(page.errors().length, 12);
});

test('when the page is left everything goes in one request, once, though two events say it', async () => {
  const page = openPage();
  const client = page.start();
  client.captureError(new Error('x'));
  client.metrics.counter('m');
  page.hide();
  page.fire('pagehide');
  await page.tick(20_000);
  assert.equal(page.requests.length, 1);
  assert.deepEqual([page.errors().length, page.metrics('m').length], [1, 1]);
});

test('a beacon only where fetch cannot outlive the page; then as text, to the same address', async () => {
  for (const refuses of [false, true]) {
    const beacons = [];
    const page = openPage({
      before(window) {
        window.Request = class {};
        window.navigator.sendBeacon = (url, body) => {
          beacons.push({ url, body });
          return !refuses;
        };
      },
    });
    page.start().captureError(new Error('x'));
    page.hide();
    await page.tick(0);
    assert.equal(typeof beacons[0].body, 'string');
    assert.equal(beacons[0].url, `${ENDPOINT}/api/browser/batch?key=${KEY}`);
    assert.equal(page.requests.length, refuses ? 1 : 0, 'refused by the browser, it is still fetched');
    assert.equal(JSON.parse(beacons[0].body).errors.length, 1);
  }
});

test('a fetch that throws at once, as some libraries put it there, is like no answer', async () => {
  let broken = true;
  const page = openPage({
    before(window) {
      const { fetch } = window;
      window.fetch = (...args) => {
        if (broken) throw new Error('not today');
        return fetch(...args);
      };
    },
  });
  page.start().captureError(new Error('x'));
  await page.tick(300);
  broken = false;
  await page.tick(2_000);
  assert.equal(page.errors().length, 1);
  assert.deepEqual(page.faults, []);
});

test('our own requests are not measured, also when others wrap fetch later', async () => {
  const page = openPage();
  const client = page.start();
  const ours = page.window.fetch;
  let seen = 0;
  page.window.fetch = (...args) => (seen++, ours(...args));
  client.metrics.counter('m');
  await page.tick(5_000);
  assert.deepEqual([page.requests.length, seen], [1, 0]);
  await page.tick(20_000);
  assert.equal(page.requests.length, 1, 'a batch does not make the next one');
});

test('debug says why something was not delivered; without it the console stays clean', async () => {
  for (const debug of [false, true]) {
    const page = openPage({ answer: () => 401 });
    page.start({ debug }).captureError(new Error('x'));
    await page.tick(200);
    assert.equal(/\[Monlight\].*401/.test(page.warnings.join()), debug);
  }
});

test('what was dropped is told once', async () => {
  const page = openPage({ answer: (_url, _init, n) => (n === 1 ? 503 : 202) });
  const client = page.start();
  client.metrics.counter('huge', 1, Object.fromEntries(Array.from({ length: 40 }, (_, i) => [i, 'x'.repeat(2_000)])));
  client.captureError(new Error('x'));
  await page.tick(10_000);
  client.captureError(new Error('y'));
  await page.tick(10_000);
  assert.deepEqual(page.requests.map((one) => one.json.dropped), [{ too_large: 1 }, { too_large: 1 }, {}]);
  assert.equal(page.requests[0].json.batch_id, page.requests[1].json.batch_id);
});

test('an answer does not send what came meanwhile before its time', async () => {
  const page = openPage();
  const client = page.start();
  client.captureError(new Error('x'));
  await page.tick(50);
  for (let i = 0; i < 10; i++) {
    await page.tick(400);
    client.metrics.counter('m');
  }
  await page.tick(400);
  assert.equal(page.requests.length, 1);
  await page.tick(5_000);
  assert.deepEqual(page.requests.map((one) => one.json.metrics.length), [0, 10]);
});

// A page with a client that does exactly what the first @monlight/browser did: JSON with the key in a header, and, when
// the page goes, a beacon with the key in the URL. Page and relay are of different origins.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { launch } from '../pages.mjs';
import { startRelay } from '../relay.mjs';

const client = (endpoint, dsn) => `
  const session = crypto.randomUUID();
  const post = (path, body) => fetch('${endpoint}' + path, {
    method: 'POST', keepalive: true, headers: { 'Content-Type': 'application/json', 'X-Monlight-Key': '${dsn}' }, body: JSON.stringify(body),
  });
  window.report = (error, context = {}) => post('/api/browser/errors', {
    type: error.name || 'Error', message: error.message, stack: error.stack || '', url: location.href, user_agent: navigator.userAgent,
    session_id: session, context: { environment: 'staging', ...context }, release: '1.0.0', timestamp: new Date().toISOString(),
  }).then((r) => r.status);
  const point = (name, value) => ({ name, type: 'histogram', value, labels: { session_id: session, page: location.pathname } });
  window.flush = () => post('/api/browser/metrics', { metrics: [point('web_vitals_fcp', 321.5), { name: 'browser_http_requests_total', type: 'counter', value: 1, labels: { session_id: session, page: location.pathname, method: 'GET', status: '200', host: location.host } }] })
    .then(async (r) => [r.status, await r.json()]);
  addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') {
      navigator.sendBeacon('${endpoint}/api/browser/metrics?key=' + encodeURIComponent('${dsn}'), new Blob([JSON.stringify({ metrics: [point('web_vitals_lcp', 1234), point('web_vitals_cls', 0)] })], { type: 'application/json' }));
    }
  });`;

describe('the client of the first release', () => {
  let site, origin, relay, browser, key;
  before(async () => {
    site = createServer((req, res) => {
      res.writeHead(200, { 'Content-Type': req.url === '/client.js' ? 'text/javascript' : 'text/html' });
      res.end(req.url === '/client.js' ? client(relay.url, key) : '<!doctype html><title>shop</title><script src="/client.js"></script><p>hello');
    });
    await new Promise((resolve) => site.listen(0, 'localhost', resolve));
    origin = `http://localhost:${site.address().port}`;
    relay = await startRelay({ CORS_ORIGINS: origin });
    key = (await relay.createKey({ project: 'shop' })).public_key;
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
    site?.close();
  });
  const arrived = async (text) => {
    for (let i = 0; i < 100; i++) {
      const found = relay.behind.got.filter((r) => r.body.includes(text));
      if (found.length) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${text} did not arrive`);
  };

  test('its errors and metrics arrive, also those of a tab that closes', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (m) => { if (m.type() === 'error') complaints.push(m.text()); });
    await page.goto(`${origin}/cart`);
    assert.equal(await page.evaluate(() => { try { null.x(); } catch (err) { return report(err, { user_id: 'u1' }); } }), 201);
    const [event] = (await arrived('Cannot read properties of null')).map((r) => JSON.parse(r.body));
    assert.equal(event.project, 'shop');
    assert.equal(event.environment, 'staging');
    assert.equal(event.user_id, 'u1');
    assert.equal(event.request_method, 'BROWSER');
    assert.equal(event.request_url, `${origin}/cart`);
    assert.match(event.extra.session_id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(await page.evaluate(() => flush()), [202, { status: 'accepted', count: 2 }]);
    await page.close({ runBeforeUnload: false });
    const beacons = await arrived('web_vitals_lcp');
    assert.equal(beacons.length, 1);
    const points = JSON.parse(beacons[0].body);
    assert.deepEqual(points.map((p) => [p.name, p.value, p.project, p.labels]), [
      ['web_vitals_lcp', 1234, 'shop', { page: '/cart', project: 'shop', source: 'browser' }],
      ['web_vitals_cls', 0, 'shop', { page: '/cart', project: 'shop', source: 'browser' }],
    ]);
    assert.deepEqual(complaints, []);
    await context.close();
  });

  test('a page of another origin cannot read answers', async () => {
    const page = await browser.newPage();
    await page.goto('data:text/html,<p>elsewhere');
    const outcome = await page.evaluate(([url, k]) => fetch(`${url}/api/browser/errors`, { method: 'POST', headers: { 'X-Monlight-Key': k }, body: '{}' }).then((r) => r.status, (err) => err.name), [relay.url, key]);
    assert.equal(outcome, 'TypeError');
    await page.close();
  });
});

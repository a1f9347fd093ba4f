// What the SDK does in a real Chromium, with the relay on another origin.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { CHROMIUM, startChromium } from './browsers.mjs';
import { INTEGRITY, KEY, briefly, pageWith, startRelay, startSite, until } from './site.mjs';

let browser, relay, site, context, page;
let faults = [];
const skip = CHROMIUM ? false : 'no Chromium';

before(async () => {
  if (skip) return;
  [browser, relay, site] = await Promise.all([startChromium(), startRelay(), startSite({ '/next': '<!doctype html><title>Next</title><p>next' })]);
});
after(async () => {
  await browser?.close();
  await Promise.all([relay?.stop(), site?.stop()]);
});
afterEach(async () => {
  await context?.close();
  context = undefined;
  relay?.reset();
});

// Opens a page with the SDK; expected are errors that the page itself throws.
async function open(script = '', { options, body, expected = /^expected/, beforeLoad, html, headers } = {}) {
  context = await browser.newContext();
  page = await context.newPage();
  faults = [];
  page.on('pageerror', (error) => expected.test(error.message) || faults.push(error.message));
  await beforeLoad?.(page);
  site.pages['/shop'] = [html ?? pageWith({ endpoint: relay.url, ...options }, script, body), headers ?? {}];
  await page.goto(site.url + '/shop?token=secret#fragment');
  return page;
}
const noFaults = () => assert.deepEqual(faults, [], 'nothing is thrown into the page');
const names = (batch) => batch.metrics.map((one) => one.name).sort();
const VITALS = ['page_load_time', 'web_vitals_cls', 'web_vitals_fcp', 'web_vitals_inp', 'web_vitals_lcp', 'web_vitals_ttfb'];
const withoutFID = (all) => all.filter((name) => name !== 'web_vitals_fid');

// A page that shifts, is clicked and takes a while for it.
const BUSY = `document.getElementById('buy').addEventListener('click', () => { const end = performance.now() + 80; while (performance.now() < end); document.body.append('done'); });
  setTimeout(() => { const p = document.createElement('p'); p.style.height = '300px'; document.body.prepend(p); }, 100);`;
async function use() {
  await until(() => page.evaluate(() => performance.getEntriesByType('layout-shift').length + 1 && performance.getEntriesByName('first-contentful-paint').length), 'painted');
  await page.waitForTimeout(300);
  await page.click('#buy');
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50))));
}

for (const [name, leave] of Object.entries({
  'a navigation': () => page.goto(site.url + '/next'),
  'closing the tab': () => page.close({ runBeforeUnload: true }),
})) {
  test(`${name} delivers all vitals in one request, without asking first`, { skip }, async () => {
    await briefly(async () => {
      await context?.close();
      relay.reset();
      await open(BUSY);
      await use();
      const ms = await page.evaluate(() => performance.now());
      await leave();
      return ms;
    });
    await until(() => relay.batches().length, 'a batch');
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(relay.requests.length, 1);
    assert.equal(relay.preflights(), 0);
    const [request] = relay.requests;
    assert.deepEqual(withoutFID(names(request.json)), VITALS);
    assert.deepEqual([request.path, request.key, request.headers['content-type']], ['/api/browser/batch', KEY, 'text/plain;charset=UTF-8']);
    assert.equal(request.headers.cookie, undefined);
    assert.equal(request.headers.referer, site.url + '/');
    const value = (metric) => relay.metrics('web_vitals_' + metric)[0].value;
    assert.ok(value('cls') > 0.05 && value('cls') < 2, `CLS ${value('cls')}`);
    assert.ok(value('inp') >= 80 && value('inp') < 5_000, `INP ${value('inp')}`);
    assert.ok(value('fcp') > 0 && value('lcp') >= value('fcp') && value('ttfb') <= value('fcp'));
    assert.ok(relay.metrics().every((one) => one.labels.page === '/shop' && !('session_id' in one.labels)));
    assert.equal(request.body.includes('secret'), false);
    noFaults();
  });
}

test('an error right before the tab is closed arrives', { skip }, async () => {
  await open();
  await page.evaluate(() => window.Monlight.captureError(new Error('last words')));
  await page.close({ runBeforeUnload: true });
  await until(() => relay.errors().length, 'the error');
  assert.equal(relay.requests.length, 1);
  assert.equal(relay.errors()[0].message, 'last words');
});

test('errors, rejections, failing requests: one batch, with stacks, causes and breadcrumbs', { skip }, async () => {
  await open(`function outer() { throw new TypeError('expected error', { cause: new Error('root') }); }
    document.getElementById('buy').addEventListener('click', () => {
      setTimeout(outer); Promise.reject(new RangeError('expected rejection')); Promise.reject('expected text');
      fetch('/broken/4711?token=secret'); fetch('/hangup').catch(() => {});
      const xhr = new XMLHttpRequest(); xhr.open('POST', '/broken/x'); xhr.send();
    });`);
  await page.click('#buy');
  await until(() => relay.errors().length === 6, 'six errors');
  const by = (text) => relay.errors().find((one) => one.message.includes(text));
  assert.deepEqual([by('expected error').type, by('expected error').mechanism, by('expected error').handled], ['TypeError', 'onerror', false]);
  assert.match(by('expected error').stack, /at outer \(http:\/\/localhost:\d+\/shop:\d+:\d+\)/);
  assert.deepEqual(by('expected error').causes.map((one) => one.message), ['root']);
  assert.ok(by('expected error').breadcrumbs.some((one) => one.category === 'click' && one.message === 'button#buy'));
  assert.equal(by('expected rejection').type, 'RangeError');
  assert.equal(by('expected text').type, 'UnhandledRejection');
  assert.equal(by('GET').message, `GET ${site.url}/broken/{id} failed with status 500`);
  assert.match(by('/hangup').message, /^GET .*\/hangup network error: /);
  assert.equal(by('POST').message, `POST ${site.url}/broken/x failed with status 500`);
  assert.ok(relay.errors().every((one) => one.url === site.url + '/shop' && /^[\da-f]{32}$/.test(one.event_id)));
  assert.equal(relay.preflights(), 0);
  assert.ok(relay.requests.length < 6, 'what happens together goes together');
  assert.ok(relay.requests.every(({ body }) => !body.includes('secret')), 'no query');
  noFaults();
});

test('the page sees its own promises, answers and failures', { skip }, async () => {
  await open();
  const seen = await page.evaluate(async () => {
    const out = { ok: await (await fetch('/ok')).text(), native: String(fetch).length };
    out.abort = await fetch('/slow', { signal: AbortSignal.timeout(50) }).catch((error) => error.name);
    const controller = new AbortController();
    const aborted = fetch('/slow', { signal: controller.signal }).catch((error) => error.name);
    controller.abort();
    out.aborted = await aborted;
    out.refused = await fetch('/hangup').catch((error) => error instanceof TypeError);
    out.invalid = await fetch('http://[').catch((error) => error instanceof TypeError);
    out.stream = await new Response((await fetch('/ok')).body).text();
    const xhr = new XMLHttpRequest();
    xhr.open('GET', '/ok', false);
    xhr.send();
    out.sync = xhr.responseText;
    return out;
  });
  assert.deepEqual({ ...seen, native: 0 }, { ok: 'ok', native: 0, abort: 'TimeoutError', aborted: 'AbortError', refused: true, invalid: true, stream: 'ok', sync: 'ok' });
  noFaults();
});

test('a sandboxed frame, where storage throws when it is looked at', { skip }, async () => {
  await open('', { body: `<iframe sandbox="allow-scripts" src="${site.url}/framed"></iframe>`, beforeLoad: () => {
    site.pages['/framed'] = pageWith({ endpoint: relay.url }, `let thrown; try { sessionStorage } catch (e) { thrown = e.name }
      fetch('${site.url}/ok', { mode: 'no-cors' }).then(() => parent.postMessage('fetched ' + thrown, '*'), (e) => parent.postMessage('rejected ' + e, '*'));
      Monlight.captureError(new Error('in the frame'));`);
  } });
  const told = await page.evaluate(() => new Promise((resolve) => {
    addEventListener('message', ({ data }) => resolve(data));
    const frame = document.querySelector('iframe');
    frame.src = frame.src;
  }));
  assert.equal(told, 'fetched SecurityError');
  await until(() => relay.errors().length, 'the error of the frame');
  assert.match(relay.errors()[0].session_id, /^[\da-f-]{36}$/);
  assert.equal(relay.preflights(), 0);
  noFaults();
});

test('hooks that throw, values that cannot be serialised, getters that throw', { skip }, async () => {
  await open(`const circle = {}; circle.self = circle;
    const client = MonlightSDK.init({ dsn: '${KEY}', endpoint: '${relay.url}', captureConsole: true, route() { throw new Error('route') }, beforeSend(event) { if (event.message !== 'fine') throw new Error('hook'); return event; } });
    const hostile = new Proxy({}, { get() { throw new Error('proxy') }, ownKeys() { throw new Error('keys') } });
    client.captureError(new Error('circular'), { circle, big: 10n, symbol: Symbol('s'), get trap() { throw new Error('getter') }, window, document, fn() {} });
    client.captureError(hostile); client.captureError(circle); client.captureError(Object.create(null)); client.captureError();
    client.addContext('hostile', hostile); client.addContext(Symbol('key'), 1); client.setUser(hostile); client.setUser(Symbol('u')); client.setUser(circle);
    client.metrics.counter(circle, hostile, hostile); client.metrics.gauge('g', 1n, { a: circle });
    console.error(Object.create(null), circle, hostile, Symbol('x')); console.warn(hostile);
    client.captureError(new Error('fine'));
    fetch(hostile).catch(() => {}); fetch('/ok', hostile).catch(() => {});`, { options: { enabled: false } });
  await until(() => relay.errors().some((one) => one.message === 'fine'), 'the last error');
  assert.ok(relay.errors().some((one) => one.message === 'circular' && one.context.circle.self === '[Circular]' && one.context.trap === '[unreadable]'));
  noFaults();
});

test('endless recursion, huge messages and stacks', { skip }, async () => {
  await open(`setTimeout(function expected() { (function again() { again(); })(); });
    setTimeout(() => { throw new Error('expected ' + '\\u754c'.repeat(100_000)); });
    const huge = new Error('huge'); huge.stack = 'x'.repeat(5e6); Monlight.captureError(huge, { text: 'y'.repeat(5e6) });`, { expected: /^expected|Maximum call stack/ });
  await until(() => relay.errors().length === 3, 'three errors');
  for (const { body } of relay.requests) assert.ok(Buffer.byteLength(body) < 65_536);
  assert.ok(relay.errors().some((one) => one.type === 'RangeError'));
  assert.ok(relay.errors().some((one) => one.message.endsWith('[truncated]')));
  noFaults();
});

test('a burst of errors is bounded and counted', { skip }, async () => {
  await open(`for (let i = 0; i < 1000; i++) Promise.reject(new Error('expected ' + i)); for (let i = 0; i < 500; i++) Monlight.captureError(new Error('the same'));`);
  await until(() => relay.errors().length >= 30, '30 errors');
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
  await page.goto(site.url + '/next');
  await until(() => relay.metrics('web_vitals_ttfb').length, 'the last batch');
  assert.equal(relay.errors().length, 30);
  const { budget, repeated } = relay.dropped();
  assert.equal(budget + (repeated ?? 0), 1_470);
  assert.ok(relay.requests.length <= 5, `${relay.requests.length} requests`);
  noFaults();
});

test('offline: what happens meanwhile arrives afterwards', { skip }, async () => {
  await open();
  await context.setOffline(true);
  await page.evaluate(() => window.Monlight.captureError(new Error('offline')));
  await page.waitForTimeout(400);
  assert.equal(relay.errors().length, 0);
  await context.setOffline(false);
  await until(() => relay.errors().length, 'the error');
  assert.equal(relay.errors()[0].message, 'offline');
  noFaults();
});

test('429 with Retry-After is obeyed, and the same batch comes again', { skip }, async () => {
  const times = [];
  await open('', { beforeLoad: () => {
    relay.answer = (n) => (times.push(Date.now()), n === 1 ? [429, { 'Retry-After': '2' }] : [202]);
  } });
  await page.evaluate(() => window.Monlight.captureError(new Error('x')));
  await until(() => relay.requests.length === 2, 'the second try');
  assert.ok(times[1] - times[0] >= 1_900, `${times[1] - times[0]} ms`);
  const [first, second] = relay.batches();
  assert.deepEqual([first.batch_id, first.errors[0].event_id], [second.batch_id, second.errors[0].event_id]);
  assert.equal(relay.preflights(), 0);
  noFaults();
});

test('a relay that is blocked costs the page nothing, and gets everything when it is not', { skip }, async () => {
  let isBlocked = true;
  let attempts = 0;
  const types = new Set();
  await open('', { beforeLoad: async () => {
    await page.route(relay.url + '/**', (route) => {
      attempts++;
      types.add(route.request().resourceType());
      return isBlocked ? route.abort('blockedbyclient') : route.continue();
    });
  } });
  await page.evaluate(() => window.Monlight.captureError(new Error('blocked')));
  await until(() => attempts >= 2, 'a second attempt');
  isBlocked = false;
  await until(() => relay.errors().length, 'the error');
  assert.deepEqual([...types], ['fetch'], 'no ping, which lists block');
  noFaults();
});

test('a strict policy and an integrity value: no violation', { skip }, async () => {
  const html = `<!doctype html><title>Strict</title><script src="/config.js"></script><script src="${relay.url}/monlight.min.js" integrity="${INTEGRITY}" crossorigin></script><script src="/app.js"></script><p>hello`;
  site.pages['/config.js'] = `window.violations = []; addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective)); window.MonlightConfig = { dsn: '${KEY}', endpoint: '${relay.url}' };`;
  site.pages['/app.js'] = "Monlight.captureMessage('strict'); fetch('/ok'); history.pushState(null, '', '/shop/2');";
  await open('', { html, headers: { 'Content-Security-Policy': `default-src 'none'; script-src 'self' ${relay.url}; connect-src 'self' ${relay.url}; require-trusted-types-for 'script'` } });
  await until(() => relay.errors().length, 'the message');
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  noFaults();
});

test('back and forward: a page view of its own', { skip }, async () => {
  await open();
  await page.evaluate(() => { window.isTheSame = true; });
  // A page that is left before it was painted has no shifts to report.
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length);
  await page.goto(site.url + '/next');
  await until(() => relay.metrics('web_vitals_cls').length, 'the first view');
  await page.goBack({ waitUntil: 'commit' });
  assert.equal(await page.evaluate(() => window.isTheSame), true, 'the SDK does not keep the page out of the back/forward cache');
  await page.waitForTimeout(200);
  await page.goto(site.url + '/next');
  await until(() => relay.metrics('web_vitals_cls').length === 2, 'the second view');
  const views = new Map();
  for (const { page_view: view, metrics } of relay.batches()) views.set(view, [...(views.get(view) ?? []), ...metrics.map((one) => one.name)]);
  assert.equal(views.size, 2);
  assert.deepEqual([...views.values()][1].sort(), ['web_vitals_cls', 'web_vitals_fcp', 'web_vitals_lcp']);
  noFaults();
});

test('switching tabs many times reports each vital once', { skip }, async () => {
  await open(BUSY);
  await use();
  for (let i = 0; i < 4; i++) {
    for (const state of ['hidden', 'visible']) {
      await page.evaluate((now) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => now === 'hidden' });
        document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
      }, state);
    }
  }
  await page.goto(site.url + '/next');
  await page.waitForTimeout(300);
  const seen = relay.metrics().map((one) => one.name);
  assert.equal(new Set(seen).size, seen.length, seen.join());
  assert.deepEqual(withoutFID([...seen].sort()), VITALS);
});

test('changes of the route: INP and CLS belong to the route on which they happened', { skip }, async () => {
  await open(`${BUSY} document.getElementById('buy').addEventListener('click', () => setTimeout(() => history.pushState(null, '', '/orders/' + (7 + Math.random() * 1e6 | 0)), 200));`);
  await use();
  await page.waitForTimeout(400);
  await page.click('#buy');
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50))));
  await page.goto(site.url + '/next');
  await until(() => relay.metrics('web_vitals_inp').length >= 2, 'INP of both routes');
  assert.deepEqual(relay.metrics('web_vitals_inp').map((one) => one.labels.page), ['/shop', '/orders/{id}']);
  assert.deepEqual(relay.metrics('web_vitals_lcp').map((one) => one.labels.page), ['/shop']);
  noFaults();
});

test('two libraries that wrap fetch live together; destroy gives it back or lets it pass', { skip }, async () => {
  await open();
  const seen = await page.evaluate(async () => {
    const ours = window.fetch;
    let theirs = 0;
    window.fetch = (...args) => (theirs++, ours(...args));
    const other = window.fetch;
    window.Monlight.destroy();
    const text = await (await fetch('/ok')).text();
    return { text, theirs, kept: window.fetch === other };
  });
  assert.deepEqual(seen, { text: 'ok', theirs: 1, kept: true });
  await page.waitForTimeout(200);
  assert.equal(relay.metrics('browser_http_requests_total').length, 0);
  noFaults();
});

test('what the page had to say when it was left fits or goes without keepalive', { skip }, async () => {
  await open();
  await page.evaluate(() => {
    for (let i = 0; i < 3; i++) window.Monlight.captureError(Object.assign(new Error(`large ${i}`), { stack: `Error\n    at f (https://x.example/a.js:1:${i})\n` + 'x'.repeat(15_000) }));
  });
  await page.close({ runBeforeUnload: true });
  await until(() => relay.errors().length === 3, 'all three');
  assert.equal(relay.preflights(), 0);
});

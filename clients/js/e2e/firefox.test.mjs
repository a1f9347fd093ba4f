// The same in Firefox ESR, driven by WebDriver BiDi: what differs there.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { FIREFOX, startFirefox } from './browsers.mjs';
import { briefly, pageWith, startRelay, startSite, until } from './site.mjs';

const skip = FIREFOX ? false : 'no Firefox';
let browser, relay, site, page;
let faults = [];

before(async () => {
  if (skip) return;
  [browser, relay, site] = await Promise.all([startFirefox(), startRelay(), startSite({ '/next': '<!doctype html><title>Next</title><p>next' })]);
});
after(async () => {
  await browser?.close();
  await Promise.all([relay?.stop(), site?.stop()]);
});
afterEach(async () => {
  await page?.close().catch(() => {});
  relay?.reset();
});

async function open(script = '', { body, options } = {}) {
  page = await browser.newPage();
  faults = [];
  page.on('pageerror', (error) => /expected/.test(error.message) || faults.push(error.message));
  site.pages['/shop'] = pageWith({ endpoint: relay.url, ...options }, script, body);
  await page.goto(site.url + '/shop?token=secret');
}

// Opens a page in which something happens, leaves it, and waits a moment for what it has to say. Sets types to what can be measured.
let types;
async function visit(leave) {
  await page?.close().catch(() => {});
  relay.reset();
  await open("document.getElementById('buy').addEventListener('click', () => { const end = performance.now() + 80; while (performance.now() < end); document.body.append('done'); });");
  await until(() => page.evaluate(() => performance.getEntriesByName('first-contentful-paint').length), 'painted');
  await page.click('#buy');
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100))));
  types = await page.evaluate(() => PerformanceObserver.supportedEntryTypes);
  const ms = await page.evaluate(() => performance.now());
  await leave();
  await new Promise((resolve) => setTimeout(resolve, 500));
  return ms;
}
function assertVitals() {
  assert.equal(relay.requests.length, 1);
  assert.equal(relay.preflights(), 0);
  const names = relay.metrics().map((one) => one.name);
  for (const name of ['web_vitals_fcp', 'web_vitals_ttfb', 'page_load_time']) assert.ok(names.includes(name), names.join());
  assert.equal(names.includes('web_vitals_lcp'), types.includes('largest-contentful-paint'));
  assert.equal(names.includes('web_vitals_cls'), types.includes('layout-shift'), 'no CLS that was not measured');
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(faults, []);
}

test('a navigation delivers the vitals in one request, without asking first', { skip }, async () => {
  await briefly(() => visit(() => page.goto(site.url + '/next')));
  assertVitals();
});

// Firefox may end the process of a tab before its last request has left it, however it is sent. So several tabs are closed here, for one that gets through.
test('closing the tab delivers the vitals in one request', { skip }, async () => {
  for (let tabs = 0; tabs === 0 || (tabs < 12 && !relay.requests.length); tabs++) await briefly(() => visit(() => page.close()));
  assertVitals();
});

test('errors with the stacks that Firefox writes, rejections, failing requests', { skip }, async () => {
  await open(`function outer() { throw new TypeError('expected error', { cause: new Error('root') }); }
    setTimeout(outer); Promise.reject(new RangeError('expected rejection')); setTimeout(() => { throw 'expected text'; });
    fetch('/broken/4711?token=secret'); fetch('/hangup').catch(() => {}); Monlight.captureError(new Error('by hand'));`);
  await until(() => relay.errors().length === 6, 'six errors');
  const by = (text) => relay.errors().find((one) => one.message.includes(text));
  assert.match(by('expected error').stack, /^outer@http:\/\/localhost:\d+\/shop[^\n]*:\d+:\d+/);
  assert.deepEqual(by('expected error').causes.map((one) => one.message), ['root']);
  assert.equal(by('expected rejection').type, 'RangeError');
  assert.match(by('expected text').stack, /shop[^\n]*:\d+:\d+$/);
  assert.match(by('/hangup').message, /network error: /);
  assert.equal(by('4711'), undefined);
  assert.equal(by('{id}').message, `GET ${site.url}/broken/{id} failed with status 500`);
  assert.equal(relay.preflights(), 0);
  assert.deepEqual(faults, []);
});

test('a sandboxed frame, where storage throws when it is looked at', { skip }, async () => {
  site.pages['/framed'] = pageWith({ endpoint: relay.url }, "let thrown; try { sessionStorage } catch (e) { thrown = e.name } Monlight.captureError(new Error(thrown));");
  await open('', { body: '<iframe sandbox="allow-scripts" src="/framed"></iframe>' });
  await until(() => relay.errors().length, 'the error of the frame');
  assert.equal(relay.errors()[0].message, 'SecurityError');
  assert.deepEqual(faults, []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeVitals, openPage } from './page.mjs';

function open({ supported, navigation, before, options } = {}) {
  let vitals;
  const page = openPage({
    before(window, opened) {
      vitals = fakeVitals(window, supported, navigation);
      before?.(window, opened);
    },
  });
  page.client = page.start(options);
  page.vital = (name) => page.metrics('web_vitals_' + name).map((one) => one.value);
  return Object.assign(page, vitals);
}
const fcp = (startTime = 300) => ({ name: 'first-contentful-paint', startTime });
const interaction = (interactionId, duration) => ({ interactionId, duration });

test('each vital once, in one request, when the page is left', async () => {
  const page = open();
  page.emit('paint', { name: 'first-paint', startTime: 100 }, fcp());
  page.emit('largest-contentful-paint', { startTime: 400 }, { startTime: 900 });
  page.emit('layout-shift', { value: 0.1, startTime: 500 });
  page.emit('event', interaction(1, 120));
  page.emit('first-input', { interactionId: 1, duration: 120, startTime: 2_000, processingStart: 2_030 });
  page.emit('navigation', { responseStart: 80, loadEventEnd: 1_500 });
  page.hide();
  page.fire('pagehide');
  page.show();
  page.hide();
  await page.tick(20_000);
  assert.equal(page.requests.length, 1);
  const seen = page.metrics().map((one) => [one.name, one.type, one.value]).sort();
  assert.deepEqual(seen, [
    ['page_load_time', 'histogram', 1_500], ['web_vitals_cls', 'histogram', 0.1], ['web_vitals_fcp', 'histogram', 300],
    ['web_vitals_fid', 'histogram', 30], ['web_vitals_inp', 'histogram', 120], ['web_vitals_lcp', 'histogram', 900], ['web_vitals_ttfb', 'histogram', 80],
  ]);
  assert.ok(page.metrics().every(({ labels }) => labels.page === '/orders/{id}' && labels.device === 'desktop'));
  assert.match(page.requests[0].json.page_view, /^[\da-f]{32}$/);
});

test('what the browser has not delivered yet is taken when the page is left', async () => {
  const page = open();
  page.queue('paint', fcp());
  page.queue('largest-contentful-paint', { startTime: 700 });
  page.queue('layout-shift', { value: 0.3, startTime: 500 });
  page.queue('event', interaction(1, 80));
  page.hide();
  await page.tick(0);
  assert.deepEqual([page.vital('fcp'), page.vital('lcp'), page.vital('cls'), page.vital('inp')], [[300], [700], [0.3], [80]]);
});

test('CLS only where the browser has it, and only of a page that was painted', async () => {
  const without = open({ supported: ['paint', 'largest-contentful-paint', 'event', 'first-input', 'navigation'] });
  without.emit('paint', fcp());
  const unpainted = open();
  const stable = open();
  stable.emit('paint', fcp());
  for (const page of [without, unpainted, stable]) page.hide();
  await stable.tick(0);
  assert.deepEqual([without.vital('cls'), unpainted.vital('cls'), stable.vital('cls')], [[], [], [0]]);
});

test('CLS is the worst window: a second without shifts ends it, five seconds in all', async () => {
  const cases = {
    'one window': [[[0, 0.1], [500, 0.1], [1_400, 0.1]], 0.3],
    'a gap of more than a second': [[[0, 0.1], [900, 0.2], [2_000, 0.25]], 0.3],
    'longer than five seconds': [Array.from({ length: 8 }, (_, i) => [i * 900, 0.1]), 0.6],
    'the second is worse': [[[0, 0.1], [3_000, 0.2], [3_100, 0.2]], 0.4],
    'right after input': [[[0, 0.1], [100, 0.9, true]], 0.1],
  };
  for (const [name, [shifts, want]] of Object.entries(cases)) {
    const page = open();
    page.emit('paint', fcp());
    for (const [startTime, value, hadRecentInput] of shifts) page.emit('layout-shift', { startTime, value, hadRecentInput });
    page.hide();
    await page.tick(0);
    assert.ok(Math.abs(page.vital('cls')[0] - want) < 1e-9, `${name}: ${page.vital('cls')}`);
  }
});

test('INP is the longest interaction but one for each fifty, by interaction and not by event', async () => {
  const inp = async (entries, interactionCount) => {
    const page = open({ before: (window) => Object.defineProperty(window.performance, 'interactionCount', { configurable: true, get: () => page_count }) });
    let page_count = 0;
    page_count = interactionCount;
    page.emit('paint', fcp());
    page.emit('event', ...entries);
    page.hide();
    await page.tick(0);
    return page.vital('inp')[0];
  };
  assert.equal(await inp([interaction(0, 900), interaction(undefined, 800), interaction(1, 60)], 1), 60, 'hovering is no interaction');
  assert.equal(await inp([interaction(1, 50), interaction(1, 90), interaction(2, 70)], 2), 90);
  const many = Array.from({ length: 120 }, (_, i) => interaction(i + 1, 1_000 - i));
  assert.equal(await inp(many.slice(0, 49), 49), 1_000);
  assert.equal(await inp(many.slice(0, 50), 50), 999);
  assert.equal(await inp(many, 120), 998);
  assert.equal(await inp([], 0), undefined);
});

test('times of a prerendered page are since its activation, and nothing is measured before', async () => {
  let isPrerendering = true;
  const page = open({
    navigation: { activationStart: 1_000 },
    before: (window) => Object.defineProperty(window.document, 'prerendering', { get: () => isPrerendering }),
  });
  assert.equal(page.observers.length, 0);
  isPrerendering = false;
  page.fire('prerenderingchange', {}, page.document);
  page.emit('paint', fcp(1_250));
  page.emit('largest-contentful-paint', { startTime: 1_400 });
  page.emit('navigation', { responseStart: 90, loadEventEnd: 800 });
  page.hide();
  await page.tick(0);
  assert.deepEqual([page.vital('fcp'), page.vital('lcp'), page.vital('ttfb')], [[250], [400], [0]]);
  assert.equal(page.metrics('page_load_time').length, 0, 'it had loaded before anybody came');
});

test('of a page that opens in the background nothing painted is measured', async () => {
  const page = open({ before: (_, opened) => opened.hide() });
  page.show();
  page.emit('paint', fcp());
  page.emit('largest-contentful-paint', { startTime: 900 });
  page.emit('navigation', { responseStart: 80, loadEventEnd: 1_500 });
  page.hide();
  await page.tick(0);
  assert.deepEqual([page.vital('fcp'), page.vital('lcp'), page.vital('ttfb')], [[], [], [80]]);
});

test('what is painted after the page was hidden first does not count', async () => {
  const page = open();
  page.emit('paint', fcp());
  page.hide();
  page.show();
  page.emit('largest-contentful-paint', { startTime: 60_000 });
  page.hide();
  await page.tick(0);
  assert.deepEqual([page.vital('fcp'), page.vital('lcp')], [[300], []]);
});

test('LCP is final at the first input of a person', async () => {
  const page = open();
  page.emit('largest-contentful-paint', { startTime: 900 });
  page.fire('click', {}, page.document.body);
  page.emit('largest-contentful-paint', { startTime: 950 });
  page.hide();
  await page.tick(0);
  assert.deepEqual(page.vital('lcp'), [950], 'a click of a script is none');
});

test('a page that comes back from the back/forward cache is a new page view', async () => {
  const page = open({ before(window) { window.requestAnimationFrame = (fn) => queueMicrotask(fn); } });
  page.emit('paint', fcp());
  page.emit('largest-contentful-paint', { startTime: 900 });
  page.emit('layout-shift', { value: 0.4, startTime: 500 });
  page.hide();
  page.show();
  page.window.dispatchEvent(Object.assign(new page.window.Event('pageshow'), { persisted: true }));
  await page.tick(0);
  page.emit('layout-shift', { value: 0.05, startTime: 9_000 });
  page.hide();
  await page.tick(0);
  assert.equal(page.requests.length, 2);

  const [first, second] = page.requests.map((one) => one.json);
  assert.notEqual(first.page_view, second.page_view);
  const names = (batch) => batch.metrics.map((one) => one.name).sort();
  assert.deepEqual(names(first), ['web_vitals_cls', 'web_vitals_fcp', 'web_vitals_lcp']);
  assert.deepEqual(names(second), ['web_vitals_cls', 'web_vitals_fcp', 'web_vitals_lcp']);
  assert.deepEqual(page.vital('cls'), [0.4, 0.05]);
  page.fire('pageshow', { persisted: false });
  page.hide();
  await page.tick(0);
  assert.equal(page.requests.length, 2, 'the first showing is no second view');
});

test('a change of the route ends the view: CLS and INP belong to the route on which they happened', async () => {
  const page = open();
  page.emit('paint', fcp());
  page.emit('largest-contentful-paint', { startTime: 900 });
  page.emit('layout-shift', { value: 0.2, startTime: 500 });
  page.emit('event', interaction(1, 100));
  page.window.history.replaceState(null, '', '/orders/43?tab=2');
  page.window.history.pushState(null, '', '/cart');
  page.emit('layout-shift', { value: 0.1, startTime: 20_000 });
  page.emit('event', interaction(2, 60));
  page.emit('largest-contentful-paint', { startTime: 20_000 });
  page.hide();
  await page.tick(0);
  const seen = page.metrics().map((one) => [one.name.slice(11), one.labels.page, one.value]);
  assert.deepEqual(seen.sort(), [
    ['cls', '/cart', 0.1], ['cls', '/orders/{id}', 0.2], ['fcp', '/orders/{id}', 300], ['inp', '/cart', 60], ['inp', '/orders/{id}', 100], ['lcp', '/orders/{id}', 900],
  ]);
  const views = page.requests.map((one) => [one.json.page, one.json.page_view]);
  assert.deepEqual(views.map(([name]) => name), ['/orders/{id}', '/cart']);
  assert.notEqual(views[0][1], views[1][1]);
});

test('the route is what the page calls it, also when its function fails', async () => {
  const page = open({ options: { route: () => { if (broken) throw new Error('no'); return '/orders/:order'; } } });
  let broken = false;
  page.client.metrics.counter('a');
  broken = true;
  page.client.metrics.counter('b');
  page.client.flush();
  assert.deepEqual(page.metrics().map((one) => one.labels.page), ['/orders/:order', '/orders/{id}']);
});

test('a browser without PerformanceObserver has errors and metrics all the same', async () => {
  const page = openPage({ before: (window) => { window.PerformanceObserver = undefined; } });
  const client = page.start();
  client.captureMessage('x');
  client.metrics.counter('m');
  page.hide();
  await page.tick(0);
  assert.deepEqual([page.errors().length, page.metrics().length, page.faults.length], [1, 1, 0]);
});

test('destroy lets go of the observers', () => {
  const page = open();
  assert.ok(page.observers.length > 0);
  page.client.destroy();
  assert.equal(page.observers.length, 0);
});

test('a session that is not measured has no observers', () => {
  assert.equal(open({ options: { sampleRate: 0 } }).observers.length, 0);
});

// The whole way in Firefox ESR, driven by WebDriver BiDi: stack.mjs says what it is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FIREFOX, startFirefox } from './browsers.mjs';
import { until } from './site.mjs';
import { assertSources, startStack } from './stack.mjs';

const skip = FIREFOX ? false : 'no Firefox';

let stack, browser, types;
const methods = [];
before(async () => {
  if (skip) return;
  [stack, browser] = await Promise.all([startStack(), startFirefox()]);
  const dist = await stack.buildShop('shop', { dsn: (await stack.createKey('shop')).public_key, endpoint: stack.relay.url });
  await stack.sourcemaps('inject', dist);
  await stack.sourcemaps('upload', dist, '--project', 'shop', '--delete');
  stack.publish(dist, 'shop');
});
after(async () => {
  await browser?.close();
  await stack?.stop();
});

// Visits the shop until it is painted, and presses buttons.
async function visit(...buttons) {
  const page = await browser.newPage();
  page.on('request', (request) => request.url().startsWith(stack.relay.url) && methods.push(request.method()));
  await page.goto(`${stack.site.url}/shop?token=SECRET`);
  await until(() => page.evaluate(() => performance.getEntriesByName('first-contentful-paint').length), 'painted');
  for (const name of buttons) await page.click('#' + name);
  types = await page.evaluate(() => PerformanceObserver.supportedEntryTypes);
  return page;
}
const count = (name, more) => stack.count(name, 'shop', more);

test('an error, a rejection and a failing request, with their sources', { skip }, async () => {
  const page = await visit('total', 'cart', 'order', 'refresh');
  const errors = await stack.errorsOf('shop');
  assertSources(errors);
  assert.match(errors.NetworkError.message, /^GET http:\/\/localhost:\d+\/broken\/\{id\} failed with status 500$/);
  assert.ok(errors.RangeError.breadcrumbs.some((one) => one.message === 'button#total'), JSON.stringify(errors.RangeError.breadcrumbs));
  assert.equal(JSON.stringify(errors).includes('SECRET'), false);
  assert.ok(methods.length > 0 && methods.every((method) => method === 'POST'), `no preflight: ${methods}`);
  await page.goto(stack.site.url + '/next');
});

test('the vitals of that page, which was left by a navigation', { skip }, async () => {
  for (const name of ['web_vitals_fcp', 'web_vitals_ttfb', 'page_load_time', 'shop_visits_total']) await until(async () => (await count(name)) === 1, name);
  await until(async () => (await count('browser_http_requests_total', '&labels=status:500,method:GET')) === 1, 'the failed request');
  if (types.includes('largest-contentful-paint')) await until(async () => (await count('web_vitals_lcp')) === 1, 'LCP');
  if (!types.includes('layout-shift')) assert.equal(await count('web_vitals_cls'), 0, 'no CLS that was not measured');
});

// Firefox may end the process of a tab before its last request has left it, however it is sent. So several tabs are closed, for one that gets through.
test('the vitals of a tab that was closed', { skip }, async () => {
  const before = await count('web_vitals_fcp');
  for (let tabs = 1; ; tabs++) {
    const page = await visit();
    await page.close();
    const told = await until(async () => (await count('web_vitals_fcp')) > before, 'FCP', 1000).then(() => true, () => false);
    if (told) break;
    assert.ok(tabs < 12, 'of 12 tabs that were closed none has told its vitals');
  }
});

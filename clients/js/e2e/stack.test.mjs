// The whole way in Chromium: stack.mjs says what it is.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { CHROMIUM, startChromium } from './browsers.mjs';
import { until } from './site.mjs';
import { ADMIN, assertSources, run, startStack, TOKEN } from './stack.mjs';

const skip = CHROMIUM ? false : 'no Chromium';

let stack, browser;
before(async () => {
  if (!skip) [stack, browser] = await Promise.all([startStack(), startChromium()]);
});
after(async () => {
  await browser?.close();
  await stack?.stop();
});

// Visits the shop, presses all its buttons, and closes the tab. Returns how the requests to the relay were made.
async function visit(project) {
  const page = await browser.newPage();
  const requests = [];
  page.on('request', (request) => request.url().startsWith(stack.relay.url) && requests.push(request));
  await page.goto(`${stack.site.url}/${project}?token=SECRET`);
  for (const name of ['total', 'cart', 'order', 'refresh']) await page.click('#' + name);
  await page.waitForTimeout(500);
  const methods = requests.map((request) => request.method());
  await page.close({ runBeforeUnload: true });
  return methods;
}

test('with debug ids: errors with their sources, in the right project, and what belongs to them', { skip }, async () => {
  const dist = await stack.buildShop('shop', { dsn: (await stack.createKey('shop')).public_key, endpoint: stack.relay.url });
  await stack.sourcemaps('inject', dist);
  const { stdout } = await stack.sourcemaps('upload', dist, '--project', 'shop', '--delete');
  assert.match(stdout, /uploaded/);
  assert.ok(!readdirSync(dist + '/assets').some((name) => name.endsWith('.map')));
  stack.publish(dist, 'shop');
  const methods = await visit('shop');
  assert.ok(methods.length > 0 && methods.every((method) => method === 'POST'), `no preflight: ${methods}`);
  const errors = await stack.errorsOf('shop');
  assertSources(errors);

  const { RangeError: uncaught, TypeError: rejected, NetworkError: request } = errors;
  assert.deepEqual([uncaught.environment, uncaught.user_id, uncaught.request_method], ['staging', 'u-42', 'BROWSER']);
  assert.equal(uncaught.request_url, `${stack.site.url}/shop`);
  assert.equal(uncaught.extra.context.plan, 'pro');
  assert.ok(uncaught.breadcrumbs.some((one) => one.message === 'button#total'), JSON.stringify(uncaught.breadcrumbs));
  assert.match(rejected.extra.session_id, /^[\da-f]{8}-[\da-f]{4}-4/);
  assert.match(request.message, /^GET http:\/\/localhost:\d+\/broken\/\{id\} failed with status 500$/);
  assert.equal(JSON.stringify(errors).includes('SECRET'), false);
});

test('vitals, requests and own metrics are in the collector, of a page that was closed', { skip }, async () => {
  const count = (name, more) => stack.count(name, 'shop', more);
  // CLS is known when the page ends. Chromium kills a tab whose page takes long to end, as it may on a busy machine; then
  // another tab shows it.
  let visits = 1;
  for (; ; visits++) {
    const told = await until(() => count('web_vitals_cls'), 'CLS', 5000).then(() => true, () => false);
    if (told || visits === 4) break;
    await visit('shop');
  }
  const shifts = await count('web_vitals_cls');
  assert.ok(shifts >= 1 && shifts <= visits, `${shifts} times CLS of ${visits} pages`);
  for (const name of ['web_vitals_lcp', 'web_vitals_fcp', 'web_vitals_ttfb', 'page_load_time', 'shop_visits_total']) {
    await until(async () => (await count(name)) === visits, `${name} once of each page`);
  }
  await until(async () => (await count('browser_http_requests_total', '&labels=status:500,method:GET')) === visits, 'the failed request');
  assert.equal(await count('web_vitals_lcp', '&labels=page:/shop,device:desktop,source:browser'), visits);
});

test('through sentry-cli as it is on npm: the same', { skip }, async () => {
  const dist = await stack.buildShop('market', { dsn: (await stack.createKey('market')).public_key, endpoint: stack.relay.url });
  const sentry = (...args) => run(process.execPath, [createRequire(import.meta.url).resolve('@sentry/cli/bin/sentry-cli'), 'sourcemaps', ...args], {
    env: { PATH: process.env.PATH, HOME: stack.folder, SENTRY_URL: stack.relay.url, SENTRY_AUTH_TOKEN: TOKEN, SENTRY_ORG: 'monlight', SENTRY_PROJECT: 'market' },
  });
  await sentry('inject', dist);
  await sentry('upload', dist);
  stack.publish(dist, 'market');
  await visit('market');
  assertSources(await stack.errorsOf('market'));
});

test('by release and path, without debug ids: the same', { skip }, async () => {
  const dist = await stack.buildShop('outlet', { dsn: (await stack.createKey('outlet')).public_key, endpoint: stack.relay.url, release: '2.0.0' });
  await stack.sourcemaps('upload', dist, '--project', 'outlet', '--release', '2.0.0');
  stack.publish(dist, 'outlet');
  await visit('outlet');
  const errors = await stack.errorsOf('outlet');
  assertSources(errors);
  assert.equal(errors.RangeError.release, '2.0.0');
});

test('the script tag that the page of a key shows: loaded from the relay under its integrity value, and it reports', { skip }, async () => {
  const { id } = await stack.createKey('tag');
  const admin = await browser.newPage({ extraHTTPHeaders: { 'X-API-Key': ADMIN } });
  await admin.goto(`${stack.relay.url}/keys/${id}`);
  const snippet = await admin.textContent('#s-script');
  await admin.close();
  assert.match(snippet, /integrity="sha384-[\w+/]{64}" crossorigin="anonymous"/);
  const page = await browser.newPage();
  const show = async (path, html) => {
    stack.site.pages[path] = `<!doctype html><html lang="en"><title>Tag</title><body>${html}<script>setTimeout(() => { throw new TypeError('of ${path}'); });</script>`;
    await page.goto(stack.site.url + path);
    return page.evaluate(() => typeof window.Monlight?.captureError);
  };
  // With another integrity value the browser does not run it.
  assert.equal(await show('/forged', snippet.replace('sha384-', 'sha384-AAAA').replace(/.{4}" crossorigin/, '" crossorigin')), 'undefined');
  assert.equal(await show('/tag', snippet), 'function');
  let list;
  await until(async () => (list = (await stack.tracker.api('/api/errors?project=tag')).errors).length > 0, 'the error in the tracker');
  assert.deepEqual(list.map((one) => one.message), ['of /tag']);
  await page.close();
});

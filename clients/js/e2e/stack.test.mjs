// The whole way: a shop built by a bundler from packages of npm, in Chromium, with the real relay on another origin, and the
// real error-tracker and metrics-collector behind it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { startService } from '../../../e2e/browser/service.mjs';
import { CHROMIUM, startChromium } from './browsers.mjs';
import { startSite, until } from './site.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const run = promisify(execFile);
const skip = CHROMIUM ? false : 'no Chromium';
const ADMIN = 'an-administrators-key-for-this-test';
const TOKEN = 'a-token-that-can-only-upload-maps';

let tracker, collector, relay, browser, site, folder;
before(async () => {
  if (skip) return;
  [tracker, collector, browser, site] = await Promise.all([startService(), startService({}, 'metrics-collector'), startChromium(), startSite({})]);
  relay = await startService({
    ADMIN_API_KEY: ADMIN, UPLOAD_TOKEN: TOKEN, BASE_URL: '{url}',
    ERROR_TRACKER_URL: tracker.url, ERROR_TRACKER_API_KEY: tracker.key, METRICS_COLLECTOR_URL: collector.url, METRICS_COLLECTOR_API_KEY: collector.key,
  }, 'browser-relay');
  folder = mkdtempSync(tmpdir() + '/monlight-shop-');
});
after(async () => {
  await browser?.close();
  await Promise.all([relay, tracker, collector, site].map((one) => one?.stop()));
  if (folder) rmSync(folder, { recursive: true });
});

// Makes a key whose only origin is the shop's, and returns what the relay says of it.
async function createKey(project) {
  const answer = await fetch(`${relay.url}/api/dsn-keys`, { method: 'POST', headers: { 'X-API-Key': ADMIN }, body: JSON.stringify({ project, origins: [site.url] }) });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
}

// Builds the shop as for production and returns its folder.
async function buildShop(project, config) {
  const dist = `${folder}/${project}`;
  await build({
    entryPoints: [here + 'shop/main.ts'], outdir: dist, entryNames: 'assets/[name]-[hash]', bundle: true, minify: true, splitting: true, format: 'esm',
    target: 'es2022', sourcemap: true, define: { CONFIG: JSON.stringify(config) }, alias: { '@monlight/browser': fileURLToPath(new URL('..', import.meta.url)) },
  });
  return dist;
}

const sourcemaps = (...args) => run(process.execPath, [here + '../cli/monlight-sourcemaps.mjs', ...args], { env: { PATH: process.env.PATH, MONLIGHT_RELAY_URL: relay.url, MONLIGHT_UPLOAD_TOKEN: TOKEN } });

// Puts the built shop on the site.
function publish(dist, project) {
  const scripts = readdirSync(dist + '/assets').filter((name) => name.endsWith('.js'));
  for (const name of scripts) site.pages['/assets/' + name] = readFileSync(`${dist}/assets/${name}`, 'utf8');
  const entry = scripts.find((name) => name.startsWith('main-'));
  site.pages['/' + project] = `<!doctype html><html lang="en"><title>Shop</title><body><script type="module" src="/assets/${entry}"></script>`;
}

// Visits the shop, presses all its buttons, and closes the tab. Returns how the requests to the relay were made.
async function visit(project) {
  const page = await browser.newPage();
  const requests = [];
  page.on('request', (request) => request.url().startsWith(relay.url) && requests.push(request));
  await page.goto(`${site.url}/${project}?token=SECRET`);
  for (const name of ['total', 'cart', 'order', 'refresh']) await page.click('#' + name);
  await page.waitForTimeout(500);
  const methods = requests.map((request) => request.method());
  await page.close({ runBeforeUnload: true });
  return methods;
}

// Waits for the errors of a project and returns their newest occurrences by type.
async function errorsOf(project) {
  let list;
  await until(async () => (list = (await tracker.api(`/api/errors?project=${project}`)).errors).length === 4, 'four errors in the tracker');
  const all = await Promise.all(list.map((one) => tracker.api(`/api/errors/${one.id}/occurrences/latest`)));
  return Object.fromEntries(all.map((one) => [one.exceptions.at(-1).type, one]));
}

const lineOf = (file, text) => readFileSync(here + 'shop/' + file, 'utf8').split('\n').findIndex((line) => line.includes(text)) + 1;
const isOurs = (frame, file) => frame.filename.endsWith('shop/' + file);

// Asserts that the stacks are those of the sources.
function assertSources(errors) {
  const price = errors.RangeError.exceptions.at(-1);
  assert.equal(price.value, 'no price of cup');
  const [caller, thrower] = price.frames.slice(-2);
  assert.ok(isOurs(thrower, 'price.ts') && isOurs(caller, 'price.ts'), JSON.stringify(price.frames.map((one) => one.filename)));
  assert.deepEqual([thrower.function, thrower.lineno], ['priceOf', lineOf('price.ts', 'throw new RangeError')]);
  assert.deepEqual([caller.function, caller.lineno], ['total', lineOf('price.ts', 'sum += priceOf')]);
  assert.equal(thrower.context_line.trim(), 'throw new RangeError(`no price of ${item.name}`);');
  assert.equal(thrower.pre_context.at(-1).trim(), 'if (item.price === undefined) {');
  assert.equal(thrower.post_context[0].trim(), '}');
  assert.ok(price.frames.some((frame) => /node_modules\/preact\//.test(frame.filename) && !frame.in_app), 'the packages are there, and not called ours');

  const [root, cart] = errors.TypeError.exceptions;
  assert.deepEqual([root.type, root.value, cart.type, cart.value], ['Error', 'answer without a cart', 'TypeError', 'cannot load the cart']);
  // What awaited a function did not call it, so its name is not known; its place is.
  for (const [exception, text] of [[root, 'answer without a cart'], [cart, 'throw new TypeError']]) {
    const frame = exception.frames.at(-1);
    assert.ok(isOurs(frame, 'cart.ts'));
    assert.equal(frame.lineno, lineOf('cart.ts', text));
    assert.ok(frame.context_line.includes(text));
  }

  const order = errors.ZodError.exceptions.at(-1);
  assert.ok(order.frames.some((frame) => isOurs(frame, 'main.ts') && frame.lineno === lineOf('main.ts', 'Order.parse')), JSON.stringify(order.frames.map((one) => [one.filename, one.lineno])));
}

test('with debug ids: errors with their sources, in the right project, and what belongs to them', { skip }, async () => {
  const dist = await buildShop('shop', { dsn: (await createKey('shop')).public_key, endpoint: relay.url });
  await sourcemaps('inject', dist);
  const { stdout } = await sourcemaps('upload', dist, '--project', 'shop', '--delete');
  assert.match(stdout, /uploaded/);
  assert.ok(!readdirSync(dist + '/assets').some((name) => name.endsWith('.map')));
  publish(dist, 'shop');
  const methods = await visit('shop');
  assert.ok(methods.length > 0 && methods.every((method) => method === 'POST'), `no preflight: ${methods}`);
  const errors = await errorsOf('shop');
  assertSources(errors);

  const { RangeError: uncaught, TypeError: rejected, NetworkError: request } = errors;
  assert.deepEqual([uncaught.environment, uncaught.user_id, uncaught.request_method], ['staging', 'u-42', 'BROWSER']);
  assert.equal(uncaught.request_url, `${site.url}/shop`);
  assert.equal(uncaught.extra.context.plan, 'pro');
  assert.ok(uncaught.breadcrumbs.some((one) => one.message === 'button#total'), JSON.stringify(uncaught.breadcrumbs));
  assert.match(rejected.extra.session_id, /^[\da-f]{8}-[\da-f]{4}-4/);
  assert.match(request.message, /^GET http:\/\/localhost:\d+\/broken\/\{id\} failed with status 500$/);
  assert.equal(JSON.stringify(errors).includes('SECRET'), false);
});

test('vitals, requests and own metrics are in the collector, of a page that was closed', { skip }, async () => {
  const count = async (name, more = '') => {
    const { data } = await collector.api(`/api/metrics?name=${name}&period=1h&project=shop${more}`);
    return (data ?? []).reduce((sum, row) => sum + row.count, 0);
  };
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
  const dist = await buildShop('market', { dsn: (await createKey('market')).public_key, endpoint: relay.url });
  const sentry = (...args) => run(process.execPath, [createRequire(import.meta.url).resolve('@sentry/cli/bin/sentry-cli'), 'sourcemaps', ...args], {
    env: { PATH: process.env.PATH, HOME: folder, SENTRY_URL: relay.url, SENTRY_AUTH_TOKEN: TOKEN, SENTRY_ORG: 'monlight', SENTRY_PROJECT: 'market' },
  });
  await sentry('inject', dist);
  await sentry('upload', dist);
  publish(dist, 'market');
  await visit('market');
  assertSources(await errorsOf('market'));
});

test('by release and path, without debug ids: the same', { skip }, async () => {
  const dist = await buildShop('outlet', { dsn: (await createKey('outlet')).public_key, endpoint: relay.url, release: '2.0.0' });
  await sourcemaps('upload', dist, '--project', 'outlet', '--release', '2.0.0');
  publish(dist, 'outlet');
  await visit('outlet');
  const errors = await errorsOf('outlet');
  assertSources(errors);
  assert.equal(errors.RangeError.release, '2.0.0');
});

test('the script tag that the page of a key shows: loaded from the relay under its integrity value, and it reports', { skip }, async () => {
  const { id } = await createKey('tag');
  const admin = await browser.newPage({ extraHTTPHeaders: { 'X-API-Key': ADMIN } });
  await admin.goto(`${relay.url}/keys/${id}`);
  const snippet = await admin.textContent('#s-script');
  await admin.close();
  assert.match(snippet, /integrity="sha384-[\w+/]{64}" crossorigin="anonymous"/);
  const page = await browser.newPage();
  const show = async (path, html) => {
    site.pages[path] = `<!doctype html><html lang="en"><title>Tag</title><body>${html}<script>setTimeout(() => { throw new TypeError('of ${path}'); });</script>`;
    await page.goto(site.url + path);
    return page.evaluate(() => typeof window.Monlight?.captureError);
  };
  // With another integrity value the browser does not run it.
  assert.equal(await show('/forged', snippet.replace('sha384-', 'sha384-AAAA').replace(/.{4}" crossorigin/, '" crossorigin')), 'undefined');
  assert.equal(await show('/tag', snippet), 'function');
  let list;
  await until(async () => (list = (await tracker.api('/api/errors?project=tag')).errors).length > 0, 'the error in the tracker');
  assert.deepEqual(list.map((one) => one.message), ['of /tag']);
  await page.close();
});

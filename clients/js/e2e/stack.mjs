// A shop built by a bundler from packages of npm, the real relay on another origin, and the real error-tracker and
// metrics-collector behind it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { startService } from '../../../e2e/browser/service.mjs';
import { startSite, until } from './site.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
export const run = promisify(execFile);
export const ADMIN = 'an-administrators-key-for-this-test';
export const TOKEN = 'a-token-that-can-only-upload-maps';

/** Starts all of it. */
export async function startStack() {
  const [tracker, collector, site] = await Promise.all([startService(), startService({}, 'metrics-collector'), startSite({ '/next': '<!doctype html><title>Next</title><p>next' })]);
  const relay = await startService({
    ADMIN_API_KEY: ADMIN, UPLOAD_TOKEN: TOKEN, BASE_URL: '{url}',
    ERROR_TRACKER_URL: tracker.url, ERROR_TRACKER_API_KEY: tracker.key, METRICS_COLLECTOR_URL: collector.url, METRICS_COLLECTOR_API_KEY: collector.key,
  }, 'browser-relay');
  const folder = mkdtempSync(tmpdir() + '/monlight-shop-');

  return {
    tracker, collector, relay, site, folder,

    async stop() {
      await Promise.all([relay, tracker, collector, site].map((one) => one.stop()));
      rmSync(folder, { recursive: true });
    },

    /** Makes a key whose only origin is the shop's, and returns what the relay says of it. */
    async createKey(project) {
      const answer = await fetch(`${relay.url}/api/dsn-keys`, { method: 'POST', headers: { 'X-API-Key': ADMIN }, body: JSON.stringify({ project, origins: [site.url] }) });
      assert.equal(answer.status, 201, await answer.clone().text());
      return answer.json();
    },

    /** Builds the shop as for production and returns its folder. */
    async buildShop(project, config) {
      const dist = `${folder}/${project}`;
      await build({
        entryPoints: [here + 'shop/main.ts'], outdir: dist, entryNames: 'assets/[name]-[hash]', bundle: true, minify: true, splitting: true, format: 'esm',
        target: 'es2022', sourcemap: true, define: { CONFIG: JSON.stringify(config) }, alias: { '@monlight/browser': fileURLToPath(new URL('..', import.meta.url)) },
      });
      return dist;
    },

    sourcemaps: (...args) => run(process.execPath, [here + '../cli/monlight-sourcemaps.mjs', ...args], { env: { PATH: process.env.PATH, MONLIGHT_RELAY_URL: relay.url, MONLIGHT_UPLOAD_TOKEN: TOKEN } }),

    /** Puts the built shop on the site. */
    publish(dist, project) {
      const scripts = readdirSync(dist + '/assets').filter((name) => name.endsWith('.js'));
      for (const name of scripts) site.pages['/assets/' + name] = readFileSync(`${dist}/assets/${name}`, 'utf8');
      const entry = scripts.find((name) => name.startsWith('main-'));
      site.pages['/' + project] = `<!doctype html><html lang="en"><title>Shop</title><body><script type="module" src="/assets/${entry}"></script>`;
    },

    /** Waits for the errors of a project and returns their newest occurrences by type. */
    async errorsOf(project) {
      let list;
      await until(async () => (list = (await tracker.api(`/api/errors?project=${project}`)).errors).length === 4, 'four errors in the tracker');
      const all = await Promise.all(list.map((one) => tracker.api(`/api/errors/${one.id}/occurrences/latest`)));
      return Object.fromEntries(all.map((one) => [one.exceptions.at(-1).type, one]));
    },

    /** How many values of a metric of a project the collector has; more are further parameters. */
    async count(name, project, more = '') {
      const { data } = await collector.api(`/api/metrics?name=${name}&period=1h&project=${project}${more}`);
      return (data ?? []).reduce((sum, row) => sum + row.count, 0);
    },
  };
}

const lineOf = (file, text) => readFileSync(here + 'shop/' + file, 'utf8').split('\n').findIndex((line) => line.includes(text)) + 1;
const isOurs = (frame, file) => frame.filename.endsWith('shop/' + file);

/** Asserts that the stacks are those of the sources. */
export function assertSources(errors) {
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

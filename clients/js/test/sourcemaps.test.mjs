import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping';
import { build } from 'esbuild';
import { injectMap, injectScript } from '../cli/inject.mjs';
import { openPage } from './page.mjs';

const cli = fileURLToPath(new URL('../cli/monlight-sourcemaps.mjs', import.meta.url));
const ID = '6ba7b810-9dad-51d1-80b4-00c04fd430c8';

// Runs the command; never fails, so that a test sees the status.
const run = (args, env = {}) =>
  new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve({ status: error ? error.code : 0, stdout, stderr }));
  });

function folder(t) {
  const path = mkdtempSync(tmpdir() + '/monlight-maps-');
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

// A minified build of two modules, of which one throws.
async function built(t, options) {
  const root = folder(t);
  writeFileSync(root + '/price.js', 'export function priceOf(item) {\n  if (!item.price) throw new Error("no price of " + item.name);\n  return item.price;\n}\n');
  writeFileSync(root + '/app.js', '/*! a banner */\nimport { priceOf } from "./price.js";\nglobalThis.buy = (item) => priceOf(item);\n');
  await build({ absWorkingDir: root, entryPoints: ['app.js'], outdir: 'dist/assets', bundle: true, minify: true, sourcemap: true, format: 'iife', entryNames: '[name].min', ...options });
  return root;
}

// Runs a script as a browser would, and returns what it registered and where buy() throws.
function execute(code, name = 'https://shop.example.com/assets/app.min.js') {
  const context = { self: {}, Error };
  context.self.self = context.self;
  runInNewContext(code, Object.assign(context, { window: context.self, globalThis: context.self }), { filename: name });
  let stack = '';
  try {
    (context.self.buy ?? context.buy)({ name: 'tea' });
  } catch (error) {
    stack = error.stack;
  }
  const [, line, column] = /app\.min\.js:(\d+):(\d+)/.exec(stack) ?? [];
  return { ids: context.self._debugIds ?? {}, line: Number(line), column: Number(column) };
}

test('inject: the script registers the id that the map has, and positions are as right as before', async (t) => {
  const root = await built(t);
  const script = root + '/dist/assets/app.min.js';
  const { status, stdout } = await run(['inject', root + '/dist']);
  assert.equal(status, 0);
  const map = JSON.parse(readFileSync(script + '.map', 'utf8'));
  const code = readFileSync(script, 'utf8');
  assert.match(map.debugId, /^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.equal(map.debug_id, map.debugId);
  assert.match(stdout, new RegExp(`app\\.min\\.js: ${map.debugId}`));
  assert.match(code, new RegExp(`\n//# debugId=${map.debugId}\n//# sourceMappingURL=app\\.min\\.js\\.map\n$`));
  const seen = execute(code);
  assert.deepEqual(Object.values(seen.ids), [map.debugId]);
  const place = originalPositionFor(new TraceMap(map), { line: seen.line, column: seen.column - 1 });
  assert.match(place.source, /price\.js$/);
  assert.equal(place.line, 2);
});

test('inject again changes nothing, another build gets another id, the same build the same', async (t) => {
  const read = (root) => ['', '.map'].map((end) => readFileSync(root + '/dist/assets/app.min.js' + end, 'utf8'));
  const first = await built(t);
  await run(['inject', first + '/dist']);
  const once = read(first);
  const { stdout } = await run(['inject', first + '/dist']);
  assert.deepEqual(read(first), once);
  assert.match(stdout, /0 of 1 scripts got/);
  assert.deepEqual(readdirSync(first + '/dist/assets').sort(), ['app.min.js', 'app.min.js.map'], 'no temporary files');
  const same = await built(t);
  await run(['inject', same + '/dist']);
  const other = await built(t, { banner: { js: '/* another build */' } });
  await run(['inject', other + '/dist']);
  const id = (root) => JSON.parse(read(root)[1]).debugId;
  assert.equal(id(same), id(first));
  assert.notEqual(id(other), id(first));
});

test('inject that was interrupted between the two files is finished by the next run', async (t) => {
  const root = await built(t);
  const map = root + '/dist/assets/app.min.js.map';
  const before = readFileSync(map);
  await run(['inject', root + '/dist']);
  const after = readFileSync(map, 'utf8');
  writeFileSync(map, before);
  await run(['inject', root + '/dist']);
  assert.equal(readFileSync(map, 'utf8'), after);
});

test('an id that the bundler wrote is kept', async (t) => {
  const root = await built(t);
  const script = root + '/dist/assets/app.min.js';
  writeFileSync(script, readFileSync(script, 'utf8').replace('//# sourceMapping', `//# debugId=${ID}\n//# sourceMapping`));
  writeFileSync(script + '.map', JSON.stringify({ ...JSON.parse(readFileSync(script + '.map', 'utf8')), debugId: ID }));
  await run(['inject', root + '/dist']);
  assert.deepEqual(Object.values(execute(readFileSync(script, 'utf8')).ids), [ID]);
  assert.equal(readFileSync(script, 'utf8').match(/debugId=/g).length, 1);
  const seen = execute(readFileSync(script, 'utf8'));
  assert.equal(originalPositionFor(new TraceMap(readFileSync(script + '.map', 'utf8')), { line: seen.line, column: seen.column - 1 }).line, 2);
});

test('a script that has the SDK in it is no script that registers an id', async (t) => {
  const root = await built(t);
  const script = root + '/dist/assets/app.min.js';
  writeFileSync(script, 'var registries=["_debugIds","_sentryDebugIds"];' + readFileSync(script, 'utf8'));
  await run(['inject', root + '/dist']);
  assert.equal(Object.values(execute(readFileSync(script, 'utf8')).ids).length, 1);
});

test('directives still work, comments and all', () => {
  const isStrict = 'globalThis.strict = (function () { return this === undefined; })();';
  for (const [code, want] of [
    ['"use strict";' + isStrict, true],
    ["/*! licence */\n// more\n'use strict'\n" + isStrict, true],
    ['"use client";"use strict";' + isStrict, true],
    ['"use strict"+1;' + isStrict, false],
    [isStrict + '"use strict";', false],
  ]) {
    const context = { Error };
    runInNewContext(injectScript(code, ID), context);
    assert.equal(context.strict, want, code);
  }
  // Time that grows with the length, not with its power.
  injectScript('/* a */ '.repeat(50_000) + ' '.repeat(100_000) + '"use', ID);
});

test('maps with sections move by a line', () => {
  const map = { version: 3, sections: [{ offset: { line: 0, column: 5 }, map: { version: 3, sources: ['a'], names: [], mappings: 'AAAA' } }, { offset: { line: 7, column: 0 }, map: {} }] };
  assert.deepEqual(injectMap(map, ID).sections.map((one) => one.offset), [{ line: 1, column: 5 }, { line: 8, column: 0 }]);
  assert.equal(map.sections[0].offset.line, 0, 'what was given is left alone');
});

test('what has no map file, is not for browsers, or is registered by another tool is left alone', async (t) => {
  const root = folder(t);
  const files = {
    'plain.js': 'alert(1)',
    'inline.js': 'alert(1)\n//# sourceMappingURL=data:application/json;base64,e30=\n',
    'tool.js': '#!/usr/bin/env node\nalert(1)', 'tool.js.map': '{"version":3,"sources":[],"mappings":""}',
    'other.js': `(window._sentryDebugIds={})[new Error().stack]="${ID}",window._sentryDebugIdIdentifier="sentry-dbid-${ID}";\n//# debugId=${ID}`, 'other.js.map': `{"version":3,"sources":[],"mappings":"","debug_id":"${ID}"}`,
    'node_modules/x/a.js': 'x', 'node_modules/x/a.js.map': '{',
  };
  mkdirSync(root + '/node_modules/x', { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${root}/${name}`, text);
  writeFileSync(root + '/latin.js', Buffer.from('alert("\xe4")', 'latin1'));
  writeFileSync(root + '/latin.js.map', '{"version":3,"sources":[],"mappings":""}');
  const { status, stdout } = await run(['inject', root]);
  assert.equal(status, 0);
  for (const [name, text] of Object.entries(files)) assert.equal(readFileSync(`${root}/${name}`, 'utf8'), text, name);
  for (const reason of [/plain\.js: no source map/, /inline\.js: its source map is inside/, /tool\.js: not a script for browsers/, /other\.js: has /, /latin\.js: not UTF-8/]) assert.match(stdout, reason);
});

test('a file that is no map is named, with status 1', async (t) => {
  for (const text of ['{', '[]', '{"version":2,"mappings":""}', 'null']) {
    const root = folder(t);
    writeFileSync(root + '/a.js', 'alert(1)');
    writeFileSync(root + '/a.js.map', text);
    const { status, stderr } = await run(['inject', root]);
    assert.equal(status, 1, text);
    assert.match(stderr, /a\.js\.map: /);
    assert.equal(readFileSync(root + '/a.js', 'utf8'), 'alert(1)');
  }
});

// A relay that keeps what it gets; answer(n) gives status and headers of the n-th request.
async function relay(t, answer = () => [201]) {
  const requests = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url, 'http://relay');
      requests.push({ path: url.pathname, query: Object.fromEntries(url.searchParams), key: request.headers['x-api-key'], map: JSON.parse(gunzipSync(Buffer.concat(chunks))) });
      const [status, headers] = answer(requests.length);
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(JSON.stringify(status < 300 ? { status: 'uploaded', id: 1, sources: 2, sources_with_content: 2 } : { detail: 'because' }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}

test('upload: key, project, release, address and debug id of each map; deleted when asked', async (t) => {
  const root = await built(t);
  await run(['inject', root + '/dist']);
  writeFileSync(root + '/dist/alone.js.map', '{"version":3,"sources":[],"mappings":""}');
  writeFileSync(root + '/dist/style.css.map', '{}');
  const { url, requests } = await relay(t);
  const args = ['upload', root + '/dist', '--url', url + '/', '--project', 'my shop', '--release', '1.0.0', '--url-prefix', '~/static/'];
  const env = { MONLIGHT_UPLOAD_TOKEN: 'secret' };
  const dry = await run([...args, '--dry-run'], env);
  assert.deepEqual([dry.status, requests.length], [0, 0]);
  const { status, stdout } = await run([...args, '--delete'], env);
  assert.equal(status, 0, stdout);
  assert.doesNotMatch(stdout, /secret/);
  const { debugId } = requests.find((one) => one.query.debug_id).map;
  assert.deepEqual(requests.map(({ path, query, key }) => [path, query, key]).sort((a, b) => (a[1].file_url < b[1].file_url ? -1 : 1)), [
    ['/api/source-maps', { project: 'my shop', release: '1.0.0', file_url: '~/static/alone.js' }, 'secret'],
    ['/api/source-maps', { project: 'my shop', release: '1.0.0', file_url: '~/static/assets/app.min.js', debug_id: debugId }, 'secret'],
  ]);
  assert.deepEqual([...readdirSync(root + '/dist'), ...readdirSync(root + '/dist/assets')].sort(), ['app.min.js', 'assets', 'style.css.map']);
});

test('upload: 503 and 429 are tried again, other refusals are not; one that fails does not stop the others', async (t) => {
  const root = await built(t);
  await run(['inject', root + '/dist']);
  const env = { MONLIGHT_ADMIN_KEY: 'k', MONLIGHT_PROJECT: 'shop' };
  const busy = await relay(t, (n) => (n === 1 ? [503, { 'Retry-After': '1' }] : n === 2 ? [429] : [201]));
  const later = await run(['upload', root + '/dist'], { ...env, MONLIGHT_RELAY_URL: busy.url });
  assert.deepEqual([later.status, busy.requests.length], [0, 3]);
  assert.equal(busy.requests[0].query.release, undefined, 'the debug id is enough');
  writeFileSync(root + '/dist/two.js.map', '{"version":3,"sources":[],"mappings":""}');
  const strict = await relay(t, (n) => (n === 1 ? [400] : [201]));
  const refused = await run(['upload', root + '/dist', '--release', '1', '--delete'], { ...env, MONLIGHT_RELAY_URL: strict.url });
  assert.deepEqual([refused.status, strict.requests.length], [1, 2]);
  assert.match(refused.stdout, /FAILED: 400 because/);
  assert.match(refused.stderr, /1 of 2 source maps were not uploaded/);
  assert.equal([...readdirSync(root + '/dist'), ...readdirSync(root + '/dist/assets')].filter((name) => name.endsWith('.map')).length, 1, 'only what arrived is deleted');
  const without = await run(['upload', root + '/dist'], { ...env, MONLIGHT_RELAY_URL: strict.url });
  assert.equal(without.status, readdirSync(root + '/dist').includes('two.js.map') ? 1 : 0);
});

test('wrong usage has status 2 and says what is wrong', async (t) => {
  const root = await built(t);
  for (const [args, text, env] of [
    [[], /inject or upload/], [['explode', root], /unknown command/], [['inject'], /needs a path/], [['inject', '--colour', root], /colour/],
    [['upload', root], /--url/], [['upload', root, '--url', 'http://127.0.0.1:9'], /--project/], [['upload', root, '--url', 'http://127.0.0.1:9', '--project', 'x'], /MONLIGHT_UPLOAD_TOKEN/],
  ]) {
    const { status, stderr } = await run(args, env);
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, text);
  }
  assert.equal((await run(['inject', root + '/missing'])).status, 1);
  const help = await run(['--help']);
  assert.equal(help.status, 0);
  assert.match(help.stdout, /inject PATH[^]*upload PATH/);
});

test('the SDK sends the ids that injected scripts register', async (t) => {
  const root = await built(t);
  await run(['inject', root + '/dist']);
  const code = readFileSync(root + '/dist/assets/app.min.js', 'utf8');
  const { ids, line, column } = execute(code);
  const page = openPage({ before: (window) => { window._debugIds = ids; } });
  page.start().captureError(Object.assign(new Error('no price of tea'), { stack: `Error: no price of tea\n    at r (https://shop.example.com/assets/app.min.js:${line}:${column})` }));
  await page.tick(200);
  assert.deepEqual(page.errors()[0].debug_ids, { 'https://shop.example.com/assets/app.min.js': Object.values(ids)[0] });
});

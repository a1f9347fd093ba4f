import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = root + 'dist/';
const manifest = JSON.parse(readFileSync(root + 'package.json', 'utf8'));
const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;
const API = ['Monlight', 'consoleErrors', 'init', 'initWith', 'network', 'page', 'sanitizeUrl', 'uncaught', 'vitals'];

// A folder in which the package is installed, as npm would lay it out.
function installed(t) {
  const folder = mkdtempSync(tmpdir() + '/monlight-package-');
  t.after(() => rmSync(folder, { recursive: true }));
  const tarball = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: root, encoding: 'utf8' }).trim();
  mkdirSync(folder + '/node_modules/@monlight/browser', { recursive: true });
  execFileSync('tar', ['-xzf', `${folder}/${tarball}`, '-C', folder + '/node_modules/@monlight/browser', '--strip-components=1']);
  return folder;
}

test('the script is at most 5,000 bytes with gzip -9', () => {
  const bytes = gzip(readFileSync(dist + 'monlight.min.js'));
  assert.ok(bytes <= 5_000, `${bytes} bytes`);
});

test('no dependencies, no eval, no beforeunload, no document.write, nothing inserted into the page', () => {
  assert.equal(manifest.dependencies, undefined);
  assert.equal(manifest.sideEffects, false);
  for (const name of ['monlight.esm.js', 'monlight.cjs', 'monlight.min.js']) {
    const code = readFileSync(dist + name, 'utf8');
    assert.doesNotMatch(code, /\beval\b|new Function|unload|document\.write|createElement|innerHTML|\.cookie|localStorage|\.style\b/, name);
  }
});

test('the integrity value is that of the script', () => {
  const hash = createHash('sha384').update(readFileSync(dist + 'monlight.min.js')).digest('base64');
  assert.equal(readFileSync(dist + 'monlight.min.js.sri', 'utf8'), `sha384-${hash}\n`);
});

test('browser-relay serves this very script; else run npm run relay', () => {
  const embedded = `${root}../../browser-relay/internal/sdk/monlight-${manifest.version}.min.js`;
  assert.ok(readFileSync(embedded).equals(readFileSync(dist + 'monlight.min.js')), `${embedded} is not that of this build`);
});

test('import and require of the installed package give the same, without a browser', (t) => {
  const folder = installed(t);
  writeFileSync(folder + '/a.mjs', "import * as all from '@monlight/browser'; import { init } from '@monlight/browser'; console.log(JSON.stringify(Object.keys(all).sort())); init({ dsn: 'k', endpoint: 'https://r.example' }).captureMessage('on a server nothing happens');");
  writeFileSync(folder + '/b.cjs', "const all = require('@monlight/browser'); console.log(JSON.stringify(Object.keys(all).sort())); all.init({ dsn: 'k', endpoint: 'https://r.example' }).captureError(1);");
  for (const name of ['a.mjs', 'b.cjs']) assert.deepEqual(JSON.parse(execFileSync(process.execPath, [folder + '/' + name], { encoding: 'utf8' })), API, name);
  assert.ok(createRequire(folder + '/x.cjs').resolve('@monlight/browser').endsWith('monlight.cjs'));
  assert.ok(createRequire(folder + '/x.cjs').resolve('@monlight/browser/dist/monlight.min.js'), 'as CDNs and copy steps name it');
  const files = readdirSync(folder + '/node_modules/@monlight/browser', { recursive: true }).map(String);
  assert.ok(!files.some((name) => /^(src|test|e2e|node_modules)/.test(name)), files.join());
});

test('the types hold for both ways to load it, and are strict', (t) => {
  const folder = installed(t);
  const good = `
    const client: MonlightClient = init({ dsn: 'k', endpoint: 'https://r', beforeSend: (event: BrowserError) => (event.message ? event : null), route: () => '/' } satisfies MonlightConfig);
    client.captureError(new Error('x'), { a: 1 }); client.captureMessage('x', 'warning'); client.setUser(null); client.addContext('k', 1);
    client.metrics.counter('a'); client.metrics.histogram('b', 1, { c: true }); client.flush(); client.destroy();
    const metric: BrowserMetric['type'] = 'gauge'; const config: ResolvedConfig = { dsn: 'k', endpoint: 'e' }; void metric; void config;
    // @ts-expect-error dsn is required
    init({ endpoint: 'https://r' });
    // @ts-expect-error not an option
    init({ dsn: 'k', endpoint: 'https://r', sampelRate: 1 });
    // @ts-expect-error a histogram has a value
    client.metrics.histogram('b');
  `;
  const names = 'init, type BrowserError, type BrowserMetric, type MonlightClient, type MonlightConfig, type ResolvedConfig';
  for (const name of ['a.mts', 'b.cts']) writeFileSync(`${folder}/${name}`, `import { ${names} } from '@monlight/browser';${good}`);
  writeFileSync(folder + '/tsconfig.json', JSON.stringify({
    compilerOptions: { strict: true, module: 'nodenext', target: 'es2022', lib: ['es2022', 'dom'], types: [], noEmit: true, exactOptionalPropertyTypes: true }, include: ['*.mts', '*.cts'],
  }));
  try {
    execFileSync(process.execPath, [root + 'node_modules/typescript/bin/tsc', '-p', folder], { encoding: 'utf8' });
  } catch (error) {
    assert.fail(error.stdout);
  }
});

test('a bundler leaves out what is not used', async () => {
  const bundle = async (code) => {
    const { outputFiles } = await build({ stdin: { contents: code, resolveDir: root }, bundle: true, minify: true, write: false, format: 'esm', target: 'es2020' });
    return gzip(outputFiles[0].contents);
  };
  const unused = await bundle("import { init } from './dist/monlight.esm.js';");
  const all = await bundle("import { init } from './dist/monlight.esm.js'; init({ dsn: 'k', endpoint: 'e' });");
  const errorsOnly = await bundle("import { initWith, uncaught } from './dist/monlight.esm.js'; initWith({ dsn: 'k', endpoint: 'e' }, [uncaught]);");
  assert.ok(unused <= 40, `${unused} bytes for nothing`);
  assert.ok(errorsOnly < all - 1_200, `${errorsOnly} of ${all} bytes`);
});

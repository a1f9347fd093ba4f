// Builds dist/: ESM, CommonJS, the script for a tag, and the types. Prints sizes and the SRI hash.
//   node build.mjs [--quiet] [--clean] [--relay]
// --relay also puts the script where browser-relay takes it from, beside those of earlier versions.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = here + 'dist/';
const flags = new Set(process.argv.slice(2));

await rm(dist, { recursive: true, force: true });
if (flags.has('--clean')) process.exit();
await mkdir(dist);

const { version } = JSON.parse(await readFile(here + 'package.json', 'utf8'));

const variants = {
  'monlight.esm.js': { entry: 'src/core.ts', format: 'esm' },
  'monlight.cjs': { entry: 'src/core.ts', format: 'cjs' },
  'monlight.min.js': { entry: 'src/script.ts', format: 'iife' },
};

// esbuild bundles and shortens the names with a leading underscore, terser makes it small.
async function bundle({ entry, format }) {
  const { outputFiles: [{ text }] } = await build({
    absWorkingDir: here, entryPoints: [entry], bundle: true, write: false, format, target: 'es2020', legalComments: 'none',
    minify: true, mangleProps: /^_[a-z]/, reserveProps: /^_(sentryD|d)ebugIds$/,
    define: { VERSION: JSON.stringify(version) },
    // The script for a tag does not depend on strict mode.
    ...(format === 'iife' && { tsconfigRaw: { compilerOptions: { alwaysStrict: false } } }),
  });
  const { code } = await minify(text, {
    ecma: 2020, module: format === 'esm', mangle: { toplevel: true },
    compress: { passes: 3, toplevel: true, inline: 1, sequences: false, collapse_vars: false, hoist_funs: true, pure_getters: true, unsafe_arrows: true, unsafe_methods: true },
  });
  return code;
}

await Promise.all(Object.entries(variants).map(async ([name, variant]) => writeFile(dist + name, await bundle(variant))));

execFileSync(process.execPath, [here + 'node_modules/typescript/bin/tsc', '-p', here, '--emitDeclarationOnly'], { stdio: 'inherit' });
// The same types once more for those who require() the package.
for (const name of await readdir(dist)) {
  if (!name.endsWith('.d.ts')) continue;
  const types = await readFile(dist + name, 'utf8');
  await writeFile(dist + name.replace(/\.d\.ts$/, '.d.cts'), types.replace(/(from '\.\/[\w-]+)\.js'/g, "$1.cjs'"));
}

const script = await readFile(dist + 'monlight.min.js');
const integrity = 'sha384-' + createHash('sha384').update(script).digest('base64');
await writeFile(dist + 'monlight.min.js.sri', integrity + '\n');
if (flags.has('--relay')) await writeFile(`${here}../../browser-relay/internal/sdk/monlight-${version}.min.js`, script);

if (!flags.has('--quiet')) {
  console.log('file                    raw gzip -9  brotli');
  for (const name of Object.keys(variants)) {
    const bytes = await readFile(dist + name);
    const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
    console.log([name.padEnd(18), ...[bytes, gzipSync(bytes, { level: 9 }), brotli].map((b) => String(b.length).padStart(7))].join(' '));
  }
  console.log(`integrity of monlight.min.js: ${integrity}`);
}

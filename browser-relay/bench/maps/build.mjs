// build.mjs FOLDER: makes bundles whose source maps are as large as those of real applications.
import { build } from 'esbuild';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const libraries = {
  med: ['three', 'lodash-es', 'react-dom', 'react-dom/client', 'react', 'rxjs'],
  big: ['typescript'],
  huge: ['monaco-editor'],
};
const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
let all = [];
for (const [name, more] of Object.entries(libraries)) {
  all = [...all, ...more];
  const entry = all.map((m, i) => `import * as m${i} from ${JSON.stringify(m)};`).join('\n') + `\nglobalThis.all = [${all.map((_, i) => 'm' + i)}];`;
  await build({
    stdin: { contents: entry, resolveDir: import.meta.dirname, sourcefile: 'entry.js' },
    bundle: true, minify: true, sourcemap: 'external', format: 'iife', target: 'es2022', platform: 'browser', outfile: join(folder, `${name}.js`),
    loader: { '.ttf': 'empty', '.css': 'empty' }, external: ['fs', 'path', 'os', 'inspector', 'perf_hooks', 'crypto', 'source-map-support'],
    define: { 'process.env.NODE_ENV': '"production"' }, logLevel: 'error',
  });
  console.log(name, statSync(join(folder, `${name}.js.map`)).size);
}

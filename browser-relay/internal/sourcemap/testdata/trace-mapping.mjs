// trace-mapping.mjs MAP POSITIONS: what @jridgewell/trace-mapping says about each position "line column", both from 1.
// The package is found from the folder that this is run in.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { FlattenMap, originalPositionFor } = createRequire(process.cwd() + '/')('@jridgewell/trace-mapping');
const map = new FlattenMap(readFileSync(process.argv[2], 'utf8'));
const out = [];
for (const text of readFileSync(process.argv[3], 'utf8').trim().split('\n')) {
  const [line, column] = text.split(' ').map(Number);
  const found = originalPositionFor(map, { line, column: column - 1 });
  if (found.source === null) out.push('none');
  else out.push(`${found.source}:${found.line}:${found.column + 1}${found.name ? ' ' + found.name : ''}`);
}
process.stdout.write(out.join('\n') + '\n');

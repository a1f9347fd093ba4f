import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, test } from 'node:test';
import { folder, limits, pictures, updating } from '../gates.mjs';
import { services } from '../screens.mjs';

const docs = new URL('../../../', import.meta.url);

describe('pictures for the documents', { skip: updating && 'they are being taken' }, () => {
  const wanted = services.flatMap((s) => s.screens.flatMap((screen) => pictures(s.name, screen)));
  const kept = readdirSync(folder);

  test('no two screens have one name', () => assert.equal(new Set(wanted).size, wanted.length));

  test('each screen has one in both schemes, and each belongs to a screen', () => {
    assert.deepEqual(wanted.filter((p) => !kept.includes(p)), [], 'screens without a picture: make screenshots');
    assert.deepEqual(kept.filter((p) => !wanted.includes(p)), [], 'pictures of no screen: remove them');
  });

  test('they are small', () => {
    const sizes = kept.map((p) => [p, statSync(folder + p).size]);
    assert.deepEqual(sizes.filter(([, bytes]) => bytes > limits.one || bytes < 1000), []);
    const all = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
    assert.ok(all <= limits.all, `${all} bytes`);
  });

  test('the documents show only those that there are', () => {
    const texts = ['README.md', ...readdirSync(new URL('docs/', docs)).filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`)];
    const shown = texts.flatMap((file) => [...readFileSync(new URL(file, docs), 'utf8').matchAll(/screenshots\/([\w.-]+)/g)].map((m) => [file, m[1]]));
    assert.ok(shown.length > 5, `${shown.length} pictures are shown`);
    assert.deepEqual(shown.filter(([, picture]) => !wanted.includes(picture)), []);
  });
});

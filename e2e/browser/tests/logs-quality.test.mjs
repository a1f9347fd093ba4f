import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from '../gates.mjs';
import { weigh } from '../pages.mjs';
import { logs } from '../screens/logs.mjs';

inspect('the quality of the log pages', logs, (world) => {
  test('a first visit loads at most 15 KiB, of lists of entries 40 KiB', async () => {
    for (const [path, limit] of [['/', 40], ['/live', 40], ['/containers', 15], ['/logs/100', 15], ['/logs/200', 15], ['/logs/300', 15], [`/logs/${world().id}`, 15]]) {
      const bytes = await weigh(world().reader, world().service.url + path);
      assert.ok(bytes <= limit * 1024, `${path} weighs ${bytes} bytes, the limit is ${limit} KiB`);
    }
  });
});

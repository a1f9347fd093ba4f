import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from '../gates.mjs';
import { weigh } from '../pages.mjs';
import { relay } from '../screens/relay.mjs';

inspect('the quality of the pages of the relay', relay, (world) => {
  test('a first visit loads at most 15 KiB', async () => {
    for (const path of ['/', `/keys/${world().id}`, '/traffic', '/source-maps']) {
      const bytes = await weigh(world().reader, world().reader.service.url + path);
      assert.ok(bytes <= 15 * 1024, `${path} weighs ${bytes} bytes`);
    }
  });
});

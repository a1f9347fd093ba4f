import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from '../gates.mjs';
import { weigh } from '../pages.mjs';
import { status } from '../screens/status.mjs';

inspect('the quality of the status pages', status, (world) => {
  test('a first visit loads at most 15 KiB', async () => {
    for (const name of ['logs', 'relay']) { // it is one template
      const bytes = await weigh(world()[name], `${world().stack[name].url}/status`);
      assert.ok(bytes <= 15 * 1024, `${name}: ${bytes} bytes`);
    }
  });
});

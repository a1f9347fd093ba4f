import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from '../gates.mjs';
import { weigh } from '../pages.mjs';
import { ship } from '../reports.mjs';
import { errors } from '../screens/errors.mjs';

inspect('the quality of the pages', errors, (world) => {
  test('a first visit of a full list loads at most 15 KiB', async () => {
    for (let n = 0; n < 60; n++) await world().service.report({ ...ship(n), project: 'full', exception_type: `Failure${n}`, exceptions: undefined, message: `cannot ship order ${n}: no address`, traceback: `Failure${n}: cannot ship\n    at ship${n} (app/orders${n}.py:214)` });
    for (const path of ['/?project=full', `/errors/${world().id}`]) {
      const bytes = await weigh(world().reader, world().service.url + path);
      assert.ok(bytes <= 15 * 1024, `${path} weighs ${bytes} bytes`);
    }
  });

  test('so do all other pages', async () => {
    const { project, release } = world();
    for (const path of ['/releases', `/releases/${release}`, '/projects', `/projects/${project}`, `/projects/${project}/settings`, `/projects/${project}/rules`, `/projects/${project}/alerts`, '/ingest', '/alerts', '/search', '/views?search=x', `/errors/${world().id}/tags`, `/errors/${world().id}/events`]) {
      const bytes = await weigh(world().reader, world().service.url + path);
      assert.ok(bytes <= 15 * 1024, `${path} weighs ${bytes} bytes`);
    }
  });
});

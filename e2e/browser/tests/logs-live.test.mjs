import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { line, send, startLogs } from '../lines.mjs';
import { Session, clean, launch, motions, shut } from '../pages.mjs';
import { turn } from '../screens/logs.mjs';

const messages = (page) => page.evaluate(() => window.ml.list.items.map((i) => i.mark ?? i.message));
const until = (page, f, arg) => page.waitForFunction(f, arg, { timeout: 15000 });

// calmly opens a page for somebody who wants no motion; still() says what moved on it since.
async function calmly(session, path) {
  const page = await session.open(undefined);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.addInitScript(() => {
    window.moved = [];
    for (const type of ['animationstart', 'transitionrun']) document.addEventListener(type, (e) => window.moved.push(`${type} of ${e.target.className}`), true);
    for (const name of ['scroll', 'scrollTo', 'scrollBy', 'scrollIntoView']) {
      const f = Element.prototype[name];
      Element.prototype[name] = function (...args) {
        if (args[0]?.behavior === 'smooth') window.moved.push(`${name} of ${this.className}`);
        return f.apply(this, args);
      };
    }
  });
  await page.goto(session.service.url + path);
  return page;
}
const still = async (page) => assert.deepEqual([...await page.evaluate(() => window.moved), ...await page.evaluate(motions)], []);

describe('the live tail', () => {
  let service, browser, session;
  before(async () => {
    service = await startLogs({ MAX_TAILS: '3' });
    browser = await launch();
    session = await new Session(browser, service).signIn();
    await send(service, [line('web', 'INFO', 'one'), line('web', 'INFO', 'two')]);
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('it begins with what is there and goes on by itself', async () => {
    const page = await session.open('/live');
    await page.waitForSelector('text=Connected');
    await send(service, [line('web', 'ERROR', 'three'), line('api', 'INFO', 'four')]);
    await until(page, () => window.ml.list.items.length === 4);
    assert.deepEqual(await messages(page), ['one', 'two', 'three', 'four']);
    assert.match(await page.textContent('.view'), /four/);
    // Filters begin the stream anew, and the search counts.
    await page.fill('[name=search]', 'keep');
    await page.keyboard.press('Enter');
    await page.waitForURL(/search=keep/);
    await page.waitForSelector('text=Connected');
    await send(service, [line('web', 'INFO', 'leave this'), line('web', 'INFO', 'keep this')]);
    await until(page, () => window.ml.list.items.length === 1);
    assert.deepEqual(await messages(page), ['keep this']);
    assert.equal(await page.locator('.r mark').textContent(), 'keep');
    await page.selectOption('select[name=container]', 'api');
    await page.waitForURL(/container=api/);
    await page.selectOption('select[name=level]', '>=ERROR');
    await page.waitForURL(/level=/);
    await clean(page);
    await shut(page);
  });

  test('it pauses when one scrolls up, counts what comes, and goes on', async () => {
    await send(service, Array.from({ length: 150 }, (_, n) => line('web', 'INFO', `fill ${n}`)));
    const page = await session.open('/live');
    await page.waitForSelector('text=Connected');
    await page.waitForTimeout(400);
    await page.mouse.move(600, 500);
    await page.mouse.wheel(0, -600);
    await page.waitForSelector('[data-pause] >> text=Paused');
    await send(service, [line('web', 'INFO', 'new 1'), line('web', 'INFO', 'new 2')]);
    await page.waitForSelector('.jump >> text=2 new lines');
    const top = await page.evaluate(() => document.querySelector('.view').scrollTop);
    await send(service, [line('web', 'INFO', 'new 3')]);
    await page.waitForSelector('.jump >> text=3 new lines');
    assert.equal(await page.evaluate(() => document.querySelector('.view').scrollTop), top, 'the list moved under the reader');
    await page.click('.jump');
    await page.waitForSelector('[data-pause] >> text=Live');
    assert.match(await page.textContent('.view'), /new 3/);
    await page.locator('.view').focus();
    await page.keyboard.press('Space');
    await page.waitForSelector('[data-pause] >> text=Paused');
    await page.keyboard.press('G');
    await page.waitForSelector('[data-pause] >> text=Live');
    await page.locator('.r', { hasText: 'new 3' }).click();
    await page.waitForSelector('#entry[open]');
    await page.waitForSelector('[data-pause] >> text=Paused');
    await clean(page);
    await shut(page);
  });

  test('after the service was away nothing is missing or doubled, and the gap is marked', async () => {
    const page = await calmly(session, '/live?container=restart');
    await page.waitForSelector('text=Connected');
    await send(service, [line('restart', 'INFO', 'before')]);
    await until(page, () => window.ml.list.items.length === 1);
    await service.between(() => new Promise((resolve) => setTimeout(resolve, 1500)));
    await send(service, [line('restart', 'INFO', 'while away')]);
    await until(page, () => window.ml.list.items.some((i) => i.message === 'while away'));
    await send(service, [line('restart', 'INFO', 'after')]);
    await until(page, () => window.ml.list.items.some((i) => i.message === 'after'));
    const all = await messages(page);
    assert.deepEqual(all.filter((m) => !m.startsWith('Connected again')), ['before', 'while away', 'after']);
    assert.equal(all.length, 4, 'the time without a connection is not marked');
    await still(page);
    await clean(page);
    await shut(page);
  });

  test('more streams than there may be are told so, and get in later', async () => {
    const pages = [];
    for (let i = 0; i < 3; i++) {
      pages.push(await session.open('/live'));
      await pages[i].waitForSelector('text=Connected');
    }
    const late = await session.open('/live');
    await late.waitForSelector('text=Too many SSE connections');
    await shut(pages.pop());
    await late.waitForSelector('text=Connected', { timeout: 20000 });
    await clean(late);
    await shut(late);
    for (const p of pages) await shut(p);
  });

  test('a stream of thousands of lines a second stays smooth', async () => {
    const page = await calmly(session, '/live?container=flood');
    await page.waitForSelector('text=Connected');
    await page.evaluate(() => {
      window.frames_ = [];
      let last = performance.now();
      const step = (now) => { window.frames_.push(now - last); last = now; requestAnimationFrame(step); };
      requestAnimationFrame(step);
    });
    const n = 12000;
    for (let i = 0; i < n; i += 600) {
      await send(service, Array.from({ length: 600 }, (_, k) => line('flood', 'INFO', `flood line ${i + k} with some words in it`)));
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await until(page, (n) => window.ml.list.items.filter((i) => i.message).length + window.ml.list.items.filter((i) => i.mark).reduce((a, i) => a + Number(i.mark.replace(/\D/g, '')), 0) >= n, n);
    const frames = (await page.evaluate(() => window.frames_)).sort((a, b) => a - b), p95 = frames[Math.floor(frames.length * 0.95)];
    console.log(`live: ${n} lines, ${frames.length} frames, p50 ${frames[Math.floor(frames.length / 2)].toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`);
    assert.ok(await page.locator('.r').count() < 120);
    await still(page);
    await clean(page);
    await shut(page);
  });

  test('containers that stop and start have rows of their own, which are text', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'monlight-turns-')), [web, evil] = ['a'.repeat(64), 'b'.repeat(64)];
    const then = (seconds) => new Date(Date.now() - seconds * 1000).toISOString(), begun = then(99), name = 'x<img src=//evil.test onerror=alert(1)>';
    for (const id of [web, evil]) {
      await mkdir(join(folder, id));
      await writeFile(join(folder, id, `${id}-json.log`), `${JSON.stringify({ log: 'begin\n', stream: 'stdout', time: then(0) })}\n`);
    }
    await turn(folder, web, 'web-1', 'nginx', { Running: true, StartedAt: begun });
    await turn(folder, evil, name, 'evil', { Running: true, StartedAt: begun });
    const docker = await startLogs({ LOG_SOURCES: folder, TAIL_BUFFER: '1MB' });
    try {
      while ((await docker.api('/api/logs?limit=1')).total < 2) await new Promise((resolve) => setTimeout(resolve, 50));
      const reader = await new Session(browser, docker).signIn(), page = await calmly(reader, '/live'), one = await reader.open('/live?container=shop-web-1&search=nothing');
      await Promise.all([page, one].map((p) => p.waitForSelector('text=Connected')));
      await appendFile(join(folder, web, `${web}-json.log`), `${JSON.stringify({ log: 'last words\n', stream: 'stderr', time: then(0) })}\n`);
      const end = then(0);
      await turn(folder, web, 'web-1', 'nginx', { Restarting: true, Running: true, StartedAt: begun, FinishedAt: end, ExitCode: 1 }, 1);
      await until(page, () => window.ml.list.items.length === 4);
      await turn(folder, web, 'web-1', 'nginx', { Running: true, StartedAt: then(0), FinishedAt: end }, 1);
      await until(page, () => window.ml.list.items.length === 5);
      await turn(folder, evil, name, 'evil', { StartedAt: begun, FinishedAt: then(0) });
      await until(page, () => window.ml.list.items.length === 6);
      const rows = (p) => p.locator('.r.mark:not([hidden])').allTextContents();
      const clock = '\\d\\d:\\d\\d:\\d\\d ';
      for (const [p, want] of [[page, ['shop-web-1 stopped, exit code 1', 'shop-web-1 was started again, restart 1', `shop-${name} stopped, exit code 0`]], [one, ['shop-web-1 stopped, exit code 1', 'shop-web-1 was started again, restart 1']]]) {
        const got = await rows(p);
        assert.equal(got.length, want.length, got.join());
        for (const [i, text] of want.entries()) assert.ok(new RegExp(`^${clock}`).test(got[i]) && got[i].endsWith(text), `${got[i]}, want ${text}`);
        await clean(p);
      }
      await still(page);
      assert.deepEqual((await messages(page)).slice(2, 3), ['last words'], 'the last line came after the stop');
      // A row of this kind is no entry: keys pass it by.
      await page.locator('.view').focus();
      for (let i = 0; i < 9; i++) await page.keyboard.press('j');
      assert.equal(await page.evaluate(() => window.ml.list.selected.message), 'last words');
      await shut(page);
      await shut(one);
    } finally {
      await docker.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('a session that ended is said, and signing in again leads back', async () => {
    const page = await session.open('/live');
    await page.waitForSelector('text=Connected');
    await page.context().clearCookies();
    await service.between(() => {});
    await page.waitForSelector('#logs-notice', { timeout: 20000 });
    assert.match(await page.textContent('#logs-notice'), /session has ended/);
    await clean(page);
    await shut(page);
  });
});

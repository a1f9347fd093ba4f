import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { day, send, startLogs } from '../lines.mjs';
import { Session, clean, launch, shut } from '../pages.mjs';

// p95 is the 95th percentile of times in ms.
const p95 = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)];

// timed gives a page a function that measures frames, each with some work before it.
const timed = (page) => page.evaluate(() => {
  window.timed = async (n, work) => {
    const times = [];
    await new Promise(requestAnimationFrame);
    let last = performance.now();
    for (let i = 0; i < n; i++) {
      work(i);
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    return times;
  };
});

// idle measures frames of a page that has next to nothing to draw.
const idle = (page) => page.evaluate(() => window.timed(30, (i) => { document.body.textContent = i; }));

// scroll measures 30 frames of the list: of steps of half a screen, and of leaps
// through everything. round is the number of the rounds before.
const scroll = (page, round) => page.evaluate((round) => {
  const { view } = window.ml.list;
  return window.timed(30, (i) => {
    if (i < 15) view.scrollTop += 300;
    else view.scrollTop = ((round * 15 + i) * 7919 % 100) / 100 * view.scrollHeight;
  });
}, round);

// finding measures 30 frames while all entries are looked through for a word, and
// then as many of going from hit to hit.
const finding = (page, round) => page.evaluate((round) => {
  const { find } = window.ml, input = document.querySelector('.find input');
  if (!find.open) find.show();
  return window.timed(60, (i) => {
    if (i >= 30) { find.step(i % 7 ? 1 : -1); return; }
    if (i) return;
    input.value = ['checkpoint', 'orders/', 'slow', 'duration_ms=8', 'no such text', 'e'][round];
    input.dispatchEvent(new Event('input'));
  });
}, round);

describe('the speed of the log pages', () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser?.close());

  test('100,000 rows scroll smoothly, and are found in', async () => {
    const many = await startLogs();
    try {
      await send(many, day(100500, 24, 3));
      const page = await (await new Session(browser, many).signIn()).open('/');
      await page.waitForSelector('.r');
      const begin = Date.now();
      await page.evaluate(async () => { const l = document.querySelector('ml-logs'); while (l.cursor && l.list.items.length < 100000) await l.more(5000); });
      const loaded = Date.now() - begin;
      // A page without any work is measured in turns with the list: it tells how late
      // frames are on this machine at this time, whatever is drawn. 50 ms are three
      // frames: where empty ones are late, three of those. Other work of the machine
      // falls into one try or another: the best one counts.
      const empty = await (await browser.newContext()).newPage();
      await timed(page);
      await timed(empty);
      const measure = async (what, work) => {
        let best = { over: Infinity };
        for (let tries = 0; tries < 3 && best.over > 0; tries++) {
          const frames = [], others = [];
          for (let round = 0; round < 6; round++) {
            frames.push(...await work(page, round));
            others.push(...await idle(empty));
          }
          const one = { list: p95(frames), empty: p95(others) };
          one.limit = Math.max(50, 3 * one.empty);
          one.over = one.list - one.limit;
          console.log(`${what}: frames p95 ${one.list.toFixed(1)} ms, max ${Math.max(...frames).toFixed(1)} ms; of an empty page p95 ${one.empty.toFixed(1)} ms`);
          if (one.over < best.over) best = one;
        }
        return best;
      };
      const scrolled = await measure('scrolling', scroll), found = await measure('finding', finding);
      // A word that is nowhere is looked for in all entries, and the page is drawn meanwhile.
      const drawn = await page.evaluate(async () => {
        const input = document.querySelector('.find input'), count = document.querySelector('.find output');
        input.value = 'nowhere at all';
        input.dispatchEvent(new Event('input'));
        let n = 0;
        for (; count.textContent === '…'; n++) await new Promise(requestAnimationFrame);
        return { n, says: count.textContent };
      });
      console.log(`${drawn.n} frames while a word was looked for that is nowhere`);
      const began = Date.now();
      await page.fill('.find input', 'orders/');
      await page.waitForFunction(() => / of [\d\u202f]+$/.test(document.querySelector('.find output').textContent));
      console.log(`one word in all: ${await page.textContent('.find output')} in ${Date.now() - began} ms`);
      await empty.context().close();
      const { rows, nodes } = await page.evaluate(() => ({ rows: window.ml.list.items.length, nodes: document.querySelectorAll('*').length }));
      console.log(`${rows} rows loaded in ${loaded} ms, ${nodes} elements`);
      assert.ok(rows >= 100000, `${rows} rows`);
      assert.equal(drawn.says, 'Not in these lines');
      assert.ok(drawn.n >= 2, `${drawn.n} frames were drawn while all entries were looked through`);
      assert.ok(nodes < 2500, `${nodes} elements`);
      for (const [what, best] of Object.entries({ scrolling: scrolled, finding: found })) assert.ok(best.over <= 0, `${what}: p95 of a frame is ${best.list?.toFixed(1)} ms, the limit is ${best.limit?.toFixed(1)} ms`);
      await clean(page);
      await shut(page);
    } finally {
      await many.stop();
    }
  });
});

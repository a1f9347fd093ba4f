// Finding within the entries that are loaded.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { at, line, send, startLogs } from '../lines.mjs';
import { Session, clean, launch, noSideways, shut } from '../pages.mjs';
import { payloads } from '../payloads.mjs';

const count = (page) => page.textContent('.find output');
const says = (page, text) => page.waitForFunction((text) => document.querySelector('.find output').textContent === text, text, { timeout: 15000 });
// selected is the entry where the reader is, and whether its row is in sight.
const selected = (page) => page.evaluate(() => {
  const { list } = window.ml, row = document.querySelector('.r[aria-selected=true]'), box = row?.getBoundingClientRect(), view = list.view.getBoundingClientRect();
  return { message: list.selected?.message, seen: Boolean(box) && box.top >= view.top - 1 && box.bottom <= view.bottom + 1, marks: [...row?.querySelectorAll('mark') ?? []].map((m) => m.textContent) };
});
const loaded = async (page, n) => {
  await page.waitForSelector('ml-logs.on');
  await page.evaluate(async (n) => { const l = document.querySelector('ml-logs'); while (l.cursor && l.list.items.length < n) if (!l.loading) await l.more(1000); else await new Promise(requestAnimationFrame); }, n);
};

describe('finding in the lines that are loaded', () => {
  let service, browser, session;
  before(async () => {
    service = await startLogs();
    browser = await launch();
    session = await new Session(browser, service).signIn();
    const lines = Array.from({ length: 3000 }, (_, n) => line('web', 'INFO', `line ${n} is ordinary`, { timestamp: at(4000 - n) }));
    for (const [n, message] of [[40, 'a needle at the end'], [1500, '\x1b[31mNEEDLE\x1b[0m in colours'], [1600, `first\nsecond\nthe needle inside`], [2990, 'needle and needle']]) lines[n].message = message;
    lines[1700].message = JSON.stringify({ level: 'info', msg: 'shop', needle: 7 });
    await send(service, lines);
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('it goes from hit to hit by n and N, through rows that are not in the document', async () => {
    const page = await session.open('/?container=web');
    await loaded(page, 3000);
    await page.keyboard.press('f');
    await page.keyboard.type('needle');
    await says(page, '1 of 5');
    assert.deepEqual(await selected(page), { message: 'needle and needle', seen: true, marks: ['needle', 'needle'] });
    await page.keyboard.press('Enter'); // to the list
    const messages = [];
    for (const [key, want] of [['n', '2 of 5'], ['n', '3 of 5'], ['n', '4 of 5'], ['n', '5 of 5'], ['n', '1 of 5'], ['N', '5 of 5'], ['N', '4 of 5']]) {
      await page.keyboard.press(key);
      await says(page, want);
      const now = await selected(page);
      assert.ok(now.seen, `${want} is not in sight`);
      messages.push(now.message.slice(0, 9), now.marks.join());
    }
    assert.deepEqual(messages, ['{"level":', 'needle', 'first\nsec', '', '\x1b[31mNEED', 'NEEDLE', 'a needle ', 'needle', 'needle an', 'needle,needle', 'a needle ', 'needle', '\x1b[31mNEED', 'NEEDLE']);
    // j and k leave the hit, and n goes on from there.
    await page.keyboard.press('k');
    await says(page, '5 found');
    await page.keyboard.press('n');
    await says(page, '4 of 5');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#entry[open]');
    assert.equal(await page.locator('#entry .msg mark').textContent(), 'NEEDLE');
    // The entry that is open is the one where the reader is.
    const shown = () => page.evaluate(() => [window.ml.drawer.item.id === window.ml.list.selected.id, document.querySelector('#entry .meta').textContent.endsWith(` entry ${window.ml.list.selected.id}`)]);
    await page.keyboard.press('Shift+N');
    await says(page, '3 of 5');
    assert.deepEqual(await shown(), [true, true], 'N leaves another entry open');
    await page.locator('.find [data-step="1"]').focus();
    await page.keyboard.press('Enter');
    await says(page, '4 of 5');
    assert.deepEqual(await shown(), [true, true], 'a button leaves another entry open');
    await page.keyboard.press('Escape');
    await says(page, '4 of 5');
    // What a JSON line shows is found, too.
    await page.keyboard.press('/');
    await page.keyboard.type('needle=7');
    await says(page, '1 of 1');
    await page.fill('.find input', 'undefined');
    await says(page, 'Not in these lines');
    await page.keyboard.press('Escape');
    assert.deepEqual(await page.evaluate(() => [document.querySelector('.find').hidden, document.activeElement === window.ml.list.view, document.querySelectorAll('.r mark').length]), [true, true, 0]);
    await clean(page);
    await shut(page);
  });

  test('/ is the search of the service where the list has not the focus; without scripts there is nothing to press', async () => {
    const page = await session.open('/?container=web');
    await page.waitForSelector('ml-logs.on');
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.name), 'search');
    await page.keyboard.press('Escape');
    await page.click('[data-find]');
    await page.keyboard.type('n(e');
    await says(page, 'Not in these lines');
    await page.setViewportSize({ width: 360, height: 720 });
    await noSideways(page, 'the explorer with its field to find');
    await page.keyboard.press('?'); // is written
    assert.equal(await page.inputValue('.find input'), 'n(e?');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    assert.match(await page.textContent('#keys[open]'), /find in these lines/);
    await clean(page);
    await shut(page);
    const plain = await session.open('/', { js: false });
    assert.deepEqual([await plain.locator('.find').isVisible(), await plain.locator('[data-find]').isVisible()], [false, false]);
    await shut(plain);
  });

  test('wrapped lines are found wherever they are', async () => {
    const page = await session.open('/?container=web');
    await loaded(page, 3000);
    await page.keyboard.press('w');
    const ends = () => page.evaluate(() => { const rows = [...document.querySelectorAll('.view.wrap .r')]; return [rows.length, rows[0].index, rows.at(-1).index]; });
    assert.deepEqual(await ends(), [2000, 0, 1999], 'wrapping leaves the newest lines');
    // At an end of what is wrapped it goes on.
    await page.evaluate(() => { const { view } = window.ml.list; view.scrollTop = view.scrollHeight; });
    await page.waitForFunction(() => document.querySelector('.view.wrap').querySelector('.r').index === 1000);
    assert.deepEqual(await ends(), [2000, 1000, 2999]);
    await page.evaluate(() => { window.ml.list.view.scrollTop = 0; });
    await page.waitForFunction(() => document.querySelector('.view.wrap').querySelector('.r').index === 0);
    await page.evaluate(() => { window.ml.list.view.scrollTop = 0; });
    await page.keyboard.press('f');
    await page.keyboard.type('needle');
    await says(page, '1 of 5');
    await page.keyboard.press('Enter');
    for (const key of ['n', 'n', 'n', 'n', 'n']) {
      await page.keyboard.press(key);
      const { seen, marks, message } = await selected(page);
      assert.ok(seen && marks.length, message);
    }
    assert.ok(await page.locator('.r').count() <= 2000);
    await clean(page);
    await shut(page);
  });

  test('the live tail pauses at a hit, and finds what comes', async () => {
    await send(service, Array.from({ length: 80 }, (_, n) => line('live', 'INFO', n % 20 ? `step ${n}` : `turn ${n}`)));
    const page = await session.open('/live?container=live');
    await page.waitForSelector('text=Connected');
    await page.locator('.view').focus();
    await page.keyboard.press('/');
    await page.keyboard.type('turn');
    await says(page, '4 of 4');
    assert.deepEqual(await selected(page), { message: 'turn 60', seen: true, marks: ['turn'] });
    await page.waitForSelector('[data-pause] >> text=Paused');
    await send(service, [line('live', 'INFO', 'turn 80')]);
    await says(page, '4 of 5');
    assert.equal((await selected(page)).message, 'turn 60');
    await page.keyboard.press('Enter');
    await page.keyboard.press('n');
    await says(page, '5 of 5');
    assert.equal((await selected(page)).message, 'turn 80');
    // The oldest entries of a long stream go, and hits with them.
    await page.evaluate(() => window.ml.list.append([], 60));
    await says(page, '3 of 3');
    assert.equal((await selected(page)).message, 'turn 80');
    await page.keyboard.press('N');
    await says(page, '2 of 3');
    assert.equal((await selected(page)).message, 'turn 60');
    await page.click('[data-empty]');
    await says(page, 'Not in these lines');
    await page.keyboard.press('Escape');
    await clean(page);
    await shut(page);
  });

  test('hostile lines and words stay text', async () => {
    await send(service, payloads.map((p) => line('hostile', 'INFO', `${p} tail`)));
    const page = await session.open('/?container=hostile');
    await loaded(page, payloads.length);
    await page.keyboard.press('f');
    for (const p of payloads.filter((p) => /^[\x20-\x7e]+$/.test(p)).slice(0, 25)) {
      await page.fill('.find input', p);
      await page.waitForFunction(() => /^\d+ of \d+$/.test(document.querySelector('.find output').textContent), undefined, { timeout: 10000 });
      assert.ok((await selected(page)).message.toLowerCase().includes(p.toLowerCase()), `${p}: ${await count(page)}`);
    }
    assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('.r .m *')].map((el) => el.tagName).filter((t) => !['MARK', 'SPAN'].includes(t))), []);
    await clean(page);
    await shut(page);
  });
});

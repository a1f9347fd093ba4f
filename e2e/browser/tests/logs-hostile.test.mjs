import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { line, send, startLogs } from '../lines.mjs';
import { Session, clean, crawl, figure, launch, noSideways, shut } from '../pages.mjs';
import { payloads } from '../payloads.mjs';

// forms are the ways in which a line can carry a payload.
const forms = (p) => [
  p, `\x1b[31m${p}\x1b[0m`, `first\n${p}\n${p}`, JSON.stringify({ level: 'info', msg: p, [p]: p, nested: { [p]: [p] }, trace_id: p }),
  `{"msg":"x"} ${p}`, `level=info msg=${JSON.stringify(p)} other=${p}`, `\x1b]8;;${p}\x07${p}\x1b]8;;\x07`, `\x1b]0;${p}\x07\x1b[2J\x1b[${p}m`,
];
const nameOf = (p) => { let name = ''; for (const c of p) { if (new TextEncoder().encode(name + c).length > 190) break; name += c; } return name; };

// look opens everything that a page has and returns what should not be there.
const look = (page) => page.evaluate(() => {
  for (const d of document.querySelectorAll('details')) d.open = true;
  for (const el of document.querySelectorAll('main *')) {
    if (el.closest('.hist, button, a')) continue;
    for (const type of ['mouseover', 'mouseenter', 'focus', 'toggle', 'pointerrawupdate']) el.dispatchEvent(new Event(type, { bubbles: true }));
  }
  const list = (selector, f) => [...document.querySelectorAll(selector)].map(f).filter(Boolean);
  return [
    ...list('a[href], form[action], button[formaction]', (el) => { const h = el.getAttribute('href') ?? el.getAttribute('action') ?? el.getAttribute('formaction'); return /^(\/|\?|#|https?:)/i.test(h) ? '' : h; }),
    ...list('main script, main iframe, main object, main embed, main img, main style, main link, main base, main meta, main video', (el) => el.outerHTML),
    ...list('*', (el) => [...el.attributes].some((a) => a.name.startsWith('on')) ? el.outerHTML.slice(0, 100) : ''),
  ];
});

describe('hostile lines', () => {
  let service, browser, session;
  before(async () => {
    service = await startLogs();
    browser = await launch();
    session = await new Session(browser, service).signIn();
    await send(service, payloads.flatMap((p) => forms(p).map((m, k) => line(k % 2 ? 'plain' : nameOf(p), k % 2 ? 'ERROR' : 'INFO', m))));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('every line is kept as it was sent', async () => {
    const { total_logs: total } = await service.api('/api/stats');
    assert.equal(total, payloads.length * forms('').length);
    const kept = new Set();
    for (let cursor = ''; cursor !== null;) {
      const page = await service.api(`/api/logs?limit=5000&cursor=${encodeURIComponent(cursor)}`);
      for (const e of page.logs) kept.add(e.message);
      cursor = page.next;
    }
    const plain = payloads.filter((p) => !p.endsWith('\n')).filter((p) => !kept.has(p));
    assert.deepEqual(plain, []);
  });

  test('no page runs, loads or leads anywhere', async () => {
    const page = await session.open('/');
    for (const path of ['/', '/live', '/containers']) {
      await page.goto(service.url + path);
      await page.waitForTimeout(150);
      assert.deepEqual(await look(page), [], path);
      await clean(page, path);
    }
    const { total_logs: n } = await service.api('/api/stats');
    for (let id = 1; id <= n; id += 7) {
      await page.goto(`${service.url}/logs/${id}`);
      assert.deepEqual(await look(page), [], `entry ${id}`);
      await clean(page, `entry ${id}`);
    }
    await shut(page);
  });

  test('nor does the list with its drawer, folded and wrapped, nor the context', async () => {
    const page = await session.open('/');
    await page.waitForSelector('.r');
    await page.evaluate(async () => { while (document.querySelector('ml-logs').cursor) await document.querySelector('ml-logs').more(5000); });
    const n = await page.evaluate(() => window.ml.list.items.length);
    assert.equal(n, payloads.length * forms('').length);
    for (let i = 0; i < n; i += 5) {
      await page.evaluate((i) => { const l = window.ml.list; return window.ml.drawer.show(l.select(i)); }, i);
      if (i % 50 === 0) await page.evaluate(() => window.ml.drawer.around());
      if (i % 20 === 0) assert.deepEqual(await look(page), [], `entry ${i} of the list`);
    }
    await page.keyboard.press('Escape');
    await page.keyboard.press('w');
    await page.evaluate(() => { for (const r of document.querySelectorAll('.r')) r.scrollIntoView(); });
    assert.deepEqual(await look(page), [], 'wrapped');
    await clean(page, 'the list');
    await shut(page);
  });

  test('nor when lines come live', async () => {
    const page = await session.open('/live');
    await page.waitForSelector('text=Connected');
    await send(service, payloads.map((p) => line(nameOf(p), 'INFO', p)));
    await page.waitForFunction((n) => window.ml.list.items.length >= n, payloads.length);
    assert.deepEqual(await look(page), []);
    await clean(page, 'live');
    await shut(page);
  });

  test('nor do addresses made of them', async () => {
    const page = await session.open('/');
    for (const [i, p] of payloads.entries()) {
      const q = encodeURIComponent(p);
      const others = [`/?time=${q}&since=${q}&until=${q}&cursor=${q}&stream=${q}`, `/live?search=${q}&container=${q}&level=${q}&column=${q}`, `/not/${encodeURIComponent(p.replaceAll('/', '|'))}`];
      for (const path of [`/?search=${q}&container=${q}&service=${q}&level=${q}&refresh=${q}&column=${q}`, others[i % 3]]) {
        await page.goto(service.url + path);
        await clean(page, `${path.slice(0, 12)} for ${JSON.stringify(p)}`);
      }
    }
    // What was searched is kept by the browser; it comes back as text.
    await page.goto(service.url + '/');
    assert.deepEqual(await look(page), []);
    await clean(page);
    await shut(page);
  });

  test('nor what Docker says about containers', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'monlight-containers-'));
    for (const [i, p] of payloads.entries()) {
      const id = i.toString(16).padStart(64, 'a'), dir = join(folder, id);
      await mkdir(dir);
      await writeFile(join(dir, 'config.v2.json'), JSON.stringify({ ID: id, Name: `/${p}`, Config: { Image: p, Labels: { 'com.docker.compose.service': p, 'com.docker.compose.project': p, [p]: p } } }));
      await writeFile(join(dir, `${id}-json.log`), `${JSON.stringify({ log: `${p}\n`, stream: 'stderr', time: new Date().toISOString() })}\n`);
    }
    const own = await startLogs({ LOG_SOURCES: folder });
    try {
      const reader = await new Session(browser, own).signIn();
      for (let i = 0; (await own.api('/api/containers')).containers.filter((c) => c.service && c.image).length < payloads.length * 0.8; i++) {
        assert.ok(i < 150, 'the containers are not read');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      for (const path of ['/containers', '/', '/live']) {
        const page = await reader.open(path);
        await page.evaluate(() => { for (const b of document.querySelectorAll('[data-more]')) b.click(); });
        assert.deepEqual(await look(page), [], path);
        await noSideways(page, path);
        await clean(page, path);
        await shut(page);
      }
    } finally {
      await own.stop();
      await rm(folder, { recursive: true });
    }
  });

  test('a filter by each hostile container finds its lines', async () => {
    for (const p of payloads) {
      const { total } = await service.api(`/api/logs?container=${encodeURIComponent(nameOf(p))}`);
      assert.ok(total >= 4, `${JSON.stringify(p)}: ${total}`);
    }
  });

  test('nor does any page that a link leads to', async () => {
    const kinds = await crawl(session, ['/', '/live', '/containers', '/logs/1', `/logs/${payloads.length}`], { each: 1, styled: true });
    assert.ok(kinds.length > 5, String(kinds));
    await figure('C1', 'log-viewer', kinds, payloads.length, forms('').length + 5);
  });

  test('long words, long lines and hidden characters do not break the page', async () => {
    const word = 'W'.repeat(190);
    await send(service, [line(word, 'INFO', 'W'.repeat(3000)), line(word, 'WARNING', JSON.stringify({ [word]: 'W'.repeat(5000) })), line('big', 'INFO', 'x'.repeat(200000)), line('hidden', 'INFO', 'invoice\u202egnp.exe\u200b')]);
    const { logs } = await service.api(`/api/logs?container=${word}`);
    for (const path of ['/', '/live', '/containers', '/?search=zebra', ...logs.map((l) => `/logs/${l.id}`)]) {
      const page = await session.open(path, { width: 360, height: 740 });
      await noSideways(page, path);
      await shut(page);
    }
    const page = await session.open('/?container=hidden');
    await page.waitForSelector('.r');
    assert.equal(await page.textContent('.r .m'), 'invoice[U+202E]gnp.exe[U+200B]');
    await page.goto(`${service.url}/?container=big`);
    await page.waitForSelector('.r');
    await page.locator('.r').first().click();
    await page.click('.msg button');
    await page.waitForFunction(() => document.querySelector('.msg').textContent.length === 200000);
    await clean(page);
    await shut(page);
  });
});

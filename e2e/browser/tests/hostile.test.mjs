import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, crawl, figure, launch, noSideways, only, shut, watch } from '../pages.mjs';
import { everywhere, payloads } from '../payloads.mjs';
import { startService } from '../service.mjs';

describe('reports with text that wants to be more', () => {
  let service, browser, session;
  const ids = [];
  before(async () => {
    service = await startService();
    browser = await launch();
    session = await new Session(browser, service).signIn();
    for (const p of payloads) ids.push((await service.report(everywhere(p))).id);
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('every payload became an issue', () => assert.equal(new Set(ids).size, payloads.length));

  test('the watch sees what it must not miss', async () => {
    const page = await (await browser.newContext()).newPage(); // a page without our policy
    watch(page, service.url);
    await page.setContent('<script>window.pwned = 1; alert(1)</script><img src="https://evil.test/x.gif">');
    await page.waitForTimeout(200);
    await assert.rejects(clean(page));
    assert.ok(page.faults.some((f) => f.startsWith('dialog')) && page.faults.some((f) => f.includes('evil.test')), String(page.faults));
    await shut(page);
  });

  test('no page runs, loads or leads anywhere', async () => {
    const page = await session.open('/?state=all');
    for (const path of ['/?state=all', '/?state=all&offset=50', '/alerts']) {
      await page.goto(service.url + path);
      await clean(page, path);
    }
    for (const [k, id] of ids.entries()) {
      const what = `issue ${id} of ${JSON.stringify(payloads[k])}`;
      await page.goto(`${service.url}/errors/${id}`);
      await only(page, what);
    }
    await shut(page);
  });

  test('nor do addresses made of them', async () => {
    const page = await session.open('/');
    for (const p of payloads) {
      const q = encodeURIComponent(p);
      await page.goto(`${service.url}/?search=${q}&project=${q}&environment=${q}&session_id=${q}&time=${q}&state=${q}&sort=${q}&after=${q}`);
      await clean(page, `the list for ${JSON.stringify(p)}`);
      await page.goto(`${service.url}/not/${encodeURIComponent(p.replaceAll('/', '|'))}`);
      await clean(page, `the page that is not there for ${JSON.stringify(p)}`);
    }
    await shut(page);
  });

  test('nor when a script swaps parts of the page', async () => {
    const page = await session.open('/?state=all&refresh=5s');
    await page.evaluate(() => document.querySelector('ml-live').tick());
    await page.waitForTimeout(100);
    await clean(page, 'the list after a refresh');
    await shut(page);
  });

  test('long words and hidden characters do not break the page', async () => {
    const word = 'W'.repeat(700);
    const { id } = await service.report({ ...everywhere(word), project: 'wide' });
    const { id: hidden } = await service.report({ ...everywhere('invoice\u202egnp.exe\u200b'), project: 'hidden' });
    for (const path of ['/?state=all', '/?project=wide&state=all', `/errors/${id}`]) {
      const page = await session.open(path, { width: 360 });
      await noSideways(page, path);
      await shut(page);
    }
    const page = await session.open(`/errors/${hidden}`);
    const shown = await page.textContent('.headline');
    assert.ok(shown.includes('invoice[U+202E]gnp.exe[U+200B]'), shown);
    assert.doesNotMatch(await page.textContent('main'), /[\u202e\u200b]/);
    await shut(page);
  });

  test('nor does any page that a link leads to', async () => {
    const kinds = await crawl(session, ['/?state=all', '/projects', '/alerts', `/errors/${ids[0]}`, `/errors/${ids[ids.length - 1]}`, '/projects/1', '/projects/1/settings', '/projects/1/alerts'], { each: 2 });
    assert.ok(kinds.length > 12, String(kinds));
    const leaves = (v) => (v && typeof v === 'object' ? Object.entries(v).reduce((n, [k, x]) => n + (k === '\u0001' ? 1 : 0) + leaves(x), 0) : v === '\u0001' ? 1 : 0);
    await figure('C1', 'error-tracker', kinds, payloads.length, leaves(everywhere('\u0001')));
  });
});

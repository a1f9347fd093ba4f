import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, noSideways, shut, weigh } from '../pages.mjs';
import { decide, everyOutcome, ship, shopWindow, simple } from '../reports.mjs';
import { startService } from '../service.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('the quality of the pages', () => {
  let service, empty, browser, session, first, id, decided, project, shop, release;
  before(async () => {
    service = await startService({ LOG_VIEWER_URL: 'http://127.0.0.1:5011', METRICS_COLLECTOR_URL: 'http://127.0.0.1:5012' });
    empty = await startService();
    browser = await launch();
    session = await new Session(browser, service).signIn();
    first = await new Session(browser, empty).signIn();
    await shopWindow(service);
    ({ id } = await service.report(ship(44)));
    ({ id: decided } = await service.report(simple('ResolvedError', { release: '1.4.0' })));
    await decide(service, decided);
    project = await everyOutcome(service);
    await service.post('/api/deploys', { project: 'shop', release: 'shop@2.4.1', environment: 'prod', name: 'run 77', url: 'https://ci.example.com/runs/77' });
    shop = (await service.api('/api/projects?details=true')).details.find((p) => p.name === 'shop').id;
    release = (await service.api(`/api/projects/${shop}/releases`)).releases.find((r) => r.release === 'shop@2.4.1').id;
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
    await empty?.stop();
  });

  // Every page and state that a reader can see.
  const views = () => [
    ['list', session, '/?state=all'],
    ['list with a selection', session, '/', (page) => page.locator('[data-check]').first().check()],
    ['no match', session, '/?search=zebra'],
    ['numbers of a tag and a time', session, '/?state=all&time=30m&search=has%3Alevel+-environment%3Anone&sort=trend'],
    ['a wrong search', session, '/?search=env%3Aprod+is%3Alost'],
    ['how to search', session, '/search'],
    ['releases', session, `/releases?project=${project.id}`],
    ['releases of a shop', session, `/releases?project=${shop}`],
    ['no releases', first, '/releases'],
    ['release', session, `/releases/${release}`],
    ['session banner and a wrong time', session, '/?session_id=s-4&time=soon'],
    ['issue', session, `/errors/${id}`],
    ['issue, everything open', session, `/errors/${id}?stats=14d`, (page) => page.evaluate(() => { for (const d of document.querySelectorAll('details:not(.menu)')) d.open = true; })],
    ['mute menu', session, `/errors/${id}`, (page) => page.click('summary:has-text("Mute")')],
    ['resolve menu', session, `/errors/${id}`, (page) => page.click('summary:has-text("Resolve in")')],
    ['issue with activity', session, `/errors/${decided}`],
    ['mute menu in environments', session, `/errors/${decided}`, (page) => page.click('summary:has-text("Mute")')],
    ['delete', session, `/errors/${id}/delete`],
    ['issue not found', session, '/errors/4711', undefined, { status: 404 }],
    ['page not found', session, '/nothing/here', undefined, { status: 404 }],
    ['projects', session, '/projects'],
    ['project', session, `/projects/${project.id}`],
    ['settings of a project', session, `/projects/${project.id}/settings`],
    ['grouping rules', session, `/projects/${project.id}/rules`],
    ['rules that are tried', session, `/projects/${project.id}/rules`, async (page) => {
      await page.fill('textarea', 'type:TypeError -> {{ message }}\n\nmessage:late -> late, "a fingerprint that has a rather long name and goes on and on"');
      await page.click('text=Try on past events');
      await page.waitForSelector('#preview');
    }],
    ['rules with a mistake', session, `/projects/${project.id}/rules`, async (page) => {
      await page.fill('textarea', 'type:TypeError');
      await page.click('text=Save');
      await page.waitForSelector('[role=alert]');
    }],
    ['ingest', session, `/ingest?project=${project.id}`, (page) => page.evaluate(() => { for (const d of document.querySelectorAll('details')) d.open = true; })],
    ['ingest of a week', session, '/ingest?window=week'],
    ['no ingest', first, '/ingest'],
    ['alerts', session, '/alerts'],
    ['help dialog', session, '/', (page) => page.keyboard.press('?')],
    ['first run', first, '/'],
    ['sign-in', first, '/', undefined, { signedIn: false }],
  ];

  for (const scheme of ['light', 'dark']) {
    test(`axe finds nothing in ${scheme} colours`, async () => {
      for (const [name, from, path, act, options] of views()) {
        const page = await from.open(path, { scheme, ...options });
        await act?.(page);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
        assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).slice(0, 3).join(' | ')}`), [], `${name}, ${scheme}`);
        await clean(page, name);
        await shut(page);
      }
    });
  }

  test('nothing is wider than 360, 768 or 1280 pixels', async () => {
    for (const [name, from, path, act, options] of views()) {
      for (const width of [360, 768, 1280]) {
        const page = await from.open(path, { width, height: 740, ...options });
        if (width === 1280 || !name.includes('dialog')) await act?.(page);
        await noSideways(page, `${name} at ${width} px`);
        await shut(page);
      }
    }
  });

  test('a first visit of a full list loads at most 15 KiB', async () => {
    for (let n = 0; n < 60; n++) await service.report({ ...ship(n), project: 'full', exception_type: `Failure${n}`, exceptions: undefined, message: `cannot ship order ${n}: no address`, traceback: `Failure${n}: cannot ship\n    at ship${n} (app/orders${n}.py:214)` });
    for (const [path, limit] of [['/?project=full', 15 * 1024], [`/errors/${id}`, 18 * 1024]]) {
      const bytes = await weigh(session, service.url + path);
      assert.ok(bytes <= limit, `${path} weighs ${bytes} bytes, the limit is ${limit}`);
    }
  });
});

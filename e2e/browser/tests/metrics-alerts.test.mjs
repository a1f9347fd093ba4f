// What the error tracker alerted about, in the charts of the metrics collector, by
// the two real services.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Session, clean, launch, only, shut } from '../pages.mjs';
import { payloads } from '../payloads.mjs';
import { startService } from '../service.mjs';

const explore = (more) => `/explore?metric=http_requests_total&period=1h&${more}`;

describe('alerts in charts', () => {
  let errors, metrics, browser, session, began, issue;
  before(async () => {
    errors = await startService();
    metrics = await startService({ ERROR_TRACKER_URL: errors.url, ERROR_TRACKER_API_KEY: errors.key }, 'metrics-collector');
    browser = await launch();
    const minutes = Array.from({ length: 30 }, (_, n) => new Date(Date.now() - n * 60_000).toISOString());
    await metrics.post('/api/metrics', ['shop', 'many', 'hostile'].flatMap((project) => minutes.map((timestamp, n) => ({ name: 'http_requests_total', type: 'counter', value: 10 + n, project, timestamp }))));
    const report = (project, exception_type, message) => errors.report({ project, exception_type, message, traceback: `${exception_type}: x\n    at q (app/${exception_type}.py:1)` });
    began = Date.now();
    issue = (await report('shop', 'ValueError', 'no such <b>order</b>')).id;
    for (let n = 0; n < 3; n++) await report('shop', 'ValueError', 'no such <b>order</b>');
    for (const type of ['KeyError', 'TypeError', 'OSError', 'EOFError', 'NameError']) await report('many', type, 'boom');
    for (const [n, p] of payloads.entries()) await report('hostile', `E${n}`, p.slice(0, 300) || 'x');
    session = await new Session(browser, metrics).signIn();
  });
  after(async () => {
    await browser?.close();
    await metrics?.stop();
    await errors?.stop();
  });

  // A page that did not wait long enough has them at the next look.
  const open = async (path, list = '.alerts li') => {
    const page = await session.open(path);
    for (let i = 0; !await page.locator(list).count(); i++) {
      assert.ok(i < 50, `no alerts on ${path}: ${await page.textContent('main')}`);
      await page.reload();
    }
    await page.waitForSelector('ml-chart.drawn .u-over .alert');
    return page;
  };
  // Where a click may lead, the services being different origins.
  const leads = async (page, act) => {
    const asked = page.waitForRequest((r) => r.isNavigationRequest());
    await act();
    assert.equal((await asked).url(), `${errors.url}/errors/${issue}`);
  };

  test('a new issue is a mark at its time, and leads to the issue by a click', async () => {
    const page = await open(explore('project=shop'));
    assert.equal(await page.locator('.alerts li').count(), 1, 'later events make no further alert');
    assert.match(await page.textContent('.alerts li'), /ValueError: no such <b>order<\/b> — new, in shop, at/);
    const at = await page.evaluate(() => {
      const chart = document.querySelector('ml-chart'), over = chart.querySelector('.u-over').getBoundingClientRect(), mark = chart.querySelector('.alert').getBoundingClientRect();
      const { from, to } = chart.dataset;
      return (Number(from) + (mark.left - over.left) / over.width * (to - from)) * 1000;
    });
    assert.ok(Math.abs(at - began) < 30_000, `the mark is ${Math.round((at - began) / 1000)} s from the alert`);
    const mark = page.locator('.u-over .alert a');
    assert.equal(await mark.count(), 1);
    assert.equal(await mark.getAttribute('title'), 'ValueError: no such <b>order</b>');
    assert.equal(await mark.getAttribute('tabindex'), '-1', 'what is hidden from screen readers is not in the way of the keyboard');
    // It is drawn once, whatever the size.
    await page.setViewportSize({ width: 700, height: 800 });
    await page.waitForFunction(() => document.querySelector('ml-chart .plot').clientWidth < 700 && document.querySelectorAll('.u-over .alert').length === 1);
    await clean(page);
    await leads(page, () => mark.click());
    await shut(page);
  });

  test('and by the keyboard, from the list below, also without scripts', async () => {
    const page = await open(explore('project=shop'));
    await page.locator('.alerts a').focus();
    await leads(page, () => page.keyboard.press('Enter'));
    await shut(page);
    const plain = await session.open(explore('project=shop'), { js: false });
    assert.equal(await plain.getAttribute('.alerts a', 'href'), `${errors.url}/errors/${issue}`);
    await shut(plain);
  });

  test('alerts that would cover each other are one mark with their number, which leads to the list', async () => {
    const page = await open(explore('project=many'));
    const mark = page.locator('.u-over .alert a');
    assert.equal(await mark.count(), 1);
    assert.equal(await mark.textContent(), '5');
    assert.deepEqual((await mark.getAttribute('title')).split('\n'), ['5 alerts', ...['KeyError', 'TypeError', 'OSError', 'EOFError', 'NameError'].map((t) => `${t}: boom`)]);
    await mark.click();
    assert.equal(new URL(page.url()).hash, '#alerts');
    assert.equal(await page.locator('#alerts li').count(), 5);
    await clean(page);
    await shut(page);
  });

  test('titles are only ever text', async () => {
    const page = await open(explore('project=hostile'));
    const count = await page.locator('.alerts li').count();
    assert.ok(count > 20, `only ${count} alerts`);
    for (const title of await page.$$eval('.u-over .alert a', (list) => list.map((a) => [a.children.length, a.title.split('\n').length]))) {
      assert.ok(title[0] === 0 && title[1] <= 9, `${title}`);
    }
    await only(page, 'alerts');
    await clean(page);
    await shut(page);
  });
});

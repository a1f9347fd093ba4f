import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inspect } from '../gates.mjs';
import { busyShop, day, send, startMetrics } from '../metrics.mjs';
import { Session, launch, shut, weigh } from '../pages.mjs';
import { metrics } from '../screens/metrics.mjs';

const others = { ERROR_TRACKER_URL: 'http://127.0.0.1:5010', LOG_VIEWER_URL: 'http://127.0.0.1:5011' };

inspect('the quality of the pages of metrics', metrics);

describe('the pages of metrics', () => {
  let service, browser, session;
  before(async () => {
    service = await startMetrics(others);
    browser = await launch();
    session = await new Session(browser, service).signIn();
    await send(service, day());
    for (const d of [{ slug: 'web', title: 'Web', panels: [{ metric: 'http_requests_total', agg: 'rate', by: ['status'] }, { metric: 'queue_depth', title: 'Queues', by: ['queue'] }, { metric: 'http_request_duration_seconds', agg: 'p99' }] }, { slug: 'none', title: 'Without panels', panels: [] }]) {
      const page = await session.open('/dashboards');
      await page.fill('textarea[name=file]', JSON.stringify(d));
      await page.click('button:has-text("Save")');
      await page.waitForURL(/\/dashboards\/\w/);
      await shut(page);
    }
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('pages are read without JavaScript', async () => {
    for (const [path, texts] of [['/', ['144k', 'Requests per second', 'Largest contentful paint']], ['/explore?metric=queue_depth&by=queue&step=1h', ['images', 'mail']], ['/dashboards/web', ['Queues']], ['/cardinality', ['http_requests_total']]]) {
      const page = await session.open(path, { js: false });
      const text = await page.textContent('main');
      for (const t of texts) assert.ok(text.includes(t), `${path}: ${t}`);
      assert.equal(await page.locator('.plot:visible').count(), 0, 'a place for a chart that nobody draws');
      // Tables are another page, whose links lead to pages with tables.
      assert.equal(await page.locator('ml-chart summary:visible').count(), 0, 'something to unfold with nothing in it');
      const charts = await page.locator('ml-chart').count();
      if (charts > 0) {
        assert.equal(await page.locator('ml-chart a:visible:has-text("Show as a table")').count(), charts);
        await page.locator('ml-chart a:has-text("Show as a table")').first().click();
        await page.waitForLoadState(); // a click waits for the beginning of the page alone
        assert.match(page.url(), /tables=yes/);
        assert.equal(await page.locator('ml-chart table.values').count(), charts);
        for (let i = 0; i < charts; i++) assert.ok(await page.locator('ml-chart tbody').nth(i).locator('tr').first().isVisible());
        await page.click('button:has-text("Show")');
        assert.match(page.url(), /tables=yes/);
      }
      await shut(page);
    }
    const page = await session.open('/explore', { js: false });
    await page.selectOption('select[name=metric]', 'queue_depth');
    await page.fill('input[name=by]', 'queue');
    await page.click('button:has-text("Show")');
    assert.match(page.url(), /metric=queue_depth.*by=queue|by=queue.*metric=queue_depth/);
    await page.click('a:has-text("Show as a table")');
    // A value in the row that is not over: it may have ended since the rest was sent.
    const now = { name: 'queue_depth', type: 'gauge', value: 7, labels: { queue: 'mail' }, project: 'jobs' };
    for (let tries = 0; tries < 2 && !/not over/.test(await page.textContent('main')); tries++) {
      await send(service, [now]);
      await page.reload();
    }
    assert.match(await page.textContent('main'), /not over/);
    assert.deepEqual(await page.$$eval('table.values thead th', (h) => h.map((c) => c.textContent)), ['Time', 'images', 'mail']);
    await shut(page);
  });

  test('a chart and its table say the same to those who do not see', async () => {
    const page = await session.open('/explore?metric=http_requests_total&by=status&step=1h');
    await page.waitForSelector('ml-chart.drawn canvas');
    assert.equal(await page.getAttribute('ml-chart .plot', 'aria-hidden'), 'true');
    await page.click('summary:has-text("Show as a table")');
    const table = page.getByRole('table', { name: 'http_requests_total' });
    await table.waitFor(); // a script makes it when it is unfolded
    assert.deepEqual(await table.getByRole('columnheader').allTextContents(), ['Time', '200', '404', '503']);
    assert.ok(await table.getByRole('rowheader').count() >= 24);
    assert.match(await table.getByRole('row').nth(3).innerText(), /\/s/);
    await shut(page);
  });

  test('a first visit loads at most 40 KiB, with the values of a day', async () => {
    for (const [path, limit] of [['/?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z', 40], ['/', 40], ['/explore?metric=http_request_duration_seconds&by=endpoint', 40], ['/dashboards/none', 40], ['/dashboards', 15], ['/cardinality', 15]]) {
      const bytes = await weigh(session, service.url + path);
      assert.ok(bytes <= limit * 1024, `${path} weighs ${bytes} bytes, the limit is ${limit} KiB`);
    }
  });

  test('a first visit of a chart of six lines of noise, 5 minutes apart, loads at most 40 KiB', async () => {
    const other = await startMetrics();
    try {
      await send(other, busyShop());
      const reader = await new Session(browser, other).signIn();
      const page = '/explore?metric=http_request_duration_seconds&by=endpoint&step=5m&tables=yes';
      const table = await (await fetch(other.url + page, { headers: { 'X-API-Key': other.key } })).text();
      assert.ok(table.match(/<td class="num">[^<]*\d/g).length > 6 * 280, 'six lines of a day');
      const bytes = await weigh(reader, other.url + page.replace('&tables=yes', ''));
      assert.ok(bytes <= 40 * 1024, `it weighs ${bytes} bytes`);
    } finally {
      await other.stop();
    }
  });
});

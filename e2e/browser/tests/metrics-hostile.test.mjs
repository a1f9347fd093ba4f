import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { send, startMetrics, tables } from '../metrics.mjs';
import { Session, crawl, figure, launch, only, shut } from '../pages.mjs';
import { payloads } from '../payloads.mjs';

const text = (p, bytes) => Buffer.from(p).subarray(0, bytes).toString().replace(/\ufffd+$/, '') || 'x';

describe('text from outside on the pages of metrics', () => {
  let service, browser, session;
  before(async () => {
    service = await startMetrics({ RATE_LIMIT: '1000000' });
    browser = await launch();
    session = await new Session(browser, service).signIn();
    const points = payloads.flatMap((p, n) => [
      { name: text(p, 200), type: ['counter', 'gauge', 'histogram'][n % 3], value: n + 1, project: text(p, 100), labels: { [text(p, 100)]: text(p, 256), endpoint: text(p, 256) } },
      { name: 'http_requests_total', type: 'counter', value: 1, labels: { endpoint: text(p, 256), method: text(p, 256), status: n % 2 ? '500' : text(p, 256) } },
      { name: 'http_request_duration_seconds', type: 'histogram', value: 0.1, labels: { endpoint: text(p, 256), method: text(p, 256) } },
      { name: 'web_vitals_lcp', type: 'histogram', value: 1000 + n, labels: { source: 'browser', page: text(p, 256) } },
    ]);
    const { count, errors } = await service.post('/api/metrics?partial=1', points.slice(0, 1000));
    assert.ok(count > 0.9 * points.length, `${count} of ${points.length} points: ${JSON.stringify(errors?.slice(0, 3))}`);
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('is only ever text, in names, labels, projects and addresses', async () => {
    const page = await session.open('/');
    const links = await page.$$eval('a[href*="/explore?"]', (list) => list.map((a) => a.getAttribute('href')));
    const each = payloads.map((p) => new URLSearchParams({ metric: text(p, 200), project: text(p, 100), by: text(p, 200), match: text(p, 400), agg: p, step: p, period: p, from: p, to: p, refresh: p, slug: p }));
    const plain = payloads.map((p) => `/explore?${new URLSearchParams({ metric: text(p, 200), by: text(p, 100).replaceAll(',', '') })}`);
    const paths = ['/', '/explore', '/dashboards', '/cardinality', '/explore?metric=http_requests_total&by=endpoint,method', '/explore?metric=web_vitals_lcp&by=page', ...new Set(links), ...plain, ...each.map((q, n) => `${['/explore', '/', '/cardinality'][n % 3]}?${q}`)];
    for (const path of paths) {
      const answer = await page.goto(service.url + path);
      assert.ok(answer.status() < 500, `${path}: ${answer.status()}`);
      await only(page, path);
    }
    await shut(page);
  });

  test('is only ever text in a chart, where a script has drawn it', async () => {
    const page = await session.open('/explore?metric=http_requests_total&by=endpoint,method,status');
    await page.waitForSelector('ml-chart.drawn canvas');
    const labels = await page.$$eval('.u-legend .u-label', (list) => list.map((l) => [l.children.length, l.textContent]));
    await tables(page);
    const heads = await page.$$eval('table.values thead th', (list) => list.map((h) => h.textContent));
    assert.deepEqual(labels.map(([, t]) => t.replace(/\s+/g, ' ')), heads.map((h) => h.replace(/\s+/g, ' ')));
    assert.ok(labels.every(([children]) => children === 0), 'a label has elements in it');
    await only(page, 'chart');
    await shut(page);
  });

  test('is only ever text on dashboards, and formulas stay text in files', async () => {
    const panels = payloads.slice(0, 20).map((p) => ({ metric: text(p, 200), title: text(p, 100), match: '', by: [text(p, 100).replaceAll(',', '')], project: '' }));
    const page = await session.open('/dashboards');
    await page.fill('textarea[name=file]', JSON.stringify({ slug: 'hostile', title: text(payloads[2], 100), panels }));
    await page.click('button:has-text("Save")');
    await page.waitForURL(/\/dashboards\/hostile$/);
    assert.equal(await page.locator('.charts h2').count(), panels.length);
    await page.waitForTimeout(300);
    await only(page, 'dashboard');
    await page.goto(`${service.url}/dashboards`);
    await only(page, 'dashboards');
    await send(service, ['=1+1', '@SUM(A1)', '+1', '-1', '\t=1'].map((v) => ({ name: 'formulas', type: 'gauge', value: 1, labels: { v } })));
    const file = await (await page.request.get(`${service.url}/explore.csv?metric=formulas&by=v&period=1h`)).text();
    assert.equal(file.split('\n')[0].split(',').filter((cell) => /^"?[=+@\t-]/.test(cell)).length, 0, file.split('\n')[0]);
    assert.equal(file.split('\n')[0].split(',').length, 6);
    await shut(page);
  });

  test('is only ever text on every page that a link leads to', async () => {
    const kinds = await crawl(session, ['/', '/explore', '/dashboards', '/cardinality', '/dashboards/hostile', '/explore?metric=http_requests_total&by=endpoint,method']);
    assert.ok(kinds.length > 6, String(kinds));
    await figure('C1', 'metrics-collector', kinds, payloads.length, 15);
  });

  test('forms of other sites change nothing', async () => {
    const cookie = session.state.cookies.map((c) => `${c.name}=${c.value}`).join('; ');
    for (const path of ['/dashboards', '/dashboards/hostile', '/api/metrics']) {
      const answer = await fetch(service.url + path, {
        method: 'POST', redirect: 'manual', body: 'action=delete&confirm=yes&title=x',
        headers: { Cookie: cookie, Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'application/x-www-form-urlencoded' },
      });
      assert.equal(answer.status, 403, path);
    }
  });
});

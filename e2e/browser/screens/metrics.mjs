// The screens of the metrics collector.
import { execFileSync } from 'node:child_process';
import { busyShop, send, startMetrics } from '../metrics.mjs';
import { Session, shut } from '../pages.mjs';
import { startService } from '../service.mjs';
import { help, spoil, unfold, wrongKey } from './acts.mjs';

const dashboards = [
  { slug: 'shop', title: 'Shop', panels: [
    { metric: 'http_requests_total', title: 'Requests by status', agg: 'rate', by: ['status'] },
    { metric: 'http_request_duration_seconds', title: 'Duration, 95th percentile by route', agg: 'p95', by: ['endpoint'] },
    { metric: 'queue_depth', title: 'Jobs that wait', by: ['worker'] },
    { metric: 'web_vitals_lcp', title: 'Largest contentful paint by page', agg: 'p75', by: ['page'] },
  ] },
  { slug: 'none', title: 'Without panels', panels: [] },
];

// What the shop's bad hour looks like in the error tracker: a deploy, then alerts.
const mistakes = [
  [20.4, 'StaleCacheWarning', 'price list is older than 10 minutes'], [5.9, 'TimeoutError', 'pool of the database is empty'], [5.85, 'PaymentDeclined', 'card issuer does not answer'],
  [5.8, 'OrderConflict', 'order was changed by another request'], [5.4, 'SearchTimeout', 'search took longer than 2 s'], [1.2, 'KeyError', "'voucher'"],
];
const happened = `
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for n, hours in enumerate(sys.argv[2:]):
    db.execute("UPDATE alert_log SET at = ? WHERE id = ?", [int((time.time() - float(hours) * 3600) * 1000), n + 1])
db.close()
`;
async function startErrors() {
  const errors = await startService();
  for (const [, exception_type, message] of mistakes) await errors.report({ project: 'shop', exception_type, message, traceback: `${exception_type}: x\n    at q (app/${exception_type}.py:1)` });
  await errors.post('/api/deploys', { project: 'shop', release: '2.4.1', environment: 'production', time: new Date(Date.now() - 6.1 * 3600e3).toISOString() });
  await errors.between((database) => execFileSync('python3', ['-c', happened, database, ...mistakes.map(([hours]) => String(hours))]));
  return errors;
}

const drawn = (page) => page.waitForSelector('ml-chart.drawn canvas');
const duration = 'metric=http_request_duration_seconds&by=endpoint&agg=p95';

export const metrics = {
  name: 'metrics-collector',

  async start(browser) {
    const errors = await startErrors();
    const service = await startMetrics({ ERROR_TRACKER_URL: errors.url, ERROR_TRACKER_API_KEY: errors.key, LOG_VIEWER_URL: 'http://127.0.0.1:5011', BROWSER_RELAY_URL: 'http://127.0.0.1:5013' });
    const [empty, broken] = await Promise.all([startMetrics(), startMetrics()]);
    const stop = () => Promise.all([errors, service, empty, broken].map((s) => s.stop()));
    try {
      const [reader, first, failing] = await Promise.all([service, empty, broken].map((s) => new Session(browser, s).signIn()));
      await send(service, busyShop());
      await send(broken, [{ name: 'x', type: 'gauge', value: 1 }]);
      spoil(broken.database);
      const page = await reader.open(undefined);
      for (const d of dashboards) {
        await page.goto(`${service.url}/dashboards`);
        await page.fill('textarea[name=file]', JSON.stringify(d));
        await page.click('button:has-text("Save")');
        await page.waitForURL(`**/dashboards/${d.slug}`);
      }
      await shut(page);
      return { service, reader, viewer: await reader.viewer(), first, failing, stop };
    } catch (err) {
      await stop();
      throw err;
    }
  },

  changes: '/dashboards',
  screens: [
    { name: 'overview', path: '/?period=24h', act: drawn, small: true },
    { name: 'overview-unfolded', path: '/?period=1h', act: unfold },
    { name: 'overview-no-values', path: '/?project=jobs&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z', small: true },
    { name: 'overview-wrong-range', path: '/?period=soon' },
    { name: 'explore', path: `/explore?${duration}&period=24h`, act: drawn, small: true },
    { name: 'explore-compared', path: '/explore?metric=http_requests_total&agg=rate&period=24h&compare=previous', act: drawn },
    { name: 'explore-unfolded', path: '/explore?metric=http_requests_total&by=status,method&step=1h&compare=previous', act: unfold },
    { name: 'explore-mistake', path: '/explore?metric=http_requests_total&match=status', status: 400 },
    { name: 'explore-no-values', path: '/explore?metric=queue_depth&match=worker%3D%22none%22' },
    { name: 'dashboards', path: '/dashboards' },
    { name: 'dashboard', path: '/dashboards/shop?period=24h', act: drawn, small: true },
    { name: 'dashboard-unfolded', path: '/dashboards/shop?period=1h', act: unfold },
    { name: 'dashboard-without-panels', path: '/dashboards/none' },
    { name: 'dashboard-not-found', path: '/dashboards/nowhere', status: 404 },
    { name: 'dashboard-delete-dialog', path: '/dashboards/shop', act: async (page) => { await unfold(page); await page.click('button:has-text("Delete dashboard")'); await page.waitForSelector('#confirm[open]'); } },
    { name: 'cardinality', path: '/cardinality', small: true },
    { name: 'cardinality-of-a-search', path: '/cardinality?search=vitals' },
    { name: 'cardinality-none-match', path: '/cardinality?search=zebra' },
    { name: 'keys', path: '/', act: help },
    { name: 'read-only', of: 'viewer', path: '/dashboards' },
    { name: 'first-run', of: 'first', path: '/', small: true },
    { name: 'explore-first-run', of: 'first', path: '/explore' },
    { name: 'cardinality-first-run', of: 'first', path: '/cardinality' },
    { name: 'page-not-found', path: '/nothing/here', status: 404 },
    { name: 'failure', of: 'failing', path: '/', status: 500 },
    { name: 'sign-in', of: 'first', path: '/', signedIn: false },
    { name: 'sign-in-refused', of: 'first', path: '/', signedIn: false, act: wrongKey },
    { name: 'without-scripts', path: '/?period=24h', js: false },
  ],
};

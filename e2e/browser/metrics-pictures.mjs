// node metrics-pictures.mjs URL KEY: pictures of a metrics collector that metrics-collector/demo has filled, for the documents.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Session, clean, launch, shut } from './pages.mjs';

const [url, key] = process.argv.slice(2);
if (!key) throw new Error('usage: node metrics-pictures.mjs URL KEY');
const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const duration = 'metric=http_request_duration_seconds';
const dashboard = {
  slug: 'shop', title: 'Shop', panels: [
    { metric: 'http_requests_total', title: 'Requests by status', agg: 'rate', by: ['status'] },
    { metric: 'http_request_duration_seconds', title: 'Duration, 95th percentile by route', agg: 'p95', by: ['endpoint'] },
    { metric: 'http_request_duration_seconds', title: 'Duration, 99th percentile', agg: 'p99' },
    { metric: 'web_vitals_lcp', title: 'Largest contentful paint by page', agg: 'p75', by: ['page'] },
  ],
};
const wide = [['light', 1280], ['dark', 1280]], both = [...wide, ['light', 360], ['dark', 360]];
const browser = await launch();
try {
  const session = await new Session(browser, { url, key }).signIn();
  const page = await session.open('/dashboards');
  await page.fill('textarea[name=file]', JSON.stringify(dashboard));
  await page.click('button:has-text("Save")');
  await page.waitForURL(/\/dashboards\/shop$/);
  await shut(page);
  for (const [name, path, sizes] of [
    ['overview', '/?period=24h', both],
    ['explore', `/explore?${duration}&by=endpoint&agg=p95&period=24h`, both],
    ['compare', '/explore?metric=http_requests_total&agg=rate&period=7d&compare=previous', wide],
    ['dashboard', '/dashboards/shop?period=24h', wide],
    ['cardinality', '/cardinality', wide],
  ]) {
    for (const [scheme, width] of sizes) {
      const view = await session.open(path, { scheme, width, height: 900, zone: 'UTC' });
      await view.waitForTimeout(400); // charts are drawn
      const file = `${folder}metrics-collector-${name}-${scheme}-${width}.png`;
      await view.screenshot({ path: file });
      execFileSync('convert', [file, '-strip', '+dither', '-colors', '128', '-define', 'png:compression-level=9', `PNG8:${file}`]);
      await clean(view);
      await shut(view);
    }
  }
} finally {
  await browser.close();
}

// Starts a metrics-collector and sends it what a shop would.
import { startService } from './service.mjs';

export const startMetrics = (env = {}) => startService(env, 'metrics-collector');

// send posts points, as many at a time as a body may have.
export async function send(service, points) {
  for (let i = 0; i < points.length; i += 1000) await service.post('/api/metrics', points.slice(i, i + 1000));
}

/** tables unfolds the tables of all charts, which a script makes then. */
export async function tables(page) {
  await page.waitForSelector('ml-chart.drawn');
  await page.evaluate(() => { for (const d of document.querySelectorAll('ml-chart details')) d.open = true; });
  await page.waitForFunction(() => [...document.querySelectorAll('ml-chart details')].every((d) => d.querySelector('tbody')));
}

const routes = [['GET', '/'], ['GET', '/products/{id}'], ['POST', '/cart'], ['POST', '/checkout']];
const sites = ['/', '/products/{id}', '/checkout'];

// day is 24 hours of a shop, up to now: HTTP, web vitals, and a gauge with a
// hole of an hour in it. Nothing in it is random.
export function day(now = Date.now()) {
  const points = [];
  const add = (ms, name, type, value, labels, project = 'shop') => points.push({ name, type, value, labels, project, timestamp: new Date(ms).toISOString() });
  for (let minute = 24 * 60 - 1; minute >= 0; minute--) {
    const ms = now - minute * 60000, wave = 1 + Math.sin(minute / 229);
    const [method, endpoint] = routes[minute % routes.length];
    const status = minute % 37 === 0 ? '503' : minute % 11 === 0 ? '404' : '200';
    add(ms, 'http_requests_total', 'counter', Math.round(40 + 60 * wave), { method, endpoint, status });
    for (let n = 1; n <= 3; n++) add(ms, 'http_request_duration_seconds', 'histogram', 0.01 * n * (1 + wave) + (minute % 50 === 0 ? 0.9 : 0), { method, endpoint });
    if (minute < 300 || minute > 360) add(ms, 'queue_depth', 'gauge', Math.round(12 * wave) + (minute % 5), { queue: minute % 2 ? 'mail' : 'images' }, 'jobs');
    if (minute % 3 === 0) {
      const page = sites[(minute / 3) % sites.length];
      add(ms, 'web_vitals_lcp', 'histogram', 1200 + 900 * wave, { page, source: 'browser' });
      add(ms, 'web_vitals_inp', 'histogram', 90 + 150 * wave, { page, source: 'browser' });
      add(ms, 'web_vitals_cls', 'histogram', 0.02 + 0.14 * wave, { page, source: 'browser' });
    }
  }
  return points;
}

const traffic = [['GET', '/', 0.3, 0.012, 0.001], ['GET', '/products', 0.28, 0.035, 0.002], ['GET', '/products/{id}', 0.22, 0.018, 0.004],
  ['POST', '/cart', 0.1, 0.06, 0.008], ['POST', '/checkout', 0.04, 0.24, 0.02], ['GET', '/search', 0.06, 0.11, 0.006]];

/**
 * busyShop is two days of a shop up to now, with nights, noise and a bad hour, for
 * eyes: six routes, a queue, and the web vitals of three pages. The noise is the
 * same in every run.
 */
export function busyShop(now = Date.now(), days = 2) {
  let seed = 11;
  const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const points = [], minute = 60000, end = Math.floor(now / 300000) * 300000;
  // Every five minutes, and every minute of the last hour.
  const times = [...Array.from({ length: days * 288 - 12 }, (_, n) => (days * 288 - n) * 5), ...Array.from({ length: 60 }, (_, n) => 60 - n)];
  for (const ago of times) {
    const ms = end - ago * minute, hour = (ms / 3600e3) % 24, part = ago <= 60 ? 0.2 : 1;
    const busy = 0.35 + 0.65 * Math.sin(Math.PI * ((hour + 20) % 24) / 24) ** 2, bad = ago >= 300 && ago < 360 ? 6 : 1;
    const add = (name, type, value, labels, project = 'shop') => points.push({ name, type, value, labels, project, timestamp: new Date(ms).toISOString() });
    for (const [method, endpoint, share, median, failing] of traffic) {
      const requests = Math.round(busy * share * 6000 * part * (0.9 + 0.2 * random())), failed = Math.min(requests, Math.round(requests * failing * bad * 2 * random()));
      add('http_requests_total', 'counter', requests - failed, { method, endpoint, status: '200' });
      if (failed) add('http_requests_total', 'counter', failed, { method, endpoint, status: '500' });
      for (let k = 0; k < 4; k++) add('http_request_duration_seconds', 'histogram', median * Math.exp(normal() * 0.5) * (0.7 + 0.6 * busy) * Math.sqrt(bad), { method, endpoint });
    }
    for (const worker of ['1', '2', '3']) add('queue_depth', 'gauge', Math.round(busy * 40 * random() * bad), { worker }, 'jobs');
    for (const page of ['/', '/products', '/checkout']) {
      for (const [name, median, spread] of [['lcp', 1700, 0.35], ['inp', 110, 0.6], ['cls', 0.05, 0.9], ['fcp', 1100, 0.3], ['ttfb', 320, 0.4]]) {
        add(`web_vitals_${name}`, 'histogram', median * Math.exp(normal() * spread) * (0.8 + 0.4 * busy), { page, source: 'browser' });
      }
    }
  }
  return points;
}

// Much data, and fast: what a busy company has after a month. Nothing in it is random.
import { relayAPI } from './relay.mjs';

const words = ['order', 'cart', 'invoice', 'customer', 'stock', 'refund', 'label', 'voucher', 'address', 'parcel', 'price', 'session', 'token', 'queue', 'mail', 'image', 'report', 'export', 'import', 'search'];
const word = (n) => words[n % words.length];

// inParallel runs task(i) for each i below n, four at a time, and again when the
// service says that it is busy.
async function inParallel(n, task) {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < n; i = next++) {
      for (let tries = 0; ; tries++) {
        try { await task(i); break; } catch (err) {
          if (tries === 200 || !/: (429|503) /.test(err.message)) throw err;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

// fillErrors reports issues × events errors of 12 projects.
export async function fillErrors(service, issues, events) {
  const report = (n) => {
    const issue = Math.floor(n / events), w = word(issue), fn = `save_${w}_${issue}`;
    return {
      project: `service-${issue % 12}`, environment: n % 5 ? 'production' : 'staging', exception_type: issue % 3 ? 'ValueError' : 'TimeoutError', message: `cannot ${fn}: ${word(n)} is missing`,
      level: issue % 7 ? 'error' : 'warning', release: `service@1.${n % 10}.0`, server_name: `web-${n % 6}`, transaction: `POST /${w}s`, request_method: 'POST', request_url: `https://shop.example/${w}s/${n}`,
      user: { id: String(n % 900) }, tags: { region: `eu-${n % 4}`, plan: n % 3 ? 'free' : 'business' },
      traceback: `Traceback (most recent call last):\n  File "/srv/app/views/${w}.py", line ${40 + issue % 50}, in post\n    self.${fn}(order)\n  File "/srv/app/store/${w}.py", line ${90 + issue % 50}, in ${fn}\n    raise error(order)\nValueError: cannot ${fn}`,
    };
  };
  const each = 100;
  await inParallel(issues * events / each, (i) => service.post('/api/errors/batch', { reports: Array.from({ length: each }, (_, k) => report(i * each + k)) }));
}

// fillLogs sends n lines of 12 containers over three days.
export async function fillLogs(service, n) {
  const each = 5000, began = Date.now() - 72 * 3600e3;
  const text = (i) => {
    if (i % 40 === 0) return `Traceback (most recent call last):\n  File "/srv/app/${word(i)}.py", line ${i % 90}, in save\n    raise ValueError()\nValueError: no ${word(i + 3)} ${i}`;
    if (i % 3 === 0) return JSON.stringify({ level: 'info', msg: `${word(i)} done`, path: `/${word(i + 1)}s/${i % 5000}`, status: i % 50 ? 200 : 500, duration_ms: i % 900, trace_id: (i * 2654435761 >>> 0).toString(16).padStart(32, '0') });
    return `172.18.0.${i % 8} - - "GET /${word(i)}s/${i % 9000} HTTP/1.1" ${i % 20 ? 200 : 404} ${i % 9000} "Mozilla/5.0 (X11; Linux x86_64)"`;
  };
  const level = (i) => i % 40 === 0 ? 'ERROR' : i % 50 === 0 ? 'WARNING' : i % 11 === 0 ? 'DEBUG' : 'INFO';
  await inParallel(n / each, (b) => service.post('/api/logs', Array.from({ length: each }, (_, k) => {
    const i = b * each + k;
    return { container: `app-${i % 12}`, level: level(i), message: text(i), timestamp: new Date(began + i / n * 72 * 3600e3).toISOString() };
  })));
}

// fillMetrics sends n series over 30 days, as the collector keeps them: a point an
// hour, and one a minute in the last hours.
export async function fillMetrics(service, n) {
  const paths = Array.from({ length: 20 }, (_, i) => `/${word(i)}s/{id}`), statuses = ['200', '404', '500'];
  const series = Array.from({ length: n }, (_, i) => {
    const labels = { method: i % 2 ? 'POST' : 'GET', endpoint: paths[i % paths.length] }, project = `service-${i % 4}`;
    if (i % 5 === 0) return { name: 'http_requests_total', type: 'counter', labels: { ...labels, status: statuses[Math.floor(i / 5) % 3] }, project };
    if (i % 5 === 1) return { name: 'http_request_duration_seconds', type: 'histogram', labels, project };
    if (i % 5 === 2) return { name: ['web_vitals_lcp', 'web_vitals_inp', 'web_vitals_cls', 'web_vitals_fcp', 'web_vitals_ttfb'][Math.floor(i / 5) % 5], type: 'histogram', labels: { page: paths[Math.floor(i / 25) % paths.length], source: 'browser' }, project };
    return { name: `queue_depth_${word(i)}`, type: 'gauge', labels: { worker: `w-${i}` }, project };
  });
  const value = (s, at) => s.type === 'counter' ? 40 : s.name.startsWith('web_vitals') ? 900 + at % 700 : s.type === 'histogram' ? 0.01 + at % 97 / 400 : at % 30;
  const now = Date.now(), times = [];
  for (let h = 30 * 24 - 1; h > 2; h--) times.push(now - h * 3600e3);
  for (let m = 119; m >= 0; m--) times.push(now - m * 60e3);
  const each = 1000, total = times.length * series.length;
  await inParallel(Math.ceil(total / each), (b) => service.post('/api/metrics', Array.from({ length: Math.min(each, total - b * each) }, (_, k) => {
    const i = b * each + k, s = series[i % series.length], at = times[Math.floor(i / series.length)];
    return { ...s, value: value(s, i), timestamp: new Date(at).toISOString() };
  })));
}

// fillRelay makes n keys with ten requests of each, accepted and refused, and 2n source maps.
export async function fillRelay(service, n, map) {
  const relay = relayAPI(service.url, service.key);
  const keys = [];
  for (let i = 0; i < n; i++) keys.push(await relay.createKey({ project: `service-${i % 12}`, label: `site ${i}`, origins: [`https://site-${i}.example`] }));
  await inParallel(n * 10, async (i) => {
    const key = keys[i % n], headers = { Origin: i % 9 ? `https://site-${i % n}.example` : 'https://elsewhere.example', 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0' };
    await relay.post(`/api/browser/batch?key=${key.public_key}`, {
      v: 1, sdk: { name: '@monlight/browser', version: `1.${i % 6}.0` }, session_id: `s${i}`, page_view: 'p', page: '/cart',
      errors: i % 10 ? [] : [{ type: 'TypeError', message: `x${i}`, release: `2.${i % 30}.0`, stack: `TypeError: x\n    at f (https://site-${i % n}.example/app-${i % 40}.min.js:1:2)` }],
      metrics: [{ name: 'web_vitals_lcp', type: 'histogram', value: 900 + i }], dropped: { queue_full: 1 },
    }, headers);
  });
  await inParallel(n * 2, (i) => relay.uploadMap({ project: `service-${i % 12}`, release: `1.${i % 30}.0`, file_url: `https://site-${i % n}.example/assets/app-${i}.min.js` }, map));
  return keys;
}

// Starts a metrics-collector and sends it what a shop would.
import { startService } from './service.mjs';

export const startMetrics = (env = {}) => startService(env, 'metrics-collector');

// send posts points, as many at a time as a body may have.
export async function send(service, points) {
  for (let i = 0; i < points.length; i += 1000) await service.post('/api/metrics', points.slice(i, i + 1000));
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

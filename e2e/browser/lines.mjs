// Log lines for the tests.
import { startService } from './service.mjs';

const folder = '/nonexistent-monlight-test-folder';

// startLogs starts a log viewer that follows no containers.
export const startLogs = (env = {}) => startService({ LOG_SOURCES: folder, ...env }, 'log-viewer');

// at is a time some seconds ago.
export const at = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

export const line = (container, level, message, more = {}) => ({ container, level, message, stream: level === 'ERROR' || level === 'CRITICAL' ? 'stderr' : 'stdout', ...more });

// send writes lines in batches that a request may have.
export async function send(service, lines) {
  for (let i = 0; i < lines.length; i += 5000) await service.post('/api/logs', lines.slice(i, i + 5000));
}

// A small random generator, so that every run sees the same.
const random = (seed) => () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };

const traceback = (n) => `Traceback (most recent call last):\n  File "/srv/shop/app/api.py", line 88, in post_order\n    shipment = shipping.ship(order)\n  File "/srv/shop/app/orders.py", line 214, in ship\n    raise ValueError(f"cannot ship order {order.id}: no address")\nValueError: cannot ship order ${n}: no address`;

// day is the log of a small shop over some hours, n lines.
export function day(n, hours = 6, seed = 7) {
  const r = random(seed), pick = (list) => list[Math.floor(r() * list.length)], number = (k) => Math.floor(r() * k);
  const lines = [];
  for (let i = 0; i < n; i++) {
    const seconds = (1 - i / n) * hours * 3600 * (0.98 + r() * 0.02) + 1, ts = { timestamp: at(seconds) };
    const trace = Array.from({ length: 32 }, () => '0123456789abcdef'[number(16)]).join('');
    const busy = Math.sin(i / n * 9) > 0.6 ? 0.16 : 0.03, k = r();
    if (k < busy) lines.push(line('worker-1', 'ERROR', traceback(4000 + number(900)), ts));
    else if (k < busy + 0.04) lines.push(line('postgres', 'CRITICAL', `[71] FATAL:  password authentication failed for user "shop_${number(4)}"`, ts));
    else if (k < 0.45) lines.push(line('web-1', 'INFO', `172.18.0.${2 + number(8)} - - "GET /orders/${number(9999)} HTTP/1.1" ${pick([200, 200, 200, 304])} ${number(9000)} "Mozilla/5.0 (X11; Linux x86_64)"`, ts));
    else if (k < 0.72) lines.push(line('api-1', 'INFO', JSON.stringify({ level: 'info', msg: pick(['request done', 'order placed', 'cart updated']), method: pick(['GET', 'POST']), path: `/orders/${number(999)}`, status: 200, duration_ms: number(240), trace_id: trace, user: { id: number(40), plan: pick(['free', 'business']) } }), ts));
    else if (k < 0.82) lines.push(line('api-1', 'WARNING', JSON.stringify({ level: 'warn', msg: 'slow query', table: pick(['orders', 'customers']), duration_ms: 800 + number(3000), trace_id: trace }), ts));
    else if (k < 0.92) lines.push(line('worker-1', 'DEBUG', `\x1b[36mDEBUG\x1b[0m fetched \x1b[1m${number(30)}\x1b[0m jobs in \x1b[32m${number(90)}ms\x1b[0m`, ts));
    else lines.push(line('postgres', 'INFO', `[71] LOG:  checkpoint complete: wrote ${number(300)} buffers (0.2%); write=${number(30)}.1 s, sync=0.01 s`, ts));
  }
  return lines;
}

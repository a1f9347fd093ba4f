// Starts the real relay with a small HTTP server in the place of the services
// behind it.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const binary = join(process.env.MONLIGHT_BIN || fileURLToPath(new URL('../../bin', import.meta.url)), 'browser-relay');

const listen = (server) => new Promise((resolve, reject) => {
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => resolve(server.address().port));
});

// startRelay resolves when the relay answers. behind.status is what the services
// behind it answer.
export async function startRelay(env = {}) {
  const behind = { status: 201, got: [] };
  const upstream = createServer((req, res) => {
    let body = '';
    req.on('data', (b) => { body += b; });
    req.on('end', () => {
      behind.got.push({ path: req.url, body });
      const status = behind.status === 201 && req.url.startsWith('/api/metrics') ? 202 : behind.status;
      res.writeHead(status, { 'Content-Type': 'application/json' });
      res.end(status < 300 ? '{"status":"created","id":1}' : '{"detail":"<b>as told</b>"}');
    });
  });
  const upstreamURL = `http://127.0.0.1:${await listen(upstream)}`;
  const probe = createServer();
  const port = await listen(probe);
  await new Promise((resolve) => probe.close(resolve));

  const dir = await mkdtemp(join(tmpdir(), 'monlight-relay-'));
  const database = join(dir, 'relay.db');
  const [key, readKey] = [0, 1].map(() => randomBytes(16).toString('hex'));
  const url = `http://127.0.0.1:${port}`;
  let log = '', failed;
  const child = spawn(binary, [], {
    env: {
      PATH: process.env.PATH, ADMIN_API_KEY: key, READ_API_KEY: readKey, ADDR: `127.0.0.1:${port}`, DATABASE_PATH: database, RATE_LIMIT: '100000',
      ERROR_TRACKER_URL: upstreamURL, ERROR_TRACKER_API_KEY: key, METRICS_COLLECTOR_URL: upstreamURL, METRICS_COLLECTOR_API_KEY: key, ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (b) => { log = (log + b).slice(-20000); });
  child.on('error', (err) => { failed = err; });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    upstream.close();
    upstream.closeAllConnections();
    await rm(dir, { recursive: true, force: true });
  };
  for (let i = 0; ; i++) {
    try {
      if ((await fetch(`${url}/health`)).ok) break;
    } catch { /* not yet */ }
    if (i > 200 || failed || child.exitCode !== null) {
      await stop();
      throw new Error(`${binary} did not start: ${failed ?? log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url, key, readKey, stop, behind, database, ...relayAPI(url, key) };
}

// relayAPI is what programs ask of the relay at url.
export function relayAPI(url, key) {
  const post = async (path, body, headers = {}) => {
    const answer = await fetch(url + path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers });
    return { status: answer.status, body: await answer.text() };
  };
  return {
    post,
    // uploadMap uploads a source map and returns what the relay says of it.
    async uploadMap(of, map) {
      const { status, body } = await post(`/api/source-maps?${new URLSearchParams(of)}`, map, { 'X-API-Key': key });
      if (status !== 201) throw new Error(`upload a map: ${status} ${body}`);
      return JSON.parse(body);
    },
    // createKey makes a DSN key and returns it.
    async createKey(wanted) {
      const { status, body } = await post('/api/dsn-keys', wanted, { 'X-API-Key': key });
      if (status !== 201) throw new Error(`create a key: ${status} ${body}`);
      return JSON.parse(body);
    },
  };
}

// cartMap is the source map of a script whose first column is line 3 of a source, and whose tenth is line 7.
export const cartMap = (release) => ({
  version: 3, sources: ['src/cart.ts'], names: ['priceOf', 'total'], mappings: 'AAEEA,SAISC',
  sourcesContent: [`// ${release}\nexport function priceOf(item) {\n  return item.price.amount;\n}\n\nexport function total(items) {\n  return items.reduce((sum, item) => sum + priceOf(item), 0);\n}\n`],
});

// someTraffic is a window to look into: accepted, refused and dropped.
export async function someTraffic(relay) {
  const shop = await relay.createKey({ project: 'shop', label: 'web', origins: ['https://shop.example', 'https://*.shop.example'] });
  const docs = await relay.createKey({ project: 'docs', rate_limit: 6000 });
  const headers = { Origin: 'https://shop.example', 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0' };
  for (let n = 0; n < 12; n++) {
    await relay.post(`/api/browser/batch?key=${shop.public_key}`, {
      v: 1, sdk: { name: '@monlight/browser', version: n % 3 ? '1.0.0' : '0.9.0' }, session_id: `s${n}`, page_view: 'p', page: '/cart',
      errors: n % 4 ? [] : [{ type: 'TypeError', message: `x${n}`, stack: 'TypeError: x\n    at f (https://shop.example/app.min.js:1:2)' }],
      metrics: [{ name: 'web_vitals_lcp', type: 'histogram', value: 900 + n }, { name: 'bad name', type: 'gauge', value: 1 }], dropped: { queue_full: 2, before_send: 1 },
    }, headers);
  }
  await relay.post(`/api/browser/errors?key=${docs.public_key}`, { type: 'Error', message: 'm', stack: '' }, headers);
  // Two releases with maps, and one whose map is missing.
  for (const release of ['1.4.0', '1.4.1']) {
    for (const file of ['app', 'vendor']) await relay.uploadMap({ project: 'shop', release, file_url: `https://shop.example/assets/${file}.min.js` }, cartMap(release));
  }
  for (const release of ['1.4.1', '1.5.0', '1.5.0']) {
    await relay.post(`/api/browser/errors?key=${shop.public_key}`, { type: 'TypeError', message: 'price is undefined', release,
      stack: 'TypeError: price is undefined\n    at n (https://shop.example/assets/app.min.js:1:2)\n    at t (https://shop.example/assets/app.min.js:1:12)' }, headers);
  }
  await relay.post(`/api/browser/errors?key=${shop.public_key}`, {}, { ...headers, Origin: 'https://elsewhere.example' });
  await relay.post('/api/browser/errors?key=0000', {}, headers);
  await relay.post(`/api/browser/batch?key=${shop.public_key}`, '{"v":1,', headers);
  await relay.post(`/api/browser/errors?key=${shop.public_key}`, 'x'.repeat(70000), headers);
  return shop;
}

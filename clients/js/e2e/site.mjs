// A web site and, on another origin, a relay that keeps what it gets.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

export const SCRIPT = readFileSync(new URL('../dist/monlight.min.js', import.meta.url), 'utf8');
export const INTEGRITY = readFileSync(new URL('../dist/monlight.min.js.sri', import.meta.url), 'utf8').trim();
export const KEY = '0123456789abcdef0123456789abcdef';

const listen = (server, host) => new Promise((resolve, reject) => {
  server.on('error', reject);
  server.listen(0, host, () => resolve(`http://${host}:${server.address().port}`));
});
const close = (server) => new Promise((resolve) => {
  server.close(resolve);
  server.closeAllConnections();
});
const bodyOf = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

/** Resolves when condition() is true; fails after some seconds with what. */
export async function until(condition, what, ms = 15_000) {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within ${ms} ms: ${what}`);
}

/** A relay that answers 202 to batches, or what answer(n) says: [status, headers]. */
export async function startRelay() {
  const relay = { requests: [], answer: undefined };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://relay');
    if (url.pathname === '/monlight.min.js') {
      response.writeHead(200, { 'Content-Type': 'text/javascript', 'Access-Control-Allow-Origin': '*' });
      return response.end(SCRIPT);
    }
    if (!url.pathname.startsWith('/api/browser/')) {
      response.writeHead(404);
      return response.end();
    }
    const body = await bodyOf(request);
    relay.requests.push({ method: request.method, path: url.pathname, key: url.searchParams.get('key'), headers: request.headers, body, json: body ? JSON.parse(body) : undefined });
    const [status, headers] = relay.answer?.(relay.requests.length) ?? [202];
    response.writeHead(status, { 'Access-Control-Allow-Origin': request.headers.origin ?? '*', 'Access-Control-Expose-Headers': 'Retry-After', ...headers });
    response.end('{}');
  });
  const url = await listen(server, '127.0.0.1');
  return Object.assign(relay, {
    url,
    stop: () => close(server),
    reset: () => Object.assign(relay, { requests: [], answer: undefined }),
    batches: () => relay.requests.filter((one) => one.method === 'POST').map((one) => one.json),
    errors: () => relay.batches().flatMap((one) => one.errors),
    metrics: (name) => relay.batches().flatMap((one) => one.metrics).filter((one) => !name || one.name === name),
    dropped: () => relay.batches().reduce((sum, { dropped }) => {
      for (const [reason, n] of Object.entries(dropped ?? {})) sum[reason] = (sum[reason] ?? 0) + n;
      return sum;
    }, {}),
    /** Requests that asked for permission first. */
    preflights: () => relay.requests.filter((one) => one.method === 'OPTIONS').length,
  });
}

/**
 * A site. pages are paths and their HTML, or [HTML, headers]; /sdk.js is the SDK, /ok answers 200, /broken 500, /slow late,
 * and /hangup not at all.
 */
export async function startSite(pages) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    const send = (status, type, body, headers = {}) => {
      response.writeHead(status, { 'Content-Type': type, ...headers });
      response.end(body);
    };
    if (pathname === '/sdk.js') return send(200, 'text/javascript', SCRIPT);
    if (pathname === '/hangup') return request.socket.destroy();
    if (pathname === '/slow') return setTimeout(() => send(200, 'text/plain', 'late'), 400);
    if (pathname.startsWith('/broken')) return send(500, 'text/plain', 'no');
    if (pathname.startsWith('/ok')) return send(200, 'text/plain', 'ok');
    const page = pages[pathname];
    if (!page) return send(404, 'text/plain', '');
    const [body, headers] = [].concat(page);
    return send(200, pathname.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8', body, headers);
  });
  // Another name of the same machine is another site for a browser.
  const url = await listen(server, '127.0.0.1');
  return { url: url.replace('127.0.0.1', 'localhost'), stop: () => close(server), pages };
}

/** A page with the SDK, started with options; script runs after it. */
export const pageWith = (options, script = '', body = '<h1>Hello</h1><button id="buy">Buy</button>') => `<!doctype html><html lang="en"><title>Shop</title>
<script>window.MonlightConfig = ${JSON.stringify({ dsn: KEY, ...options })};</script><script src="/sdk.js"></script>
<body style="font: 20px sans-serif">${body}<script>${script}</script>`;

/**
 * Runs visit() until one took less time than metrics wait to be sent: only then is all in one request. On a busy
 * machine that may need another try. visit returns how long the page was open, in ms.
 */
export async function briefly(visit) {
  for (let tries = 0; tries < 6; tries++) if ((await visit()) < 4_500) return;
  throw new Error('the machine is too slow to visit a page in less than 4.5 s');
}

// Starts a real service on a free port with data of its own.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const binaryOf = (name) => process.env[`${name.toUpperCase().replaceAll('-', '_')}_BIN`] || fileURLToPath(new URL(`../../bin/${name}`, import.meta.url));

const freePort = () => new Promise((resolve, reject) => {
  const server = createServer();
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

// startService resolves when the service answers. stop() ends it and removes its
// data. {url} in a setting is the address that it gets.
export async function startService(env = {}, name = 'error-tracker') {
  const binary = binaryOf(name);
  const dir = await mkdtemp(join(tmpdir(), 'monlight-browser-'));
  const database = join(dir, `${name}.db`);
  const port = await freePort();
  const [key, readKey] = [0, 1].map(() => randomBytes(16).toString('hex'));
  const url = `http://127.0.0.1:${port}`;
  const settings = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace('{url}', url)]));
  let log = '', child, ended;

  const start = async () => {
    let failed;
    child = spawn(binary, [], {
      env: { PATH: process.env.PATH, API_KEY: key, READ_API_KEY: readKey, ADDR: `127.0.0.1:${port}`, DATABASE_PATH: database, RATE_LIMIT: '100000', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (b) => { log = (log + b).slice(-20000); });
    child.on('error', (err) => { failed = err; });
    ended = new Promise((resolve) => child.on('close', resolve));
    for (let i = 0; i < 200 && !failed && child.exitCode === null; i++) {
      try {
        if ((await fetch(`${url}/health`)).ok) return;
      } catch { /* not yet */ }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${binary} did not start: ${failed ?? log}`);
  };
  const end = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const stop = async () => {
    await end();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (err) {
    await stop();
    throw err;
  }
  return {
    url, key, readKey, stop, database,
    // between stops the service, does something to its database, and starts it again.
    async between(change) {
      await end();
      await change(database);
      await start();
    },
    // post sends a body as JSON and returns the answer.
    async post(path, body) {
      const answer = await fetch(url + path, { method: 'POST', body: JSON.stringify(body), headers: { 'X-API-Key': key, 'Content-Type': 'application/json' } });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
      return JSON.parse(text);
    },
    // report sends one error and returns the answer.
    async report(body) {
      const answer = await fetch(`${url}/api/errors`, {
        method: 'POST', body: JSON.stringify(body), headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`report: ${answer.status} ${text}`);
      return JSON.parse(text);
    },
    async api(path) {
      const answer = await fetch(url + path, { headers: { 'X-API-Key': key } });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
  };
}

// Starts the four real services with the addresses of each other, as `make run` does.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = process.env.MONLIGHT_BIN || fileURLToPath(new URL('../../bin', import.meta.url));
const names = ['error-tracker', 'log-viewer', 'metrics-collector', 'browser-relay'];
const variable = (name) => name.toUpperCase().replaceAll('-', '_');

// freePorts holds all of them until each is known, so that no two are the same.
async function freePorts(n) {
  const servers = await Promise.all(Array.from({ length: n }, () => new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((s) => s.address().port);
  await Promise.all(servers.map((s) => new Promise((resolve) => s.close(resolve))));
  return ports;
}

// startStack resolves when all of them answer. extra has further settings by
// service. The result has a service by name, with url, key, post and api, and the
// folder of containers that the log viewer follows.
export async function startStack(extra = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'monlight-stack-'));
  const containers = join(dir, 'containers');
  await mkdir(containers);
  const ports = await freePorts(names.length);
  const [key, readKey] = [0, 1].map(() => randomBytes(16).toString('hex'));
  const url = Object.fromEntries(names.map((name, i) => [name, `http://127.0.0.1:${ports[i]}`]));
  const children = [];
  let log = '';
  const start = async (name, i) => {
    const settings = {
      PATH: process.env.PATH, API_KEY: key, ADMIN_API_KEY: key, READ_API_KEY: readKey, ERROR_TRACKER_API_KEY: key, METRICS_COLLECTOR_API_KEY: key,
      ADDR: `127.0.0.1:${ports[i]}`, BASE_URL: url[name], DATABASE_PATH: join(dir, `${name}.db`), RATE_LIMIT: '100000', LOG_SOURCES: containers,
    };
    for (const other of names) {
      settings[`${variable(other)}_URL`] = url[other];
      settings[`${variable(other)}_BASE_URL`] = url[other];
    }
    let failed;
    const child = spawn(join(bin, name), [], { env: { ...settings, ...extra[name] }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (b) => { log = (log + b).slice(-20000); });
    child.on('error', (err) => { failed = err; });
    children.push({ name, child, ended: new Promise((resolve) => child.on('close', resolve)) });
    for (let n = 0; n < 400 && !failed && child.exitCode === null; n++) {
      try {
        if ((await fetch(`${url[name]}/health`)).ok) return;
      } catch { /* not yet */ }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${name} did not start: ${failed ?? log}`);
  };
  const end = async (name) => {
    const one = children.find((c) => c.name === name);
    one.child.kill('SIGTERM');
    await one.ended;
  };
  const stop = async () => {
    for (const { child } of children) child.kill('SIGTERM');
    await Promise.all(children.map((c) => c.ended));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await Promise.all(names.map(start));
  } catch (err) {
    await stop();
    throw err;
  }
  const call = async (service, path, init = {}) => {
    const answer = await fetch(url[service] + path, { ...init, headers: { 'X-API-Key': key, ...init.headers } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${service} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
  const service = (name) => ({
    url: url[name], key, readKey,
    post: (path, body) => call(name, path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    api: (path) => call(name, path),
  });
  return {
    errors: service('error-tracker'), logs: service('log-viewer'), metrics: service('metrics-collector'), relay: service('browser-relay'),
    containers, end, stop,
    database: (name) => join(dir, `${name}.db`),
    pid: (name) => children.find((c) => c.name === name).child.pid,
  };
}

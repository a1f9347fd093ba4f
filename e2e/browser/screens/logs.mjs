// The screens of the log viewer.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { day, line, send, startLogs } from '../lines.mjs';
import { Session } from '../pages.mjs';
import { help, overwrite, spoil, unfold, wrongKey } from './acts.mjs';

/** Writes the config of a container, as Docker does when its life changes. */
export async function turn(folder, id, name, image, state, restarts = 0) {
  const dir = join(folder, id), service = name.replace(/-1$/, '');
  await writeFile(join(dir, 'config.tmp'), JSON.stringify({
    ID: id, Name: `/shop-${name}`, Config: { Image: image, Labels: { 'com.docker.compose.service': service, 'com.docker.compose.project': 'shop' } }, State: state, RestartCount: restarts,
  }));
  await rename(join(dir, 'config.tmp'), join(dir, 'config.v2.json'));
}

// contain writes lines as Docker keeps them, each container in a folder of its own.
async function contain(folder, lines) {
  const images = { 'web-1': 'nginx:1.29', 'api-1': 'shop-api:4.12.1', 'worker-1': 'shop-worker:4.12.1', postgres: 'postgres:18', 'payments-1': 'payments:2.3.0' };
  for (const [i, [name, image]] of Object.entries(images).entries()) {
    const id = String(i + 1).repeat(64), dir = join(folder, id);
    await mkdir(dir);
    await writeFile(join(dir, `${id}-json.log`), lines.filter((l) => l.container === name)
      .flatMap((l) => l.message.split('\n').map((log) => `${JSON.stringify({ log: `${log}\n`, stream: l.stream, time: l.timestamp })}\n`)).join(''));
    await turn(folder, id, name, image, { Running: name !== 'payments-1', Restarting: name === 'payments-1' }, name === 'payments-1' ? 9 : 0);
  }
}

// inBlocks waits until entries are in a block of the database: newer ones are answered from memory.
async function inBlocks(database) {
  const count = ['-c', 'import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM blocks").fetchone()[0])', database];
  for (let i = 0; execFileSync('python3', count).toString().trim() === '0'; i++) {
    if (i > 600) throw new Error('no block was made');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const opened = async (page) => {
  await page.waitForSelector('.r');
  await page.locator('.r', { hasText: 'slow query' }).first().click();
  await page.waitForSelector('#entry[open] .fields tr');
};
const remembered = async (page) => {
  await page.evaluate((list) => localStorage.setItem('monlight_log_searches', JSON.stringify(list)), ['"cannot ship order"', 'status:>=500 -healthz', 'container:web* /orders\\/\\d+/', 'duration_ms:>2000 level:>=warning', 'timeout OR "connection refused"']);
  await page.reload();
  await page.waitForSelector('ml-logs.on');
  await page.keyboard.press('h');
  await page.waitForSelector('.history[open]');
};
const find = async (page, words) => {
  await page.waitForSelector('ml-logs.on');
  await page.keyboard.press('f');
  await page.keyboard.type(words);
  await page.waitForFunction(() => / of \d+$/.test(document.querySelector('.find output').textContent));
  await page.keyboard.press('Enter');
  await page.keyboard.press('n');
  await page.waitForFunction(() => /^2 of /.test(document.querySelector('.find output').textContent));
};
const connected = (page) => page.waitForSelector('text=Connected');
const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
// stopped has the worker run out of memory and be started again, and the database stopped.
async function stopped(page, { folder }) {
  await connected(page);
  const worker = (state, n) => turn(folder, '3'.repeat(64), 'worker-1', 'shop-worker:4.12.1', state, n);
  const end = ago(3), marks = (n) => page.waitForFunction((n) => document.querySelectorAll('.r.mark').length === n, n);
  await worker({ Running: true, Restarting: true, ExitCode: 137, OOMKilled: true, StartedAt: ago(9000), FinishedAt: end }, 1);
  await marks(1);
  await worker({ Running: true, StartedAt: ago(1), FinishedAt: end }, 1);
  await marks(2);
  await turn(folder, '4'.repeat(64), 'postgres', 'postgres:18', { ExitCode: 0, StartedAt: ago(9000), FinishedAt: ago(0) });
  await marks(3);
  await page.waitForFunction(() => document.querySelectorAll('.r.mark.good').length === 1 && document.querySelectorAll('.r.mark.bad').length === 1);
}

export const logs = {
  name: 'log-viewer',

  async start(browser) {
    const folder = await mkdtemp(join(tmpdir(), 'monlight-containers-'));
    const lines = day(4000);
    for (let n = 0; n < 24; n++) {
      const ago = Math.round((23 - n) / 2) * 31 + (n % 2 ? 2 : 3);
      lines.push(line('payments-1', n % 2 ? 'ERROR' : 'INFO', n % 2 ? 'FATAL: cannot read /run/secrets/token: no such file' : 'payments 2.3.0 is starting', { timestamp: new Date(Date.now() - ago * 1000).toISOString() }));
    }
    for (let n = 0; n < 12; n++) lines.push(line('web-1', 'INFO', `172.18.0.4 - - "GET /orders/${n * 731 % 9999} HTTP/1.1" 200 ${n * 91 % 999} "Mozilla/5.0 (X11; Linux x86_64)"`, { timestamp: new Date(Date.now() - 1000 + n * 50).toISOString() }));
    lines.sort((a, b) => a.timestamp.localeCompare(b.timestamp));
    await contain(folder, lines);
    const service = await startLogs({ ERROR_TRACKER_URL: 'http://127.0.0.1:5010', METRICS_COLLECTOR_URL: 'http://127.0.0.1:5012', BROWSER_RELAY_URL: 'http://127.0.0.1:5013', LOG_SOURCES: folder, TAIL_BUFFER: '8MB' });
    const [empty, full, broken, other] = await Promise.all([startLogs({ LOG_SOURCES: '/srv/docker/containers' }), startLogs({ MAX_TAILS: '1' }), startLogs(), startLogs()]);
    const stop = async () => {
      await Promise.all([service, empty, full, broken, other].map((s) => s.stop()));
      await rm(folder, { recursive: true, force: true });
    };
    try {
      const [reader, first, crowded, damaged, failing] = await Promise.all([service, empty, full, broken, other].map((s) => new Session(browser, s).signIn()));
      await send(full, [line('web-1', 'INFO', 'one')]);
      await send(broken, day(10_000));
      await inBlocks(broken.database);
      spoil(broken.database);
      await send(other, [line('web-1', 'INFO', 'one')]);
      overwrite(other.database);
      for (let i = 0; (await service.api('/api/logs?limit=1')).total < lines.length; i++) {
        if (i > 600) throw new Error(`only ${(await service.api('/api/logs?limit=1')).total} of ${lines.length} entries were read`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const { logs: [{ id }] } = await service.api('/api/logs?limit=1&search=Traceback');
      return { folder, service, reader, viewer: await reader.viewer(), first, crowded, damaged, failing, id, stop };
    } catch (err) {
      await stop();
      throw err;
    }
  },

  screens: [
    { name: 'explore', path: '/?time=6h', small: true, act: (page) => page.waitForSelector('.r') },
    { name: 'explore-filtered', path: '/?search=orders&level=INFO,ERROR&container=shop-web-1&time=24h' },
    { name: 'explore-unfolded', path: '/', act: unfold },
    { name: 'explore-columns', path: '/?search=slow&column=duration_ms&column=table', act: (page) => page.waitForSelector('.r .x', { state: 'attached' }) },
    { name: 'explore-wrapped', path: '/?search=Traceback', act: async (page) => { await page.waitForSelector('.r'); await page.keyboard.press('w'); } },
    { name: 'explore-entry', path: '/?time=6h&search=slow&column=duration_ms&column=table', act: opened, small: true },
    { name: 'explore-traceback', path: '/?time=6h&search=Traceback', act: async (page) => { await page.waitForSelector('.r'); await page.locator('.r', { hasText: 'Traceback' }).first().click(); await page.waitForSelector('#entry[open]'); } },
    { name: 'explore-context', path: '/?time=6h&search=slow', act: async (page) => { await opened(page); await page.keyboard.press('c'); await page.waitForSelector('.around .ln'); } },
    { name: 'explore-download-menu', path: '/', act: (page) => page.click('summary:has-text("Download")') },
    { name: 'explore-last-searches', path: '/?time=6h', act: remembered, small: true },
    { name: 'explore-find', path: '/?time=6h&container=shop-api-1', act: (page) => find(page, 'duration_ms=9'), small: true },
    { name: 'explore-none-match', path: '/?search=zebra', small: true },
    { name: 'explore-mistakes', path: '/?search=%28a&time=soon', status: 400 },
    { name: 'explore-session-ended', alone: true, path: '/?time=6h&search=slow', act: async (page) => { await page.waitForSelector('.r'); await page.context().clearCookies(); await page.locator('.r', { hasText: 'slow query' }).first().click(); await page.keyboard.press('c'); await page.waitForSelector('#logs-notice'); } },
    { name: 'search-help', path: '/', act: async (page) => { await page.click('[data-syntax]'); await page.waitForSelector('#syntax[open]'); } },
    { name: 'live', path: '/live', act: connected, small: true },
    { name: 'live-paused', path: '/live', act: async (page, w) => { await connected(page); await page.click('[data-pause]'); await send(w.service, [line('web-1', 'INFO', 'new')]); await page.waitForSelector('.jump:not([hidden])'); } },
    { name: 'live-find', path: '/live', act: async (page) => { await connected(page); await page.keyboard.press('f'); await page.keyboard.type('orders/'); await page.waitForFunction(() => / of \d+$/.test(document.querySelector('.find output').textContent)); await page.waitForSelector('[data-pause] >> text=Paused'); } },
    { name: 'live-none-match', path: '/live?search=zebra', act: connected },
    { name: 'live-reconnecting', path: '/live', prepare: (page) => page.route('**/api/logs/tail*', (route) => route.abort()), act: (page) => page.waitForSelector('text=Reconnecting') },
    { name: 'live-too-many', of: 'crowded', path: '/live',
      prepare: async (page, w) => { w.other = await w.crowded.open('/live'); await connected(w.other); }, act: async (page, w) => { await page.waitForSelector('text=Too many'); await w.other.context().close(); } },
    { name: 'containers', path: '/containers', small: true },
    { name: 'entry', path: (w) => `/logs/${w.id}` },
    { name: 'entry-not-found', path: '/logs/4711000', status: 404 },
    { name: 'keys', path: '/', act: help },
    { name: 'read-only', of: 'viewer', path: '/?time=6h', act: (page) => page.waitForSelector('.r') },
    { name: 'first-run', of: 'first', path: '/', small: true },
    { name: 'containers-first-run', of: 'first', path: '/containers' },
    { name: 'page-not-found', path: '/nothing/here', status: 404 },
    { name: 'failure', of: 'failing', path: '/', status: 500 },
    { name: 'sign-in', of: 'first', path: '/', signedIn: false },
    { name: 'sign-in-refused', of: 'first', path: '/', signedIn: false, act: wrongKey },
    { name: 'without-scripts', path: '/', js: false },
    { name: 'damaged', of: 'damaged', path: '/', act: async (page) => { await page.reload(); await page.waitForSelector('.notice >> text=found damaged'); } },
    { name: 'live-stopped', path: '/live', act: stopped, small: true, at: '.status' },
  ],
};

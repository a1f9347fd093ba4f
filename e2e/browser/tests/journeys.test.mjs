// The ways that a new user goes through all four services, in a browser, each
// from its beginning to its end.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startMailbox } from '../mailbox.mjs';
import { clean, launch, shut, watch } from '../pages.mjs';
import { cartMap } from '../relay.mjs';
import { startStack } from '../stack.mjs';

describe('journeys', () => {
  let stack, browser, mailbox, state;
  const began = Date.now();
  before(async () => {
    mailbox = await startMailbox();
    stack = await startStack({
      'error-tracker': { SMTP_HOST: '127.0.0.1', SMTP_PORT: String(mailbox.port), SMTP_FROM: 'errors@example.com', SMTP_TLS: 'none', ALERT_EMAILS: 'ann@example.com' },
    });
    browser = await launch();
    // One sign-in for each service: sessions belong to the host, under names of their own.
    const context = await browser.newContext();
    for (const service of [stack.errors, stack.logs, stack.metrics, stack.relay]) {
      const page = await context.newPage();
      await page.goto(service.url);
      await page.fill('#key', service.key);
      await page.click('button:has-text("Sign in")');
      await page.waitForSelector('.top');
    }
    state = await context.storageState();
    await context.close();
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
    mailbox?.close();
    console.log(`all journeys took ${Math.round((Date.now() - began) / 1000)} s`);
  });

  // open begins at a page of a service; the services may link to each other.
  const open = async (address) => {
    const context = await browser.newContext({ storageState: state, viewport: { width: 1280, height: 900 }, locale: 'en-GB', timezoneId: 'Europe/Berlin' });
    const page = await context.newPage();
    watch(page, stack.errors.url, stack.logs.url, stack.metrics.url, stack.relay.url);
    await page.goto(address);
    return page;
  };
  const done = async (page) => { await clean(page); await shut(page); };
  const paste = (command) => new Promise((resolve, reject) => execFile('sh', ['-c', `${command.replace('YOUR_API_KEY', stack.errors.key)} -sSf`],
    (err, stdout, stderr) => (err ? reject(new Error(stderr)) : resolve(stdout))));
  const heading = (page) => page.textContent('h1');

  test('1. from nothing to the first error, log line and chart, by what the pages say', async () => {
    let page = await open(stack.errors.url);
    await paste(await page.textContent('#first-curl'));
    await page.waitForSelector('tr[data-row]', { timeout: 20000 });
    await page.click('tr[data-row] a');
    assert.match(await heading(page), /ValueError/);
    await done(page);

    page = await open(stack.logs.url);
    await paste(await page.textContent('#snippet'));
    await page.click('text=Show the logs', { timeout: 20000 });
    await page.waitForSelector('.view');
    await done(page);

    page = await open(stack.metrics.url);
    await paste(await page.textContent('#snippet'));
    await page.click('text=Show the overview', { timeout: 20000 });
    await page.waitForSelector('ml-chart');
    await done(page);

    page = await open(stack.relay.url);
    await page.fill('input[name="project"]', 'shop');
    await page.click('button:has-text("Create")');
    await page.waitForSelector('.snippets');
    assert.match(await page.textContent('.snippets'), /<script/);
    await done(page);
  });

  test('2. a mail, the issue, the lines of its request, and the metric that rose', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736', now = new Date().toISOString();
    await stack.logs.post('/api/logs', [
      { container: 'api', level: 'INFO', message: `{"msg":"order received","order":4711,"trace_id":"${trace}"}`, timestamp: now },
      { container: 'api', level: 'ERROR', message: `{"msg":"no address for order 4711","trace_id":"${trace}"}`, timestamp: now },
      { container: 'api', level: 'INFO', message: '{"msg":"something else"}', timestamp: now },
    ]);
    await stack.metrics.post('/api/metrics', Array.from({ length: 20 }, () => ({ name: 'http_requests_total', type: 'counter', value: 1, labels: { method: 'POST', endpoint: '/orders', status: '500' } })));
    await stack.errors.post('/api/errors', {
      project: 'shop', exception_type: 'ShippingError', message: 'no address for order 4711', traceback: 'ShippingError: no address\n    at ship (app/orders.py:214)', extra: { trace_id: trace },
    });
    let link;
    for (let i = 0; i < 300 && !link; i++) {
      const mail = mailbox.mails.map((m) => m.replaceAll('=\n', '').replaceAll('=3D', '=')).find((m) => m.includes('ShippingError'));
      link = mail?.match(new RegExp(`${stack.errors.url}/errors/\\d+`))?.[0];
      if (!link) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(link, `no mail with a link came: ${mailbox.mails.join('\n---\n').slice(0, 2000)}`);

    const page = await open(link);
    assert.match(await heading(page), /ShippingError/);
    await page.click('a:has-text("Logs of the trace")');
    await page.waitForSelector('.view');
    assert.ok(page.url().startsWith(stack.logs.url), page.url());
    assert.match(await page.textContent('.found'), /^2 entries/);
    const { logs } = await stack.logs.api(`/api/logs?search=${encodeURIComponent(`"${trace}"`)}`);
    await page.goto(`${stack.logs.url}/logs/${logs[0].id}`);
    await page.click('a:has-text("Errors of the trace")');
    assert.equal(await page.locator('tr[data-row]').count(), 1);
    assert.match(await page.textContent('tr[data-row]'), /ShippingError/);
    await page.click('tr[data-row] a');
    await page.click('a:has-text("Metrics around")');
    assert.ok(page.url().startsWith(stack.metrics.url), page.url());
    assert.match(await page.textContent('main'), /Errors\d+(\.\d)? %/);
    await done(page);
  });

  test('3. slow since noon: metrics, the logs of that time, and the release', async () => {
    const at = new Date(Date.now() - 60_000).toISOString();
    await stack.metrics.post('/api/metrics', Array.from({ length: 30 }, (_, n) => ({ name: 'http_request_duration_seconds', type: 'histogram', value: 2 + n / 10, labels: { method: 'GET', endpoint: '/slow' } })));
    await stack.logs.post('/api/logs', [{ container: 'db', level: 'WARNING', message: 'slow query of release 1.4.1: 2300 ms', timestamp: at }]);
    await stack.errors.post('/api/errors', { project: 'shop', exception_type: 'Timeout', message: 'query took too long', traceback: 'Timeout: x\n    at q (app/db.py:1)', release: '1.4.1' });
    await stack.errors.post('/api/deploys', { project: 'shop', release: '1.4.1', environment: 'prod', time: new Date(Date.now() - 30 * 60_000).toISOString() });
    const page = await open(`${stack.metrics.url}/explore?metric=http_request_duration_seconds&by=endpoint&period=1h`);
    await page.waitForSelector('ml-chart');
    await page.click('a:has-text("Logs of this time")');
    assert.equal(new URL(page.url()).searchParams.get('time'), '1h', 'the time is carried');
    await page.fill('input[name="search"]', 'slow');
    await page.press('input[name="search"]', 'Enter');
    await page.waitForURL(/search=slow/);
    assert.match(await page.textContent('main'), /slow query of release 1\.4\.1/);
    // The navigation carries the same time to the errors.
    await page.click('nav.services a:has-text("Errors")');
    assert.equal(new URL(page.url()).searchParams.get('time'), '1h');
    await page.click('tr[data-row] a:has-text("Timeout")');
    assert.match(await page.textContent('main'), /1\.4\.1/);
    // The chart shows when the release came, and leads to its page.
    await page.goto(`${stack.metrics.url}/explore?metric=http_request_duration_seconds&by=endpoint&period=1h`);
    // What another page asked a moment ago is known for 30 s.
    for (let i = 0; !/shop@1\.4\.1 at .*\(prod\)/s.test(await page.textContent('main')); i++) {
      assert.ok(i < 90, `no release: ${await page.textContent('main')}`);
      await page.waitForTimeout(500);
      await page.reload();
    }
    await page.waitForSelector('ml-chart.drawn');
    const violet = () => page.evaluate(() => {
      const probe = document.createElement('i');
      probe.style.color = 'var(--violet)';
      document.body.append(probe);
      const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g).map(Number);
      probe.remove();
      const canvas = document.querySelector('ml-chart canvas'), { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const columns = new Map();
      for (let i = 0; i < data.length; i += 4) {
        if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 30 && data[i + 3] > 200) columns.set((i / 4) % width, (columns.get((i / 4) % width) ?? 0) + 1);
      }
      return Math.max(0, ...columns.values());
    });
    assert.ok(await violet() > 100, 'a line from top to bottom');
    await page.locator('.marks a:has-text("shop@1.4.1")').first().focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/releases\/\d+/);
    assert.ok(page.url().startsWith(stack.errors.url), page.url());
    assert.match(await heading(page), /1\.4\.1/);
    assert.match(await page.textContent('main'), /Timeout/);
    await done(page);
  });

  test('4. an error of a browser, its source before it was minified, and resolved', async () => {
    const { public_key: key } = await stack.relay.post('/api/dsn-keys', { project: 'web', origins: ['https://shop.example'] });
    const map = new URLSearchParams({ project: 'web', release: '2.0.0', file_url: 'https://shop.example/assets/app.min.js' });
    await stack.relay.post(`/api/source-maps?${map}`, cartMap('2.0.0'));
    const happens = async (release) => {
      const answer = await fetch(`${stack.relay.url}/api/browser/errors?key=${key}`, {
        method: 'POST', headers: { Origin: 'https://shop.example' },
        body: JSON.stringify({ type: 'TypeError', message: 'price is undefined', release, stack: 'TypeError: price is undefined\n    at n (https://shop.example/assets/app.min.js:1:2)' }),
      });
      assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
    };
    await happens('2.0.0');
    const page = await open(`${stack.errors.url}/?project=web`);
    for (let i = 0; i < 40 && !await page.locator('tr[data-row]').count(); i++) {
      await page.waitForTimeout(250);
      await page.reload();
    }
    await page.click('tr[data-row] a');
    const text = await page.textContent('.trace');
    assert.match(text, /src\/cart\.ts/);
    assert.match(text, /return item\.price\.amount/);
    await page.click('summary:has-text("Resolve in")');
    await page.click('text=The next release');
    await page.waitForSelector('button:has-text("Unresolve")');
    assert.match(await page.textContent('.headline'), /Resolved in the release after 2\.0\.0/);
    // It happens again where the mistake still is, and where it should not be any more.
    await stack.relay.post(`/api/source-maps?${new URLSearchParams({ project: 'web', release: '2.1.0', file_url: 'https://shop.example/assets/app.min.js' })}`, cartMap('2.1.0'));
    const counted = async (n) => {
      for (let i = 0; ; i++) {
        const { errors } = await stack.errors.api('/api/errors?project=web&resolved=all');
        if (errors.length === 1 && errors[0].count >= n) return errors[0];
        assert.ok(i < 200, `not counted: ${JSON.stringify(errors)}`);
        await page.waitForTimeout(100);
      }
    };
    await happens('2.0.0');
    assert.equal((await counted(2)).resolved, true, 'an event of the same release does not bring it back');
    await page.reload();
    assert.match(await page.textContent('.headline'), /Resolved in the release after 2\.0\.0/);
    await happens('2.1.0');
    await counted(3);
    await page.reload();
    await page.waitForSelector('.headline .badge:has-text("Regressed")');
    assert.match(await page.textContent('.activity'), /Came back in 2\.1\.0/);
    await done(page);
  });

  test('5. a server without an agent: the list of containers, and the one that crashes again and again', async () => {
    // Docker writes the state of a container at each change.
    const run = { Running: true, Paused: false, Restarting: false, OOMKilled: false, Dead: false, ExitCode: 0, StartedAt: new Date().toISOString(), FinishedAt: '0001-01-01T00:00:00Z' };
    const state = async (id, name, State, RestartCount = 0) => {
      const path = join(stack.containers, id, 'config.v2.json');
      await writeFile(`${path}.tmp`, JSON.stringify({ ID: id, Name: `/${name}`, State, RestartCount, HasBeenManuallyStopped: false, Config: { Image: `${name}:1` } }));
      await rename(`${path}.tmp`, path);
    };
    const container = async (id, name, lines) => {
      const dir = join(stack.containers, id);
      await mkdir(dir);
      await writeFile(join(dir, `${id}-json.log`), lines.map((log, n) => JSON.stringify({ log: `${log}\n`, stream: log.includes('FATAL') ? 'stderr' : 'stdout', time: new Date(Date.now() - (lines.length - n) * 1000).toISOString() })).join('\n') + '\n');
      await state(id, name, run);
    };
    const api = async (name) => (await stack.logs.api('/api/containers')).containers.find((c) => c.name === name) ?? {};
    const until = async (what, ok) => {
      for (let i = 0; !await ok(); i++) {
        assert.ok(i < 200, `${what}: never`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const [web, payments] = ['a'.repeat(64), `b07c1d${'2'.repeat(58)}`];
    const { total: before } = await stack.logs.api('/api/logs?limit=1');
    await container(web, 'web', Array.from({ length: 30 }, (_, n) => `GET /${n} 200`));
    await container(payments, 'payments', Array.from({ length: 12 }, (_, n) => (n % 2 ? 'FATAL: cannot read /run/secrets/token' : 'payments starting')));
    for (let i = 0; ; i++) {
      const { containers } = await stack.logs.api('/api/containers');
      const { total } = await stack.logs.api('/api/logs?limit=1'); // the last line of each may still wait for its continuation
      if (containers.some((c) => c.name === 'payments') && containers.some((c) => c.name === 'web') && total >= before + 42) break;
      assert.ok(i < 200, `not read: ${JSON.stringify(containers)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // It ends and is started again, three times.
    await until('payments runs', async () => (await api('payments')).state === 'running');
    for (let n = 1; n <= 3; n++) {
      await state(payments, 'payments', { ...run, Restarting: true, ExitCode: 1, FinishedAt: new Date().toISOString() }, n);
      await until(`restart ${n}`, async () => (await api('payments')).restarts_10m === n);
    }
    const page = await open(`${stack.logs.url}/containers`);
    // It comes first, in words, and the choice of states has it alone.
    assert.match(await page.locator('tr[data-row]').first().textContent(), /payments.*crash loop: 3 restarts in 10 min, last exit 1/s);
    await page.click('nav[aria-label="State"] a:has-text("Crash loop")');
    await page.waitForURL(/state=crash-loop/);
    assert.equal(await page.locator('tr[data-row]').count(), 1);
    await page.click('a:has-text("Lines around the last exit")');
    await page.waitForSelector('.view');
    assert.match(await page.textContent('.found'), /^12 entries/);
    await page.goBack();
    await page.click('nav[aria-label="State"] a:has-text("All")');
    const row = page.locator('tr[data-row]:has-text("payments")');
    assert.match(await row.textContent(), /50\.0 %/);
    assert.match(await page.locator('tr[data-row]:has-text("web")').first().textContent(), /0 %/);
    await row.locator('a:has-text("50.0 %")').click();
    await page.waitForSelector('.view');
    assert.match(await page.textContent('.found'), /^6 entries/);
    assert.match(await page.textContent('main'), /cannot read \/run\/secrets\/token/);

    // What it reports has the name that Docker gave its host: from the issue to its lines, and back.
    const { id } = await stack.errors.post('/api/errors', { project: 'shop', exception_type: 'NoToken', message: 'cannot read the token', traceback: 'NoToken: x\n    at read (pay.py:7)', server_name: payments.slice(0, 12) });
    await page.goto(`${stack.errors.url}/errors/${id}`);
    await page.click('a:has-text("Logs of the container")');
    await page.waitForURL(/container=payments/);
    assert.match(await page.textContent('.found'), /^12 entries/);
    const { logs } = await stack.logs.api('/api/logs?container=payments&limit=1');
    await page.goto(`${stack.logs.url}/logs/${logs[0].id}`);
    await page.click('a:has-text("Errors of the container")');
    await page.waitForURL(/server_name/);
    assert.equal(await page.locator('tr[data-row]').count(), 1);
    assert.match(await page.textContent('tr[data-row]'), /NoToken/);
    // One that is gone: its lines are not told from those of others by then, and the page says so.
    await page.goto(`${stack.logs.url}/?container=dddddddddddd`);
    assert.equal(page.url(), `${stack.logs.url}/`);
    assert.match(await page.textContent('#notices'), /dddddddddddd is not followed any more/);
    await done(page);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { day, send, startMetrics, tables } from '../metrics.mjs';
import { Session, clean, launch, shut } from '../pages.mjs';

// The explorer's address with its question.
const asks = (question) => `/explore?${new URLSearchParams(question)}`;
const param = (page, name) => new URL(page.url()).searchParams.get(name);
const shows = (page, text) => page.waitForSelector(`text=${text}`);
// What the chart has drawn, as numbers.
const drawn = (page) => page.evaluate(() => document.querySelector('ml-chart').plot.data.map((column) => [...column]));
// What the page has for the chart to draw: a line of the file's form for each time.
const sent = (page, at = 'ml-chart') => page.locator(at).first().evaluate((el) => {
  const { times, lines } = el.values();
  return times.map((t, row) => [new Date(t * 1000).toISOString().replace('.000', ''), ...lines.map((line) => line[row] ?? '')].join(','));
});
// The page has three digits of what the file has.
const rounded = (value, cell) => cell !== '' && Math.abs(Number(value) - Number(cell)) <= Math.abs(Number(value)) / 200;
const heads = async (page) => {
  await tables(page);
  return page.$$eval('table.values thead th', (cells) => cells.map((c) => c.textContent));
};

describe('the pages of metrics', () => {
  let service, empty, browser, session;
  before(async () => {
    service = await startMetrics();
    empty = await startMetrics();
    browser = await launch();
    await send(service, day());
    session = await new Session(browser, service).signIn();
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
    await empty?.stop();
  });

  test('nothing is shown without the key, and sign-out ends it', async () => {
    for (const path of ['/', '/explore', '/explore.csv?metric=queue_depth', '/overview.csv?chart=rate', '/dashboards', '/cardinality']) {
      const page = await session.open(path, { signedIn: false });
      assert.ok(await page.$('#key'), path);
      assert.equal(await page.locator('ml-chart, table, .stat').count(), 0);
      await shut(page);
    }
    const page = await session.open('/explore?metric=queue_depth', { signedIn: false });
    await page.fill('#key', 'a wrong one, of some length');
    await page.click('button:has-text("Sign in")');
    assert.equal(new URL(page.url()).pathname, '/sign-in');
    await page.fill('#key', service.key);
    await page.click('button:has-text("Sign in")');
    await page.waitForURL(/\/explore\?metric=queue_depth$/);
    await page.click('text=Sign out');
    await page.goto(service.url);
    assert.ok(await page.$('#key'));
    await clean(page);
    await shut(page);
  });

  test('the first point fills an empty page', async () => {
    const page = await (await new Session(browser, empty).signIn()).open('/');
    assert.match(await page.textContent('.snippet'), /curl -X POST .*\/api\/metrics/);
    assert.match(await page.textContent('ml-live'), /Waiting for the first point/);
    await send(empty, [{ name: 'a', type: 'counter', value: 1 }]);
    await page.waitForSelector('text=The first point has arrived', { timeout: 8000 });
    await page.click('text=Show the overview');
    await page.waitForSelector('h2:has-text("All metrics")');
    await clean(page);
    await shut(page);
  });

  test('the overview needs no configuration', async () => {
    const page = await session.open('/');
    const cards = await page.$$eval('.stat', (list) => list.map((c) => c.innerText.replace(/\s+/g, ' ')));
    assert.match(cards.find((c) => /^Requests/.test(c)), /144k/);
    assert.match(cards.find((c) => /^Errors/.test(c)), /2\.7\d? %/);
    assert.match(cards.find((c) => /^Duration/.test(c)), /p50 .* ms, p99 .* ms/);
    assert.match(cards.find((c) => /^Largest/.test(c)), /(Good|Needs|Poor)/);
    await page.waitForSelector('ml-chart.drawn canvas');
    assert.equal(await page.locator('ml-chart.drawn canvas').count(), 4);
    const routes = await page.locator('section:has(h2:has-text("Top routes")) tbody tr').count();
    assert.equal(routes, 4);
    // Each chart has its table, which says what is drawn, and a file.
    const rate = page.locator('section:has(h2:has-text("Requests per second"))');
    await rate.locator('summary').click();
    assert.match(await rate.locator('table.values tbody tr').nth(100).locator('td').innerText(), /^[\d.]+\/s$/);
    const cell = (await sent(page))[100].split(',')[1];
    const file = await page.request.get(new URL(await rate.locator('a.csv').getAttribute('href'), service.url).href);
    assert.match(file.headers()['content-type'], /^text\/csv/);
    assert.ok((await file.text()).trim().split('\n').slice(1).some((line) => rounded(line.split(',')[1], cell)));
    await page.selectOption('select[name=project]', 'jobs');
    await page.waitForURL(/project=jobs/);
    assert.equal(await page.locator('h2:has-text("HTTP")').count(), 0); // nothing of the shop
    await shows(page, 'queue_depth');
    await clean(page);
    await shut(page);
  });

  test('the explorer keeps its question in the address', async () => {
    const page = await session.open('/explore');
    await page.selectOption('select[name=metric]', 'http_requests_total');
    await page.waitForURL(/metric=http_requests_total/);
    assert.match(await page.textContent('select[name=metric] option:checked'), /counter · 12 series/);
    await page.fill('input[name=by]', 'status');
    await page.press('input[name=by]', 'Enter');
    await page.waitForURL(/by=status/);
    assert.deepEqual(await heads(page), ['Time', '200', '404', '503']);
    await page.fill('input[name=match]', 'status=~"4..|5.."');
    await page.press('input[name=match]', 'Enter');
    await page.waitForURL(/match=/);
    assert.deepEqual(await heads(page), ['Time', '404', '503']);
    await page.selectOption('select[name=agg]', 'sum');
    await page.waitForURL(/agg=sum/);
    await page.selectOption('select[name=step]', '1h');
    await page.waitForURL(/step=1h/);
    assert.match(await page.textContent('.big-chart header'), /sum of http_requests_total.*steps of 1 hour/s);
    // The address alone is enough to see the same.
    const again = await session.open(page.url().slice(service.url.length));
    assert.deepEqual(await heads(again), await heads(page));
    assert.equal(await again.inputValue('input[name=match]'), 'status=~"4..|5.."');
    await shut(again);
    // Values of labels and labels are links that change the question.
    await page.goto(service.url + asks({ metric: 'http_requests_total' }));
    await page.click('.values-of a:has-text("/checkout")');
    await page.waitForURL(/match=/);
    assert.equal(param(page, 'match'), 'endpoint="/checkout"');
    await page.locator('tr:has(th:has-text("method")) >> text=group by').click();
    assert.equal(param(page, 'by'), 'method');
    assert.deepEqual(await heads(page), ['Time', 'POST']);
    await page.goBack();
    assert.equal(param(page, 'by'), null);
    await clean(page);
    await shut(page);
  });

  test('what is the same from a program is copied as it is shown', async () => {
    const page = await session.open(asks({ metric: 'http_requests_total', by: 'status', match: 'status=~"4..|5.."' }));
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.click('#api-query ~ button:has-text("Copy")');
    await page.waitForSelector('button:has-text("Copied")');
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(text, await page.textContent('#api-query'));
    const address = new URL(text.match(/^curl -H "X-API-Key: \$API_KEY" '([^']+)'$/)[1]);
    const answer = await service.api(address.pathname + address.search);
    assert.deepEqual(answer.series.map((one) => one.labels.status), ['404', '503']);
    await clean(page);
    await shut(page);
  });

  test('mistakes in a question are said beside it, and nothing typed is lost', async () => {
    for (const [question, message] of [[{ match: 'status=~"("' }, /is not valid|missing/], [{ match: 'status' }, /match/], [{ agg: 'median' }, /agg/], [{ period: 'soon' }, /soon/],
      [{ step: 'x' }, /step/], [{ by: 'a,b,c,d,e,f,g,h,i' }, /by has 9 labels, the limit is 8/], [{ step: '1s', period: '30d' }, /buckets, the limit is/]]) {
      const page = await session.open(undefined);
      const status = (await page.goto(service.url + asks({ metric: 'http_requests_total', ...question }))).status();
      assert.ok(status === 400 || question.period === 'soon', `${JSON.stringify(question)}: ${status}`);
      assert.match(await page.textContent('.notice.bad'), message);
      if (question.match) assert.equal(await page.inputValue('input[name=match]'), question.match);
      assert.equal(await page.inputValue('select[name=metric]'), 'http_requests_total');
      await shut(page);
    }
  });

  test('the explorer by keyboard alone', async () => {
    const page = await session.open('/');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter'); // the first row of metrics
    await page.waitForURL(/\/explore\?metric=/);
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.name), 'metric');
    await page.keyboard.type('queue'); // as in any list
    await page.keyboard.press('Enter');
    await page.waitForURL(/metric=queue_depth/);
    const order = [];
    await page.keyboard.press('/');
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press('Tab');
      order.push(await page.evaluate(() => document.activeElement.name || document.activeElement.textContent));
    }
    assert.deepEqual(order, ['agg', 'by', 'match', 'project', 'period', 'step', 'compare', 'refresh']);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab'); // the CSV link, then the table
    await page.keyboard.press('Enter');
    assert.ok(await page.isVisible('table.values'));
    await page.keyboard.press('?');
    await page.waitForSelector('#keys[open]');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#keys[open]').count(), 0);
    await clean(page);
    await shut(page);
  });

  test('a chart draws its table: gaps as gaps, the period before as dashes, and zooms', async () => {
    const page = await session.open(asks({ metric: 'queue_depth', agg: 'max', step: '5m' }));
    await page.waitForSelector('ml-chart.drawn canvas');
    const [times, values] = await drawn(page);
    const inTable = new Map((await sent(page)).map((line) => line.split(',')).map(([t, v]) => [Date.parse(t) / 1000, Number(v)]));
    let holes = 0;
    times.forEach((t, i) => { if (values[i] === null) holes++; else assert.equal(values[i], inTable.get(t)); });
    assert.equal(holes, 1, 'the hour without values is one gap');
    // Other colours and another time zone are drawn with the same values.
    const before = await drawn(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.click('[data-zone-toggle]');
    await page.waitForFunction(() => document.documentElement.dataset.zone === 'utc');
    await page.waitForTimeout(100);
    assert.deepEqual(await drawn(page), before);
    // The crosshair says what is under it.
    const box = await page.locator('ml-chart .u-over').boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.waitForFunction(() => /^\d/.test(document.querySelector('.u-legend .u-series:nth-child(2) .u-value').textContent));
    assert.match(await page.textContent('.u-legend .u-series:first-child .u-value'), /^\d{4}-\d\d-\d\d \d\d:\d\d$/);
    await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/from=\d+&to=\d+/);
    const seconds = Number(param(page, 'to')) - Number(param(page, 'from'));
    assert.ok(Math.abs(seconds - 6 * 3600) < 900, `zoomed to ${seconds} s`);

    await page.goto(service.url + asks({ metric: 'queue_depth', period: '6h', step: '5m', compare: 'previous' }));
    assert.deepEqual(await heads(page), ['Time', 'avg', 'avg (before)']);
    assert.ok(await page.evaluate(() => document.querySelector('ml-chart').plot.series[2].dash?.length > 0));
    assert.ok((await drawn(page))[2].some((v) => typeof v === 'number'));
    await clean(page);
    await shut(page);
  });

  test('crosshairs of a page move together', async () => {
    const page = await session.open('/');
    await page.waitForSelector('ml-chart.drawn canvas');
    const box = await page.locator('ml-chart .u-over').first().boundingBox();
    await page.mouse.move(box.x + box.width / 3, box.y + 60);
    await page.waitForFunction(() => {
      const at = [...document.querySelectorAll('ml-chart')].slice(0, 3).map((c) => c.querySelector('.u-legend .u-value').textContent);
      return at.every((text) => /^\d{4}-/.test(text) && text === at[0]);
    });
    await shut(page);
  });

  test('the file has what the table has', async () => {
    const page = await session.open(asks({ metric: 'http_request_duration_seconds', agg: 'p95', by: 'endpoint', step: '1h' }));
    await page.waitForSelector('ml-chart.drawn');
    const table = await sent(page);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('a.csv')]);
    const chunks = [];
    for await (const c of await download.createReadStream()) chunks.push(c);
    const lines = Buffer.concat(chunks).toString().trim().split('\n');
    assert.equal(lines[0], 'time,/,/cart,/checkout,/products/{id}');
    assert.equal(lines.length, table.length + 1);
    lines.slice(1).forEach((line, i) => {
      const cells = line.split(','), drawn = table[i].split(',');
      assert.equal(cells.length, drawn.length);
      cells.forEach((cell, n) => assert.ok(n === 0 || cell === '' ? cell === drawn[n] : rounded(cell, drawn[n]), `${line}: ${table[i]}`));
    });
    assert.equal(download.suggestedFilename(), 'metrics.csv');
    await shut(page);
  });

  test('the table that a script makes is the one of the server', async () => {
    // The last one has values in minutes, in KiB and in no unit, some far apart.
    const now = Date.now(), point = (name, value, n) => ({ name, type: 'gauge', value, project: 'units', timestamp: new Date(now - n * 60000).toISOString() });
    await send(service, [0, 0.00012345, 98.765, 133.44, 7213, 1e-9].map((v, n) => point('wait_seconds', v, 60 * n + 5))
      .concat([0, 1023, 1048570, 123456789, -5].map((v, n) => point('size_bytes', v, 60 * n + 5)), [1e-12, 1e12, 0, -3.5, 999.4].map((v, n) => point('odd', v, 60 * n + 5))));
    // What is not over changes while one looks.
    const rows = (page) => page.$$eval('table.values', (list) => list.map((t) => [t.caption.textContent, ...[...t.rows].map((r) => [...r.cells].map((c) => c.textContent.trim().replace(/\s+/g, ' ')).join(' | ').replace(/(not over) .*/, '$1'))]));
    const to = new Date(now).toISOString(), from = new Date(now - 86400e3).toISOString();
    for (const [charts, path] of [[4, '/?'], [1, '/explore?metric=http_request_duration_seconds&by=endpoint&'], [1, '/explore?metric=queue_depth&by=queue&compare=previous&'],
      [1, '/explore?metric=wait_seconds&'], [1, '/explore?metric=size_bytes&'], [1, '/explore?metric=odd&']]) {
      const page = await session.open(`${path}from=${from}&to=${to}`);
      await page.click('[data-zone-toggle]');
      await tables(page);
      const made = await rows(page);
      assert.equal(made.length, charts, path);
      assert.equal(await page.locator('table.values time:not([title])').count(), 0, 'a time in the zone of the server');
      await page.goto(`${service.url}${path}from=${from}&to=${to}&tables=yes`);
      assert.ok(await page.isVisible('table.values >> nth=0'));
      assert.deepEqual(made, await rows(page), path);
      await page.click('[data-zone-toggle]');
      await shut(page);
    }
  });

  for (const js of [true, false]) {
    test(`a dashboard from the first question to its end, ${js ? 'with' : 'without'} JavaScript`, async () => {
      const page = await session.open(asks({ metric: 'http_requests_total', by: 'status', agg: 'rate' }), { js });
      const title = `Web ${js ? 1 : 2}`;
      await page.fill('input[name=title]', title);
      await page.click('button:has-text("Add as a panel")');
      await page.waitForURL(new RegExp(`/dashboards/web-${js ? 1 : 2}$`));
      await page.goto(service.url + asks({ metric: 'queue_depth', match: 'queue="mail"' }));
      await page.selectOption('select[name=slug]', { label: title });
      await page.click('button:has-text("Add as a panel")');
      await page.waitForURL(/\/dashboards\/web-/);
      assert.equal(await page.locator('ml-chart').count(), 2);
      if (js) await tables(page);
      else await page.locator('ml-chart a:has-text("Show as a table")').first().click();
      assert.equal(await page.locator('table.values').first().locator('thead th').count(), 4);
      await page.click('summary:has-text("Edit this dashboard")');
      await page.locator('button:has-text("Move up")').nth(1).click();
      assert.match(await page.locator('.charts h2').first().textContent(), /queue_depth/);
      const exported = await (await page.request.get(page.url() + '/export')).json();
      assert.deepEqual(exported.panels.map((p) => [p.metric, p.match ?? '', p.by ?? []]), [['queue_depth', 'queue="mail"', []], ['http_requests_total', '', ['status']]]);
      await page.click('summary:has-text("Edit this dashboard")');
      await page.locator('button:has-text("Remove")').first().click();
      if (js) await Promise.all([page.waitForEvent('load'), page.click('#confirm [data-yes]')]);
      assert.equal(await page.locator('ml-chart').count(), 1);
      await page.click('summary:has-text("Edit this dashboard")');
      await page.click('button:has-text("Delete dashboard")');
      if (js) {
        await page.click('#confirm >> text=Cancel');
        await page.click('button:has-text("Delete dashboard")');
        await page.click('#confirm [data-yes]');
      } else {
        await page.click('text=Cancel'); // the server asks
        await page.click('summary:has-text("Edit this dashboard")');
        await page.click('button:has-text("Delete dashboard")');
        await page.click('button:has-text("Delete dashboard")');
      }
      await page.waitForURL(/\/dashboards$/);
      assert.match(await page.textContent('main'), /deleted/);
      // The file brings it back.
      await page.fill('textarea[name=file]', JSON.stringify(exported));
      await page.click('button:has-text("Save")');
      await page.waitForURL(/\/dashboards\/web-/);
      assert.equal(await page.locator('ml-chart').count(), 2);
      await clean(page, 'dashboard');
      await shut(page);
    });
  }

  test('cardinality names the label that explodes', async () => {
    await send(service, Array.from({ length: 300 }, (_, n) => ({ name: 'exploding', type: 'counter', value: 1, labels: { user: `u${n}`, kind: `k${n % 3}` } })));
    const page = await session.open('/cardinality');
    const row = page.locator('tr:has(th:has-text("exploding"))');
    assert.match((await row.innerText()).replace(/\s+/g, ' '), /exploding none counter 300 0 user 300 kind 3/);
    assert.equal(await page.locator('tbody tr th').first().innerText(), 'exploding');
    await clean(page);
    await shut(page);
  });

  test('a page that refreshes itself shows what has arrived', async () => {
    const page = await session.open(asks({ metric: 'exploding', agg: 'count', period: '1h', refresh: '5s' }));
    const sum = () => document.querySelector('ml-chart').values?.().lines.flat().reduce((all, v) => all + v, 0);
    assert.equal(await page.evaluate(sum), 300);
    await send(service, [{ name: 'exploding', type: 'counter', value: 1, labels: { user: 'u1', kind: 'k1' } }]);
    await page.waitForFunction(() => document.querySelector('ml-chart').values?.().lines.flat().reduce((all, v) => all + v, 0) === 301, undefined, { timeout: 9000 });
    await clean(page);
    await shut(page);
  });
});

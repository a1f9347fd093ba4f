import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from './page.mjs';

// reported captures what fn does and returns the errors that were sent.
async function reported(fn, { options, ...page } = {}) {
  const opened = openPage(page);
  const client = opened.start(options);
  await fn(opened, client);
  await opened.tick(200);
  return { page: opened, client, errors: opened.errors() };
}

const at = (page, name, stack) => Object.assign(new page.window.Error(name), { stack });

test('uncaught errors, with where something was thrown that is no Error', async () => {
  const { errors } = await reported((page) => {
    page.fire('error', { error: new page.window.RangeError('too far'), message: 'Uncaught RangeError: too far' });
    page.fire('error', { error: 'just text', message: 'Uncaught just text', filename: 'https://shop.example.com/app.js', lineno: 3, colno: 14 });
    page.fire('error', { error: null, message: 'Uncaught null', filename: 'https://shop.example.com/app.js', lineno: 9, colno: 1 });
    page.fire('error', { error: Object.create(null), message: 'Uncaught #<Object>', filename: 'https://shop.example.com/app.js', lineno: 10, colno: 1 });
  });
  assert.deepEqual(errors.map((one) => [one.type, one.message, one.mechanism, one.handled]), [
    ['RangeError', 'too far', 'onerror', false],
    ['Error', 'just text', 'onerror', false],
    ['Error', 'Uncaught null', 'onerror', false],
    ['Error', '{}', 'onerror', false],
  ]);
  assert.equal(errors[1].stack, 'Uncaught just text\n    at https://shop.example.com/app.js:3:14');
});

test('unhandled rejections: errors, DOMExceptions, other values, events of libraries', async () => {
  const { errors } = await reported((page) => {
    const reject = (reason) => page.fire('unhandledrejection', { reason });
    reject(new page.window.TypeError('no'));
    reject(new page.window.DOMException('gone', 'NotFoundError'));
    reject('text');
    reject({ code: 7 });
    reject(undefined);
    page.fire('unhandledrejection', { detail: { reason: new page.window.Error('of a library') } });
    reject(Symbol('s'));
    reject({ name: 'HttpError', message: 'status 418', stack: 'HttpError: status 418\n    at x (https://shop.example.com/a.js:1:2)' });
  });
  assert.deepEqual(errors.map((one) => [one.type, one.message]), [
    ['TypeError', 'no'], ['NotFoundError', 'gone'], ['UnhandledRejection', 'text'], ['UnhandledRejection', '{"code":7}'],
    ['UnhandledRejection', 'undefined'], ['Error', 'of a library'], ['UnhandledRejection', 'Symbol(s)'], ['HttpError', 'status 418'],
  ]);
  assert.ok(errors.every((one) => !one.handled && one.mechanism === 'onunhandledrejection'));
});

test('causes, at most five, and none of a circle harms', async () => {
  const { errors } = await reported((page, client) => {
    const root = new Error('disk full');
    client.captureError(new Error('cannot save', { cause: new TypeError('write failed', { cause: root }) }));
    const circle = new Error('circle');
    circle.cause = circle;
    client.captureError(circle);
    client.captureError(Object.assign(new Error('all failed'), { errors: [new Error('the first')] }));
    client.captureError(new Error('odd', { cause: 'text' }));
  });
  assert.deepEqual(errors.map((one) => one.causes.map((cause) => [cause.type, cause.message])), [
    [['TypeError', 'write failed'], ['Error', 'disk full']],
    Array(5).fill(['Error', 'circle']),
    [['Error', 'the first']],
    [['Error', 'text']],
  ]);
  assert.match(errors[0].causes[1].stack, /disk full/);
});

test('equal errors within a minute are counted, not sent; another call site is another error', async () => {
  const { page, client } = await reported((page, client) => {
    const site = (line) => at(page, 'boom', `Error: boom\n    at f (https://shop.example.com/app.js:1:${line})\n    at g (https://shop.example.com/app.js:9:9)`);
    for (let i = 0; i < 5; i++) client.captureError(site(10));
    client.captureError(site(20));
  });
  assert.equal(page.errors().length, 2);
  await page.tick(61_000);
  client.captureError(at(page, 'boom', 'Error: boom\n    at f (https://shop.example.com/app.js:1:10)'));
  await page.tick(200);
  assert.deepEqual(page.errors().map((one) => one.count), [undefined, undefined, 4]);
  assert.equal(page.dropped().repeated, 4);
});

test('Firefox and Safari stacks have no line with the message', async () => {
  const { page } = await reported((page, client) => {
    for (const line of [1, 2, 1]) client.captureError(at(page, 'boom', `f@https://shop.example.com/app.js:${line}:5\ng@https://shop.example.com/app.js:9:9`));
  });
  assert.equal(page.errors().length, 2);
});

test('30 errors a minute', async () => {
  const { page, client } = await reported(async (page, client) => {
    for (let i = 0; i < 40; i++) client.captureError(new Error(`no ${i}`));
  });
  assert.equal(page.errors().length, 30);
  await page.tick(61_000);
  client.captureError(new Error('a minute later'));
  await page.tick(200);
  assert.equal(page.errors().length, 31);
  assert.equal(page.dropped().budget, 10);
});

test('what nobody can do anything about is ignored', async () => {
  const { page } = await reported((page, client) => {
    page.fire('error', { message: 'Script error.', filename: '', lineno: 0, colno: 0 });
    page.fire('error', { message: 'ResizeObserver loop limit exceeded' });
    page.fire('error', { message: 'ResizeObserver loop completed with undelivered notifications.' });
    for (const scheme of ['chrome', 'moz', 'safari-web']) client.captureError(at(page, scheme, `Error: x\n    at a (${scheme}-extension://abc/x.js:1:1)\n    at b (https://shop.example.com/app.js:1:1)`));
    client.captureError(at(page, 'ours', `Error: x\n    at b (https://shop.example.com/app.js:1:1)\n    at a (chrome-extension://abc/x.js:1:1)`));
  });
  assert.deepEqual(page.errors().map((one) => one.message), ['ours']);
  page.start().captureMessage('x');
  await page.tick(200);
  assert.equal(page.dropped().ignored, 6);
});

test('beforeSend: changes, drops, fails, gives something else', async () => {
  const hooks = {
    changes: [(event) => ({ ...event, message: 'changed' }), 'changed'],
    'changes in place': [(event) => void (event.message = 'changed'), 'secret'],
    drops: [() => null, undefined],
    throws: [(event) => { event.context.half = true; throw new Error('hook'); }, 'secret'],
    'is asynchronous': [async (event) => event, 'secret'],
    'gives a number': [() => 7, 'secret'],
    'gives a circle': [(event) => Object.assign(event, { message: 'circle', self: event }), 'circle'],
  };
  for (const [name, [beforeSend, message]] of Object.entries(hooks)) {
    const { page, errors } = await reported((_, client) => client.captureError(new Error('secret')), { options: { beforeSend } });
    assert.equal(errors[0]?.message, message, name);
    assert.equal(errors[0]?.context.half, undefined, name);
    assert.deepEqual(page.faults, [], name);
  }
  const { page, client, errors } = await reported((_, client) => client.captureError(new Error('secret')), {
    options: { dropOnBeforeSendError: true, beforeSend: (event) => { if (event.message === 'secret') throw new Error('hook'); return event; } },
  });
  assert.equal(errors.length, 0);
  client.captureMessage('fine');
  await page.tick(200);
  assert.equal(page.dropped().before_send, 1);
});

test('errors, console calls and requests made while capturing are ignored', async () => {
  const { page } = await reported((_, client) => client.captureError(new Error('outer')), {
    options: {
      captureConsole: true,
      beforeSend(event) {
        globalThis.client.captureError(new Error('inner'));
        globalThis.page.window.console.error('inner');
        void globalThis.page.window.fetch('/inner');
        return event;
      },
    },
    before: (_, page) => { globalThis.page = page; page.start0 = page.start; page.start = (options) => (globalThis.client = page.start0(options)); },
  });
  await page.tick(6_000);
  assert.deepEqual(page.errors().map((one) => one.message), ['outer']);
  assert.equal(page.metrics('browser_http_requests_total').length, 0);
  delete globalThis.page;
  delete globalThis.client;
});

test('values that JSON cannot hold become placeholders', async () => {
  const circle = { name: 'circle' };
  circle.self = circle;
  const bare = Object.assign(Object.create(null), { a: 1 });
  const { page, errors } = await reported((_, client) => client.captureError(new Error('x'), {
    circle, bare, big: 10n, symbol: Symbol('s'), fn: () => 1, nan: NaN, date: new Date(0), error: new TypeError('inside'),
    get trap() { throw new Error('getter'); }, proxy: new Proxy({}, { ownKeys() { throw new Error('proxy'); } }),
    list: [1, [2, [3]]], same: [bare, bare], deep: { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } }, html: globalThis.undefined, text: 'x'.repeat(20_000),
  }));
  const { context } = errors[0];
  assert.deepEqual(context.circle, { name: 'circle', self: '[Circular]' });
  assert.deepEqual([context.bare, context.same, context.list], [{ a: 1 }, [{ a: 1 }, { a: 1 }], [1, [2, [3]]]]);
  assert.deepEqual([context.big, context.symbol, context.nan, context.error], ['10', 'Symbol(s)', null, 'TypeError: inside']);
  assert.equal(context.trap, '[unreadable]');
  assert.equal(context.proxy, '[unreadable]');
  assert.equal(context.text.length, 16_384);
  assert.ok(context.text.endsWith(' [truncated]'));
  assert.ok(JSON.stringify(context.deep).includes('[object Object]'));
  assert.deepEqual(page.faults, []);
});

test('of a value with millions of members few are read', async () => {
  let reads = 0;
  const wide = (depth) => {
    if (!depth) return 'leaf';
    const members = Array.from({ length: 100 }, (_, i) => [i, { enumerable: true, get: () => (reads++, wide(depth - 1)) }]);
    return Object.defineProperties({}, Object.fromEntries(members));
  };
  const { errors } = await reported((_, client) => client.captureError(new Error('x'), { wide: wide(5) }));
  assert.equal(errors.length, 1);
  assert.ok(reads > 100 && reads < 70_000, `${reads} reads`);
  assert.ok(JSON.stringify(errors[0]).length < 50_000);
});

test('stacks, messages and whole reports are bounded, and say that they were cut', async () => {
  const long = '界'.repeat(40_000);
  const { page, errors } = await reported((page, client) => {
    client.captureError(Object.assign(new Error(long), { stack: long }), { a: long, b: long, c: long });
    client.captureError(Object.assign(new Error('many'), { stack: 'x'.repeat(1e6), cause: Object.assign(new Error('c'), { stack: 'y'.repeat(1e6) }) }));
  });
  assert.equal(errors.length, 2);
  for (const one of errors) assert.ok(Buffer.byteLength(JSON.stringify(one)) <= 50_000);
  assert.equal(errors[0].message.length, 2_048);
  assert.ok(errors[0].message.endsWith('[truncated]') && errors[0].stack.endsWith('[truncated]'));
  assert.equal(errors[0].context.truncated, true);
  assert.equal(errors[1].stack.length, 16_384);
  for (const request of page.requests) assert.ok(Buffer.byteLength(request.body) < 65_536);
});

test('properties that throw when they are looked at', async () => {
  const { errors, page } = await reported((_, client) => {
    client.captureError({ get message() { throw new Error('m'); } });
    client.captureError({ message: 'half', get stack() { throw new Error('s'); }, get name() { throw new Error('n'); }, get cause() { throw new Error('c'); } });
    client.captureError(new Proxy({}, { get() { throw new Error('g'); } }));
  });
  assert.deepEqual(errors.map((one) => one.message), ['{"message":"[unreadable]"}', 'half', '{}']);
  assert.deepEqual(page.faults, []);
});

test('the console, when asked for; what it prints is not touched', async () => {
  const printed = [];
  const { errors, page } = await reported((page) => {
    page.window.console.error('cannot', { id: 7 }, Object.create(null), Symbol('s'));
    page.window.console.warn('careful');
    page.window.console.error(Object.assign(new page.window.Error('inner'), { stack: 'Error: inner\n    at f (https://shop.example.com/a.js:1:2)' }));
    page.window.console.log('nothing');
  }, { options: { captureConsole: true }, before: (window) => { window.console.error = (...args) => printed.push(args.length); } });
  assert.deepEqual(errors.map((one) => [one.type, one.message, one.mechanism]), [
    ['ConsoleError', 'cannot {"id":7} {} Symbol(s)', 'console'], ['ConsoleWarning', 'careful', 'console'], ['ConsoleError', 'Error: inner', 'console'],
  ]);
  assert.deepEqual(printed, [4, 1]);
  assert.match(errors[2].stack, /a\.js:1:2/);
  assert.deepEqual(page.faults, []);
});

test('resources that did not load, when asked for', async () => {
  for (const captureResources of [false, true]) {
    const { errors } = await reported((page) => {
      const image = page.document.createElement('img');
      page.document.body.append(image);
      Object.defineProperty(image, 'src', { value: 'https://cdn.example.com/pics/1234/a.png?token=1' });
      image.dispatchEvent(new page.window.Event('error'));
    }, { options: { captureResources } });
    assert.deepEqual(errors.map((one) => [one.type, one.message, one.mechanism]),
      captureResources ? [['ResourceError', 'img did not load: https://cdn.example.com/pics/{id}/a.png', 'resource']] : []);
  }
});

test('debug ids of the scripts in the stack', async () => {
  const ids = { first: '11111111-1111-5111-8111-111111111111', second: '22222222-2222-5222-8222-222222222222' };
  const { errors } = await reported((page, client) => client.captureError(at(page, 'x', 'Error: x\n    at f (https://shop.example.com/a.js:1:10)\n    at g (https://shop.example.com/b.js:1:10)')), {
    before(window) {
      window._debugIds = { 'Error\n    at https://shop.example.com/a.js:1:300\n    at https://shop.example.com/loader.js:1:3': ids.first, odd: 'x' };
      window._sentryDebugIds = { '@https://shop.example.com/b.js:2:3\n@https://shop.example.com/a.js:1:3': ids.second, 'Error\n    at https://shop.example.com/c.js:1:1': 'unused' };
    },
  });
  assert.deepEqual(errors[0].debug_ids, { 'https://shop.example.com/a.js': ids.first, 'https://shop.example.com/b.js': ids.second });
});

test('the queries of addresses in stacks stay in the page', async () => {
  const { errors } = await reported((page, client) => client.captureError(at(page, 'x?y', 'Error: x?y\n    at f (https://shop.example.com/orders?token=secret&at=noon#top:1:10)\n    at g (https://shop.example.com/a.js?v=3:1:200)', {})), {
    before: (window) => { window._debugIds = { 'Error\n    at https://shop.example.com/a.js?v=3:1:30': 'the-id' }; },
  });
  assert.equal(errors[0].stack, 'Error: x?y\n    at f (https://shop.example.com/orders:1:10)\n    at g (https://shop.example.com/a.js:1:200)');
  assert.deepEqual(errors[0].debug_ids, { 'https://shop.example.com/a.js': 'the-id' });
});

test('breadcrumbs: clicks, routes, requests; the newest 30', async () => {
  const { errors, page, client } = await reported(async (page, client) => {
    page.document.getElementById('buy').click();
    page.window.history.pushState(null, '', '/cart/17?coupon=secret');
    await page.window.fetch('/api/items/4711?q=secret');
    await page.tick(0);
    client.captureError(new Error('x'));
  });
  const { breadcrumbs } = errors[0];
  assert.deepEqual(breadcrumbs.map(({ category, message }) => [category, message]), [
    ['click', 'button#buy.big.red'], ['navigation', '/orders/{id} > /cart/{id}'], ['http', 'GET https://shop.example.com/api/items/{id}'],
  ]);
  assert.match(breadcrumbs[0].t, /^2026-11-20T10:00:00/);
  assert.equal(breadcrumbs[2].data.status, 200);
  assert.equal(JSON.stringify(page.requests[0].json).includes('secret'), false);
  for (let i = 0; i < 50; i++) page.document.getElementById('buy').click();
  client.captureError(new Error('y'));
  await page.tick(200);
  assert.equal(page.errors()[1].breadcrumbs.length, 30);
});

test('a share of the errors', async () => {
  const { page } = await reported((page, client) => {
    page.window.Math.random = () => 0.4;
    client.captureError(new Error('lost'));
    page.window.Math.random = () => 0.2;
    client.captureError(new Error('kept'));
  }, { options: { errorSampleRate: 0.3 } });
  assert.deepEqual(page.errors().map((one) => one.message), ['kept']);
  assert.equal(page.dropped().sampled, 1);
});

test('storage, crypto.randomUUID and observers that throw when they are only looked at', async () => {
  const { page, errors } = await reported((page, client) => client.captureError(new Error('x')), {
    before(window) {
      Object.defineProperty(window, 'sessionStorage', { get() { throw new window.DOMException('denied', 'SecurityError'); } });
      Object.defineProperty(window.crypto, 'randomUUID', { get() { throw new Error('no'); } });
      Object.defineProperty(window.navigator, 'sendBeacon', { get() { throw new Error('no'); } });
      Object.defineProperty(window, 'PerformanceObserver', { get() { throw new Error('no'); } });
    },
  });
  assert.equal(errors.length, 1);
  assert.match(errors[0].session_id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.deepEqual(page.faults, []);
});

test('deep stacks are asked for, unless the page asked for deeper ones', () => {
  for (const [before, after] of [[10, 50], [200, 200]]) {
    const page = openPage({ before: (window) => { window.Error.stackTraceLimit = before; } });
    page.start();
    assert.equal(page.window.Error.stackTraceLimit, after);
  }
});

// A page in jsdom with a clock, a fetch and a PerformanceObserver of our own, into which a built bundle is loaded.
import { readFileSync } from 'node:fs';
import { JSDOM, VirtualConsole } from 'jsdom';

const script = readFileSync(new URL('../dist/monlight.min.js', import.meta.url), 'utf8');
const commonJS = readFileSync(new URL('../dist/monlight.cjs', import.meta.url), 'utf8');

export const ENDPOINT = 'https://relay.example.com';
export const KEY = '0123456789abcdef0123456789abcdef';

/**
 * Opens a page. before(window) runs ahead of the bundle. answer(url, init, n) gives what the relay answers to
 * the n-th request: a status, [status, headers], or an Error for no answer.
 */
export function openPage({ url = 'https://shop.example.com/orders/42?token=secret#top', before, answer = () => 202, config, cjs = false } = {}) {
  const faults = [];
  const virtualConsole = new VirtualConsole();
  virtualConsole.on('jsdomError', (error) => faults.push(error));
  const warnings = [];
  virtualConsole.on('warn', (...args) => warnings.push(args.join(' ')));
  const dom = new JSDOM('<!doctype html><body><button id="buy" class="big red">Buy</button></body>', { url, runScripts: 'outside-only', pretendToBeVisual: true, virtualConsole });
  const { window } = dom;

  // Time stands still until tick().
  let now = Date.parse('2026-11-20T10:00:00Z');
  let timers = [];
  const NativeDate = window.Date;
  window.Date = class extends NativeDate {
    constructor(...args) {
      super(...(args.length ? args : [now]));
    }
    static now() {
      return now;
    }
  };
  window.setTimeout = (fn, ms = 0) => void timers.push({ fn, at: now + Math.max(0, ms) });
  const tick = async (ms) => {
    const end = now + ms;
    await settle();
    for (;;) {
      timers.sort((a, b) => a.at - b.at);
      const next = timers[0];
      if (!next || next.at > end) break;
      timers.shift();
      now = Math.max(now, next.at);
      next.fn();
      await settle();
    }
    now = end;
  };

  const requests = [];
  window.Request = class {
    get keepalive() {
      return false;
    }
  };
  window.fetch = (to, init = {}) => {
    if (!String(to).startsWith(ENDPOINT + '/')) return Promise.resolve({ status: 200 });
    const request = { url: String(to), ...init, json: JSON.parse(init.body) };
    requests.push(request);
    const given = answer(request.url, init, requests.length);
    if (given instanceof Promise) return given;
    if (given instanceof Error) return Promise.reject(given);
    const [status, headers = {}] = Array.isArray(given) ? given : [given];
    return Promise.resolve({ status, headers: { get: (name) => headers[name] ?? null } });
  };
  let hidden = false;
  Object.defineProperty(window.document, 'hidden', { configurable: true, get: () => hidden });
  Object.defineProperty(window.navigator, 'onLine', { configurable: true, get: () => page.online });

  const page = {
    dom, window, requests, faults, warnings, tick, online: true,
    document: window.document,
    now: () => now,
    hide() {
      hidden = true;
      window.document.dispatchEvent(new window.Event('visibilitychange', { bubbles: true }));
    },
    show() {
      hidden = false;
      window.document.dispatchEvent(new window.Event('visibilitychange', { bubbles: true }));
    },
    fire: (name, members = {}, target = window) => target.dispatchEvent(Object.assign(new window.Event(name), members)),
    errors: () => requests.flatMap((one) => one.json.errors ?? []),
    metrics: (name) => requests.flatMap((one) => one.json.metrics ?? []).filter((one) => !name || one.name === name),
    dropped: () => requests.reduce((sum, { json }) => {
      for (const [reason, n] of Object.entries(json.dropped ?? {})) sum[reason] = (sum[reason] ?? 0) + n;
      return sum;
    }, {}),
    start: (options) => page.sdk.init({ dsn: KEY, endpoint: ENDPOINT, ...options }),
  };
  before?.(window, page);
  if (config) window.MonlightConfig = config;
  if (cjs) page.sdk = window.eval(`(() => { const module = { exports: {} }; ${commonJS}; return module.exports; })()`);
  else {
    window.eval(script);
    page.sdk = window.MonlightSDK;
  }
  return page;
}

export async function settle() {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

/** A PerformanceObserver whose entries the test gives. */
export function fakeVitals(window, supported = ['paint', 'largest-contentful-paint', 'layout-shift', 'event', 'first-input', 'navigation'], navigation = {}) {
  const observers = [];
  window.PerformanceObserver = class {
    static supportedEntryTypes = supported;
    constructor(callback) {
      this.callback = callback;
      this.pending = [];
    }
    observe(options) {
      this.options = options;
      observers.push(this);
    }
    takeRecords() {
      return this.pending.splice(0);
    }
    disconnect() {
      observers.splice(observers.indexOf(this), 1);
    }
  };
  window.performance.getEntriesByType = (type) => (type === 'navigation' ? [{ activationStart: 0, ...navigation }] : []);
  return {
    observers,
    // emit delivers entries; queue leaves them where only takeRecords() finds them.
    emit: (type, ...entries) => {
      for (const one of observers.filter((o) => o.options.type === type)) one.callback({ getEntries: () => entries.map((e) => ({ duration: 0, ...e })) });
    },
    queue: (type, ...entries) => {
      for (const one of observers.filter((o) => o.options.type === type)) one.pending.push(...entries.map((e) => ({ duration: 0, ...e })));
    },
  };
}

// Opens pages in Chromium and watches that nothing happens behind their back.
import assert from 'node:assert/strict';
import { appendFile, mkdir } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';

export const launch = () => chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
});

// Session opens the pages of one service for one reader.
export class Session {
  constructor(browser, service) {
    this.browser = browser;
    this.service = service;
  }

  // signIn gets a session by the form, once: tries are limited.
  async signIn() {
    const context = await this.browser.newContext();
    const page = await context.newPage();
    await page.goto(this.service.url);
    await page.fill('#key', this.service.key);
    await page.click('button:has-text("Sign in")');
    await page.waitForSelector('.top');
    this.state = await context.storageState();
    await context.close();
    return this;
  }

  // viewer is a session of the same service for who can only read.
  viewer() {
    return new Session(this.browser, { ...this.service, key: this.service.readKey }).signIn();
  }

  // open loads a path in a context of its own. What the page must never do is
  // collected in page.faults; see clean().
  async open(path, { scheme = 'light', width = 1280, height = 900, js = true, zone = 'Europe/Berlin', signedIn = true, status = 200 } = {}) {
    const context = await this.browser.newContext({
      viewport: { width, height }, colorScheme: scheme, javaScriptEnabled: js, timezoneId: zone, locale: 'en-GB',
      storageState: signedIn ? this.state : undefined,
    });
    const page = await context.newPage();
    watch(page, this.service.url);
    if (path !== undefined) assert.equal((await page.goto(this.service.url + path)).status(), status, path);
    return page;
  }
}

// watch collects in page.faults what a page must not do; origins are those it may load from.
export function watch(page, ...origins) {
  page.faults = [];
  const fault = (text) => page.faults.push(text);
  page.on('dialog', async (d) => { fault(`dialog: ${d.message()}`); await d.dismiss(); });
  page.on('pageerror', (err) => fault(`script error: ${err.message}`));
  page.on('console', (m) => {
    const text = m.text();
    if (/Content Security Policy|Refused to|violates/i.test(text)) fault(`CSP: ${text}`);
  });
  page.on('request', (r) => {
    const url = r.url();
    if (!origins.some((origin) => url.startsWith(origin + '/')) && !/^(data|blob|about):/.test(url)) fault(`request to another origin: ${url}`);
  });
  page.on('popup', (p) => fault(`popup: ${p.url()}`));
  page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) => { (window.violations ??= []).push(`${e.violatedDirective} ${e.blockedURI}`); });
  });
}

let cleaned = 0; // pages that were looked at

// clean asserts that a page did nothing it must not do.
export async function clean(page, what = page.url()) {
  cleaned++;
  const inside = await page.evaluate(() => ({ violations: window.violations ?? [], pwned: 'pwned' in window })).catch(() => ({ violations: [], pwned: false }));
  assert.deepEqual([...page.faults, ...inside.violations], [], what);
  assert.equal(inside.pwned, false, `${what}: a script from a report ran`);
}

export const shut = (page) => page.context().close();

// noSideways asserts that nothing is wider than the window.
export async function noSideways(page, what) {
  const wide = await page.evaluate(() => {
    const limit = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= limit) return [];
    return [...document.querySelectorAll('body *')].filter((el) => el.getBoundingClientRect().right > limit + 1)
      .map((el) => `${el.tagName}.${el.className?.baseVal ?? el.className} ${Math.round(el.getBoundingClientRect().right)}`).slice(0, 5);
  });
  assert.deepEqual(wide, [], `${what} is wider than the window`);
}

/** Loads a page for the first time and says what came: bytes of content without headers, and requests. */
export async function weigh(session, url) {
  const page = await session.open(undefined);
  const client = await page.context().newCDPSession(page);
  await client.send('Network.enable');
  await client.send('Network.setCacheDisabled', { cacheDisabled: true });
  let bytes = 0, requests = 0;
  client.on('Network.loadingFinished', (e) => { bytes += e.encodedDataLength; requests++; });
  const headers = [];
  client.on('Network.responseReceivedExtraInfo', (e) => headers.push((e.headersText ?? '').length));
  assert.equal((await page.goto(url, { waitUntil: 'load' })).status(), 200);
  await page.waitForTimeout(500); // what scripts load after that; a live stream never ends
  const body = bytes - headers.reduce((a, b) => a + b, 0);
  console.log(`${url}: ${body} bytes of content in ${requests} requests, ${bytes} with headers`);
  assert.ok(requests >= 3 && body > 5000, 'the page was not measured');
  await shut(page);
  return body;
}

// only asserts that nothing on a page that is open was made of text from outside.
// With styles set by our scripts, style attributes are no finding.
export async function only(page, what = page.url(), { styled = false } = {}) {
  const seen = await page.evaluate((styled) => {
    for (const d of document.querySelectorAll('details')) d.open = true;
    for (const el of document.querySelectorAll('main *')) {
      if (el.closest('.hist, button, a')) continue;
      for (const type of ['mouseover', 'mouseenter', 'focus', 'toggle', 'pointerrawupdate']) el.dispatchEvent(new Event(type, { bubbles: true }));
    }
    return {
      links: [...document.querySelectorAll('a[href], form[action], button[formaction]')].map((el) => el.getAttribute('href') ?? el.getAttribute('action') ?? el.getAttribute('formaction')).filter((h) => !/^(\/|\?|#|https?:)/i.test(h)),
      foreign: [...document.querySelectorAll('main script, main iframe, main object, main embed, main img:not([src^="/"]), main style, main link, main base, main meta, main video')].map((el) => el.tagName),
      handlers: [...document.querySelectorAll('*')].filter((el) => [...el.attributes].some((a) => a.name.startsWith('on') || a.name === 'style' && !styled && !el.closest('.plot'))).map((el) => el.outerHTML.slice(0, 100)),
    };
  }, styled);
  assert.deepEqual(seen, { links: [], foreign: [], handlers: [] }, what);
  await clean(page, what);
}

/** Runs in the page and says what moves on it, or would. */
export function motions() {
  const found = document.getAnimations().map((a) => `runs: ${a.animationName ?? a.transitionProperty}`);
  const longest = (text) => Math.max(...text.split(',').map(parseFloat)); // seconds
  for (const el of document.querySelectorAll('*')) {
    for (const pseudo of [undefined, '::before', '::after']) {
      const style = getComputedStyle(el, pseudo);
      if (longest(style.transitionDuration) > 0.01) found.push(`transition of ${el.tagName}.${el.className}`);
      if (style.animationName !== 'none' && longest(style.animationDuration) > 0.01) found.push(`animation of ${el.tagName}.${el.className}`);
      if (style.scrollBehavior === 'smooth') found.push(`${el.tagName} scrolls smoothly`);
    }
  }
  return found;
}

/**
 * Follows the links of a service from its first pages and asserts of each kind
 * of page that text on it is only ever text. Pages are of one kind when they
 * differ in numbers and values only; `each` of a kind are opened. Returns the kinds.
 */
export async function crawl(session, starts, { each = 3, styled = false } = {}) {
  const page = await session.open('/');
  const origin = session.service.url;
  const kinds = new Map();
  const waiting = [...starts];
  const known = new Set(starts);
  while (waiting.length > 0) {
    const path = waiting.shift();
    const url = new URL(path, origin);
    const kind = `${url.pathname.replace(/\d+/g, 'N').replace(/(dashboards|releases)\/[^/]+/, '$1/X')}?${[...new Set(url.searchParams.keys())].sort()}`;
    const opened = kinds.get(kind) ?? 0;
    if (opened >= each) continue;
    kinds.set(kind, opened + 1);
    const answer = await page.goto(url.href).catch((err) => { if (/Download|ERR_ABORTED/.test(err.message)) return null; throw err; });
    if (!answer || !/text\/html/.test(answer.headers()['content-type'] ?? '')) continue; // a file
    assert.ok(answer.status() < 500, `${path}: ${answer.status()}`);
    await only(page, path, { styled });
    for (const href of await page.$$eval('a[href]', (list) => list.map((a) => a.href))) {
      if (!href.startsWith(`${origin}/`)) continue;
      const next = href.slice(origin.length).replace(/#.*/, '');
      if (!known.has(next)) { known.add(next); waiting.push(next); }
    }
  }
  await shut(page);
  return [...kinds.keys()];
}

// figure keeps what was measured for the table of docs/reliability.md, as harness.Note does.
export async function figure(row, service, kinds, payloads, fields) {
  const dir = process.env.E2E_OUT ?? new URL('../out', import.meta.url).pathname;
  await mkdir(dir, { recursive: true });
  const text = `${payloads} payloads in ${fields} fields, ${cleaned} pages of ${kinds.length} kinds opened in Chromium: scripts run 0, policy reports 0, requests to other origins 0`;
  await appendFile(`${dir}/figures.jsonl`, `${JSON.stringify({ Row: row, Service: service, Text: text, Test: 'browser' })}\n`);
}

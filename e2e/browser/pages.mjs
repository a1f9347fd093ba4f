// Opens pages in Chromium and watches that nothing happens behind their back.
import assert from 'node:assert/strict';
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

// clean asserts that a page did nothing it must not do.
export async function clean(page, what = page.url()) {
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

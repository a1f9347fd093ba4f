// What every screen of the registry has to hold: nobody is shut out, nothing is
// wider than the window, and nothing happens behind the reader's back. `make
// screenshots` takes the pictures of the documents here too, so that they show
// what was looked at.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clean, launch, noSideways, shut } from './pages.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// In dark colours only the rules about colours can have another result.
const rules = {
  light: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  dark: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] },
};
const sizes = { 1280: 720, 768: 720, 360: 720 };

/** Whether pictures are taken for the documents. */
export const updating = process.env.UPDATE_SCREENSHOTS === '1';

/** Where the pictures of the documents are. */
export const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));

/** The most bytes that a picture may have, and all of them together. */
export const limits = { one: 40 * 1024, all: 6 * 1024 * 1024 };

/** The names of the pictures that a screen of a service has. */
export const pictures = (service, screen) => ['light', 'dark'].flatMap((scheme) => (screen.small ? [1280, 360] : [1280]).map((width) => picture(service, screen, scheme, width)));

const picture = (service, { name }, scheme, width) => `${service}-${name}-${scheme}-${width}.webp`;

// take keeps a picture with as few colours as it needs to be small.
async function take(page, file) {
  mkdirSync(folder, { recursive: true });
  const input = await page.screenshot();
  for (const colors of [32, 24, 16]) {
    execFileSync('convert', ['png:-', '-strip', '+dither', '-treedepth', '8', '-colors', String(colors), '-define', 'webp:lossless=true', folder + file], { input });
    if (statSync(folder + file).size <= limits.one) break;
  }
}

// settled ends what fades, and lets charts follow the window.
const settled = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => {
  for (const a of document.getAnimations()) if (a.effect.getComputedTiming().endTime !== Infinity) a.finish();
  requestAnimationFrame(() => resolve());
})));

async function noBarriers(page, what, runOnly) {
  if (!await page.evaluate(() => Boolean(window.axe))) await page.evaluate(axe);
  const violations = await page.evaluate(async (runOnly) => {
    const { violations } = await window.axe.run(document, { runOnly, resultTypes: ['violations'], preload: false });
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`).slice(0, 3).join(' | ')}`);
  }, runOnly);
  assert.deepEqual(violations, [], what);
}

// copiesAll presses each button that copies, and wants its text where texts are
// pasted from.
async function copiesAll(page, what) {
  if (await page.locator('[data-copy],[data-copy-url],[data-copy-href]').count() === 0) return;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const wrong = await page.evaluate(async () => {
    const wrong = [];
    for (const button of document.querySelectorAll('[data-copy],[data-copy-url],[data-copy-href]')) {
      await navigator.clipboard.writeText('nothing');
      const label = button.querySelector('span') ?? button, name = label.textContent;
      const changed = new Promise((resolve) => {
        new MutationObserver(() => resolve(true)).observe(label, { childList: true, characterData: true, subtree: true });
        setTimeout(resolve, 10000, false);
      });
      button.click();
      const answered = await changed, text = await navigator.clipboard.readText(), { copy, copyHref, copyUrl } = button.dataset;
      const same = copyUrl ? text !== '' && text !== 'nothing' : text === (copy ? document.querySelector(copy)?.textContent : new URL(copyHref || location.href, location.href).href);
      if (!answered || label.textContent !== 'Copied' || !same) wrong.push(`${name}: ${button.outerHTML.slice(0, 120)} copied ${text.slice(0, 60)}`);
    }
    return wrong;
  });
  assert.deepEqual(wrong, [], what);
}

// kept has a page for each session that goes from screen to screen: a new one
// costs a new process.
const kept = new WeakMap();

async function pageOf(session, alone, options) {
  const old = alone ? undefined : kept.get(session);
  if (!old) {
    const page = await session.open(undefined, { width: 1280, height: sizes[1280], ...options });
    if (!alone) kept.set(session, page);
    return page;
  }
  await old.evaluate(() => localStorage.clear());
  await old.emulateMedia({ colorScheme: 'light' });
  await old.setViewportSize({ width: 1280, height: sizes[1280] });
  return old;
}

/**
 * Opens a screen once and looks at it in both colour schemes and three widths, or
 * takes its pictures. world is what start() of its service returned.
 */
export async function look(service, world, screen) {
  const { name, of = 'reader', path, act, prepare, small, at, alone = Boolean(prepare) || screen.js === false || screen.signedIn === false, ...options } = screen;
  const session = world[of], scripts = options.js !== false;
  const page = await pageOf(session, alone, options);
  page.faults.length = 0; // of a screen that failed
  await prepare?.(page, world);
  const answer = await page.goto(session.service.url + (typeof path === 'function' ? path(world) : path));
  assert.equal(answer.status(), options.status ?? 200, name);
  await act?.(page, world);
  const widths = updating ? (small ? [1280, 360] : [1280]) : [1280, 768, 360];
  for (const width of widths) {
    if (width !== 1280) await page.setViewportSize({ width, height: sizes[width] });
    if (scripts) await settled(page);
    if (updating && at) await page.locator(at).first().scrollIntoViewIfNeeded();
    if (!updating) await noSideways(page, `${name} at ${width} px`);
    for (const scheme of width === 1280 || updating ? ['light', 'dark'] : []) {
      await page.emulateMedia({ colorScheme: scheme });
      if (scripts) await settled(page); // without scripts nothing fades
      if (updating) await take(page, picture(service, screen, scheme, width));
      else if (scripts) await noBarriers(page, `${name}, ${scheme}`, rules[scheme]); // axe is a script
    }
  }
  if (!updating && scripts) await copiesAll(page, name);
  await clean(page, name);
  if (alone) await shut(page);
}

// pressed are the keys of all that changes something.
const pressed = ['x', 'e', 'm', 't'];

// unchangeable opens the paths of all screens with the key that can only read. Nothing
// there may be for changing, and what is sent all the same is refused with a page.
async function unchangeable(service, world) {
  const pages = {}, seen = new Set();
  let page;
  for (const { name, of = 'reader', path, status = 200, signedIn, prepare } of service.screens) {
    const where = typeof path === 'function' ? path(world) : path, once = `${of} ${where}`;
    if (signedIn === false || prepare || of === 'viewer' || seen.has(once)) continue;
    seen.add(once);
    if (!pages[of]) {
      pages[of] = await (await world[of].viewer()).open(undefined, { width: 1280, height: sizes[1280] });
      pages[of].on('console', (m) => { if (m.type() === 'error' && !/Failed to load resource/.test(m.text())) pages[of].faults.push(m.text()); });
    }
    page = pages[of];
    assert.equal((await page.goto(world[of].service.url + where)).status(), status, name);
    await settled(page);
    const found = await page.evaluate(() => ({
      forms: [...document.forms].filter((f) => f.getAttribute('method') === 'post' && !f.getAttribute('action').endsWith('/sign-out')).map((f) => f.outerHTML.slice(0, 200)),
      fields: [...document.querySelectorAll('[data-check],[data-confirm],[formaction]')].map((f) => f.outerHTML.slice(0, 200)),
      keys: [...document.querySelectorAll('#keys dd')].map((d) => d.textContent).filter((d) => /resolve|mute|select the|test event/.test(d)),
      badge: document.querySelector('.tools .badge')?.textContent,
    }));
    assert.deepEqual(found, { forms: [], fields: [], keys: [], badge: 'read only' }, name);
    const address = page.url();
    for (const key of pressed) await page.keyboard.press(key);
    assert.equal(page.url(), address, `${name}: a key led away`);
    for (const scheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: scheme });
      await settled(page);
      await noBarriers(page, `${name}, ${scheme}`, rules[scheme]);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 360, height: sizes[360] });
    await settled(page);
    await noSideways(page, `${name} at 360 px`);
    await page.setViewportSize({ width: 1280, height: sizes[1280] });
    await clean(page, name);
  }
  if (service.changes) {
    await pages.reader.goto(`${world.reader.service.url}/`);
    const [answer] = await Promise.all([
      pages.reader.waitForNavigation(),
      pages.reader.evaluate((action) => {
        const form = Object.assign(document.createElement('form'), { method: 'post', action });
        form.append(Object.assign(document.createElement('input'), { name: 'action', value: 'delete' }));
        document.body.append(form);
        form.submit();
      }, service.changes),
    ]);
    assert.equal(answer.status(), 403);
    await pages.reader.waitForSelector('h1:has-text("This is not allowed") + p:has-text("This key can only read.")');
    assert.match(await pages.reader.locator('main code').textContent(), /^[A-Z2-7]{20,}$/);
    await clean(pages.reader, 'what was refused');
  }
  const some = pages.reader ?? page;
  await some.click('[aria-label="Sign out"]');
  await some.waitForSelector('#key');
  for (const p of Object.values(pages)) await shut(p);
}

/** Makes a test of each screen of a service; more() makes further ones, and is given a function that returns its world. */
export function inspect(title, service, more) {
  describe(title, () => {
    let world, browser;
    before(async () => {
      browser = await launch();
      world = await service.start(browser);
    });
    after(async () => {
      await browser?.close();
      await world?.stop();
    });
    // Before the screens: some of them end a service.
    if (!updating) test('who can only read is shown nothing that changes something', () => unchangeable(service, world));
    for (const screen of service.screens) test(screen.name, () => look(service.name, world, screen));
    more?.(() => world);
  });
}

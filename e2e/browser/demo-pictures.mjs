// node demo-pictures.mjs URL KEY: pictures of the log viewer of "make demo" while that runs, for the documents.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Session, clean, launch, shut } from './pages.mjs';

const [url, key] = process.argv.slice(2);
if (!key) throw new Error('usage: node demo-pictures.mjs URL KEY');
const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const browser = await launch();
try {
  const session = await new Session(browser, { url, key }).signIn();
  for (const [name, scheme, path, act] of [
    ['explore', 'light', '/?time=15m', (page) => page.waitForSelector('.r')],
    ['traceback', 'light', '/?time=15m&level=ERROR&search=Exception', async (page) => {
      await page.waitForSelector('.r');
      await page.locator('.r', { hasText: 'Exception on /orders' }).first().click();
      await page.waitForSelector('#entry[open]');
    }],
    ['live', 'dark', '/live', async (page) => {
      await page.waitForSelector('text=Connected');
      await page.waitForTimeout(12000);
    }],
    ['containers', 'light', '/containers', () => {}],
  ]) {
    const page = await session.open(path, { scheme, width: 1280, height: 860, zone: 'UTC' });
    await act(page);
    const file = `${folder}log-viewer-demo-${name}-${scheme}-1280.png`;
    await page.screenshot({ path: file });
    execFileSync('convert', [file, '-strip', '+dither', '-colors', '128', '-define', 'png:compression-level=9', `PNG8:${file}`]);
    await clean(page);
    await shut(page);
  }
} finally {
  await browser.close();
}

// The screens of the browser relay.
import { Session } from '../pages.mjs';
import { someTraffic, startRelay } from '../relay.mjs';
import { help, spoil, unfold, wrongKey } from './acts.mjs';

const others = { BASE_URL: '', ERROR_TRACKER_BASE_URL: 'http://127.0.0.1:5010', LOG_VIEWER_BASE_URL: 'http://127.0.0.1:5011', METRICS_COLLECTOR_BASE_URL: 'http://127.0.0.1:5012' };
const test = (release, text) => `/source-maps?test_project=shop&test_release=${release}&test=${encodeURIComponent(text)}`;
const stack = 'TypeError: price is undefined\n    at n (https://shop.example/assets/app.min.js:1:2)\n    at t (https://shop.example/assets/app.min.js:1:12)';

export const relay = {
  name: 'browser-relay',

  async start(browser) {
    const service = await startRelay(others);
    const [empty, broken] = await Promise.all([startRelay(), startRelay()]);
    const stop = () => Promise.all([service, empty, broken].map((s) => s.stop()));
    try {
      const [reader, first, failing] = await Promise.all([service, empty, broken].map((s) => new Session(browser, s).signIn()));
      const { id } = await someTraffic(service);
      const { id: off } = await service.createKey({ project: 'intranet', label: 'switched off' });
      const page = await reader.open(`/keys/${off}`);
      await page.click('button:has-text("Switch off")');
      await page.waitForSelector('text=This key is switched off');
      await page.context().close();
      spoil(broken.database);
      return { service, reader, viewer: await reader.viewer(), first, failing, id, off, stop };
    } catch (err) {
      await stop();
      throw err;
    }
  },

  changes: '/keys',
  screens: [
    { name: 'keys', path: '/', small: true },
    { name: 'keys-mistake', path: '/', act: async (page) => { await page.fill('input[name=project]', 'shop'); await page.fill('textarea[name=origins]', 'https://Shop.example'); await page.click('button:has-text("Create key")'); await page.waitForSelector('.notice.bad'); } },
    { name: 'keys-of-a-search', path: '/?search=1.4.1' },
    { name: 'key', path: (w) => `/keys/${w.id}`, small: true },
    { name: 'key-tested', path: (w) => `/keys/${w.id}`, act: async (page) => { await page.click('button:has-text("Send a test event")'); await page.waitForSelector('.notice.good'); } },
    { name: 'key-rotate-menu', path: (w) => `/keys/${w.id}`, act: (page) => page.click('summary:has-text("Rotate")') },
    { name: 'key-off', path: (w) => `/keys/${w.off}` },
    { name: 'key-not-found', path: '/keys/4711', status: 404 },
    { name: 'traffic', path: '/traffic', small: true },
    { name: 'traffic-unfolded', path: '/traffic?period=7d', act: unfold },
    { name: 'traffic-of-a-key', path: (w) => `/traffic?key=${w.id}&period=30d` },
    { name: 'traffic-first-run', of: 'first', path: '/traffic' },
    { name: 'source-maps', path: '/source-maps', small: true },
    { name: 'source-maps-none-match', path: '/source-maps?search=none-of-ours' },
    { name: 'source-maps-none', of: 'first', path: '/source-maps' },
    { name: 'source-maps-position', path: test('1', 'https://shop.example/app.min.js:1:2'), act: unfold, at: '#test' },
    { name: 'source-maps-stack', path: test('1.4.1', stack), act: unfold, at: '#test', small: true },
    { name: 'source-maps-delete-dialog', path: '/source-maps', act: async (page) => { await page.locator('button:has-text("Delete the map")').first().click(); await page.waitForSelector('#confirm[open]'); } },
    { name: 'keyboard', path: '/', act: help },
    { name: 'read-only', of: 'viewer', path: '/' },
    { name: 'read-only-key', of: 'viewer', path: (w) => `/keys/${w.id}` },
    { name: 'first-run', of: 'first', path: '/', small: true },
    { name: 'page-not-found', path: '/nothing/here', status: 404 },
    { name: 'failure', of: 'failing', path: '/', status: 500 },
    { name: 'sign-in', of: 'first', path: '/', signedIn: false },
    { name: 'sign-in-refused', of: 'first', path: '/', signedIn: false, act: wrongKey },
    { name: 'without-scripts', path: '/', js: false },
  ],
};

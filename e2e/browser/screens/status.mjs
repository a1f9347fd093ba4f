// The status page of each service, beside the others.
import { Session } from '../pages.mjs';
import { startStack } from '../stack.mjs';

export const status = {
  name: 'status',

  async start(browser) {
    const stack = await startStack();
    const { stop } = stack;
    try {
      const world = { stack, stop };
      for (const name of ['errors', 'logs', 'metrics', 'relay']) world[name] = await new Session(browser, stack[name]).signIn();
      for (let n = 0; n < 12; n++) await stack.errors.post('/api/errors', { project: 'shop', exception_type: 'ValueError', message: `order ${n}`, traceback: 'ValueError: order' });
      await stack.logs.post('/api/logs', Array.from({ length: 40 }, (_, n) => ({ container: 'web-1', level: 'INFO', message: `GET /orders/${n}` })));
      await stack.metrics.post('/api/metrics', Array.from({ length: 60 }, (_, n) => ({ name: 'http_requests_total', type: 'counter', value: n })));
      return world;
    } catch (err) {
      await stop();
      throw err;
    }
  },

  screens: [
    ...['errors', 'logs', 'metrics', 'relay'].map((name) => ({ name, of: name, path: '/status', small: name === 'errors' })),
    { name: 'service-away', of: 'logs', path: '/status', prepare: (page, w) => w.stack.end('error-tracker'),
      async act(page) {
        const away = page.locator('[aria-label="Other services"] tr', { hasText: 'Errors' }).locator('text=unreachable');
        for (let i = 0; i < 60 && !await away.count(); i++) { // what is known of the others may be ten seconds old
          await new Promise((resolve) => setTimeout(resolve, 500));
          await page.reload();
        }
        await away.waitFor();
      } },
  ],
};

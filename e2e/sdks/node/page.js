// What the page of the browser row runs, bundled before.
import * as Sentry from '@sentry/browser';

const query = new URLSearchParams(location.search);
window.sent = [];
Sentry.init({
  dsn: query.get('dsn'),
  tunnel: query.get('tunnel') || undefined,
  release: 'shop@1.4.2',
  environment: 'staging',
  beforeSend(event) {
    window.sent.push(event.event_id);
    return event;
  },
});

function shipOrder(number) {
  throw new RangeError(`cannot ship order ${number}: no address`);
}

Sentry.setUser({ id: 42, email: 'jane@shop.example' });
Sentry.setTag('plan', 'business');
Sentry.addBreadcrumb({ category: 'cart', message: 'opened the cart', level: 'info' });
Sentry.captureMessage('stock is low', 'warning');
setTimeout(() => shipOrder(7), 10); // nobody catches it
setTimeout(async () => {
  await Sentry.flush(5000);
  window.done = true;
}, 200);

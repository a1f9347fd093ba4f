// One error and one message, reported by @sentry/node; the IDs of the events that
// the SDK sends are printed. With "load" it goes on until its input ends.
import * as Sentry from '@sentry/node';

Sentry.init({
  dsn: process.env.SENTRY_DSN,
  release: 'shop@1.4.2',
  environment: 'staging',
  tracesSampleRate: Number(process.env.TRACES || 0),
  beforeSend(event) {
    console.log('sent', event.event_id);
    return event;
  },
});

function shipOrder(number) {
  try {
    ({}).address.street;
  } catch (cause) {
    throw new RangeError(`cannot ship order ${number}: no address`, { cause });
  }
}

if (process.argv[2] === 'load') {
  let on = true;
  process.stdin.resume().on('end', () => { on = false; });
  for (let n = 0; on; n++) {
    Sentry.captureMessage(`load ${n % 7}`);
    await new Promise((next) => setTimeout(next, 4));
  }
} else if (process.argv[2] === 'limited') { // three events more than the SDK may send, after it was told so
  for (let n = 0; n < 2; n++) {
    Sentry.captureMessage(`as many as there may be, and one more: ${n}`);
    await Sentry.flush(5000);
  }
  for (let n = 0; n < 3; n++) Sentry.captureMessage(`too many: ${n}`);
  await Sentry.flush(5000); // until they were kept back, which the next flush tells
} else {
  Sentry.setUser({ id: 42, email: 'jane@shop.example' });
  Sentry.setTag('plan', 'business');
  Sentry.addBreadcrumb({ category: 'cart', message: 'opened the cart', level: 'info', data: { items: 3 } });
  Sentry.captureMessage('stock is low', 'warning');
  if (process.argv[2] === 'huge') { // more than an event may have
    Sentry.captureEvent({ message: 'huge', extra: {}, breadcrumbs: Array.from({ length: 90 }, () => ({ message: 'x'.repeat(20000) })) });
  }
  const large = process.argv[2] === 'large'; // more than 32 KiB: the SDK compresses it
  if (large) Sentry.setExtra('list', Array.from({ length: 3000 }, (_, i) => `item number ${i} of a long list of things`));
  try {
    shipOrder(7);
  } catch (err) {
    Sentry.captureException(err);
  }
}
await Sentry.close(5000);
process.exit(0);

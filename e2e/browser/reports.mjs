// Error reports for the tests.

export const ship = (n = 42, more = {}) => ({
  project: 'shop', environment: 'production', exception_type: 'ValueError', message: `cannot ship order ${n}: no address`,
  release: 'shop@4.12.1', level: 'error', platform: 'python', transaction: 'POST /orders/{order_id}/ship', server_name: 'web-3',
  traceback: `Traceback (most recent call last):\n  File "/srv/shop/app/api.py", line 88, in post_order\n    shipment = shipping.ship(order)\n  File "/srv/shop/app/orders.py", line 214, in ship\n    raise ValueError(f"cannot ship order {order.id}: no address")\nValueError: cannot ship order ${n}: no address`,
  exceptions: [
    { type: 'KeyError', value: "'address'", mechanism: { type: 'chained', source: '__context__' }, frames: [
      { function: 'address', module: 'app.customers', filename: 'app/customers.py', lineno: 51, in_app: true, context_line: '        return self.data["address"]' },
    ] },
    { type: 'ValueError', value: `cannot ship order ${n}: no address`, mechanism: { type: 'starlette', handled: false }, frames: [
      ...[758, 778, 299].map((lineno) => ({ function: '__call__', module: 'starlette.routing', filename: 'starlette/routing.py', lineno, in_app: false })),
      ...[294, 212].map((lineno) => ({ function: 'app', module: 'fastapi.routing', filename: 'fastapi/routing.py', lineno, in_app: false })),
      { function: 'post_order', module: 'app.api', filename: 'app/api.py', abs_path: '/srv/shop/app/api.py', lineno: 88, in_app: true,
        pre_context: ['@router.post("/orders/{order_id}/ship")', 'async def post_order(order_id: int, shipping: Shipping = Depends()):', '    order = await orders.get(order_id)'],
        context_line: '    shipment = shipping.ship(order)', post_context: ['    return {"shipment": shipment.id}'] },
      { function: 'ship', module: 'app.orders', filename: 'app/orders.py', abs_path: '/srv/shop/app/orders.py', lineno: 214, in_app: true,
        pre_context: ['    def ship(self, order: Order) -> Shipment:', '        """Hand the order to the carrier."""', '        address = order.customer.address', '        if address is None:', '            # Pick-up orders never come here.'],
        context_line: '            raise ValueError(f"cannot ship order {order.id}: no address")',
        post_context: ['        carrier = self.carriers.for_country(address.country)', '        label = carrier.label(order, address)', '        return Shipment(order, label)'],
        vars: { order: { id: n, lines: 3, total: '119.00' }, address: null } },
    ] },
  ],
  request_method: 'POST', request_url: `https://shop.example.com/orders/${n}/ship`,
  request_headers: { Accept: 'application/json', 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' },
  user: { id: String(n % 17), email: `customer${n % 17}@example.com` },
  tags: { country: 'DE', plan: 'business' },
  breadcrumbs: [
    { timestamp: Date.now() / 1000 - 9, category: 'http', message: `GET /orders/${n}` },
    { timestamp: Date.now() / 1000 - 5, category: 'query', message: 'SELECT * FROM orders WHERE id = %s', data: { duration_ms: 3.1, rows: 1 } },
    { timestamp: Date.now() / 1000 - 4, category: 'app.orders', level: 'warning', message: 'customer 7 has no address' },
  ],
  contexts: { runtime: { name: 'CPython', version: '3.13.1' }, trace: { trace_id: '5b8aa5a2d2c872e8321cf37308d69df2', op: 'http.server' } },
  extra: { session_id: `s-${n % 5}`, cart: { items: [{ sku: 'A-1', n: 2 }, { sku: 'B-9', n: 1 }], coupon: null } },
  sdk: { name: 'monlight-python', version: '1.0.0' },
  ...more,
});

// simple is a report of which each kind becomes an issue of its own.
export const simple = (type, more = {}) => ({
  project: 'shop', exception_type: type, message: `${type} happened`,
  traceback: `Traceback (most recent call last):\n  File "/app/${type.toLowerCase()}.py", line 12, in run\n    raise ${type}()\n${type}: ${type} happened`,
  ...more,
});

const kinds = [
  ['TypeError', "Cannot read properties of undefined (reading 'total')", 'storefront', 'renderCart', 'src/cart/Cart.tsx', 'javascript', 'BROWSER'],
  ['ConnectionError', "HTTPSConnectionPool(host='payments.internal', port=443): Max retries exceeded", 'shop', 'charge', 'app/payments/client.py', 'python', 'POST'],
  ['IntegrityError', 'duplicate key value violates unique constraint "users_email_key"', 'accounts', 'create_user', 'app/users/service.py', 'python', 'POST'],
  ['context.DeadlineExceeded', 'load invoice 2026-00172: context deadline exceeded', 'billing', '(*Store).Invoice', 'internal/billing/store.go', 'go', 'GET'],
  ['KeyError', "'customer_id'", 'shop', 'parse', 'app/webhooks/stripe.py', 'python', 'POST'],
  ['java.lang.NullPointerException', 'Cannot invoke "Order.getLines()" because "order" is null', 'erp', 'total', 'com/acme/orders/Totals.java', 'java', 'GET'],
  ['UnhandledRejection', 'Network request failed while saving the draft of the article', 'editor', 'saveDraft', 'src/editor/autosave.ts', 'javascript', 'BROWSER'],
  ['TemplateNotFound', 'emails/invoice_reminder.html', 'billing', 'render', 'app/mail/render.py', 'python', 'POST'],
  ['redis.exceptions.TimeoutError', 'Timeout reading from socket', 'shop', 'get_cart', 'app/cart/store.py', 'python', 'GET'],
  ['ZeroDivisionError', 'division by zero', 'reports', 'margin', 'app/reports/margin.py', 'python', 'GET'],
];

// shopWindow reports what a small company sees on an ordinary day.
export async function shopWindow(service, sizes = [19, 41, 7, 3, 26, 5, 13, 2, 9, 1]) {
  for (const [k, [type, message, project, fn, filename, platform, method]] of kinds.entries()) {
    for (let n = 0; n < sizes[k]; n++) {
      await service.report({
        project, environment: n % 7 === 3 ? 'staging' : 'production', exception_type: type, message, platform, level: k === 4 ? 'warning' : 'error',
        release: `${project}@2.${k}.1`, request_method: method, request_url: `https://${project}.example.com/${fn}`,
        exceptions: [{ type, value: message, mechanism: { type: 'generic', handled: method !== 'BROWSER' }, frames: [{ function: fn, filename, lineno: 31 + k, in_app: true }] }],
        user: { id: String(n % 11) }, traceback: `${type}: ${message}\n    at ${fn} (${filename}:${31 + k})`,
      });
    }
  }
  for (let n = 40; n < 43; n++) await service.report(ship(n));
}

// project makes a project, and returns it with a function that sends an event to
// the door for Sentry's SDKs, as that one named.
export async function project(service, name) {
  const made = await service.post('/api/projects', { name });
  const [{ public_key: key }] = made.keys;
  const event = (body, client = 'sentry.python/2.75.0', header = {}) => fetch(`${service.url}/api/${made.id}/envelope/`, {
    method: 'POST', headers: { 'X-Sentry-Auth': `Sentry sentry_key=${key}, sentry_version=7, sentry_client=${client}` },
    body: `${JSON.stringify(header)}\n{"type":"event"}\n${JSON.stringify(body)}\n`,
  });
  const lost = (...entries) => fetch(`${service.url}/api/${made.id}/envelope/?sentry_key=${key}`, {
    method: 'POST', body: `{}\n{"type":"client_report"}\n${JSON.stringify({ discarded_events: entries })}\n`,
  });
  return { ...made, event, lost };
}

// everyOutcome sends what is stored and what is not, for each of the reasons
// that the page about ingest tells apart.
export async function everyOutcome(service) {
  const p = await project(service, 'web-shop');
  await service.post(`/api/projects/${p.id}/settings`, { filters: { localhost: true, extensions: true, crawlers: true, messages: ['*ResizeObserver loop*', 'NetworkError: *'] }, editor: { template: 'vscode://file/{path}:{line}', mappings: [{ from: 'app/', to: '/home/me/web-shop/app' }] } });
  const error = (value, more = {}) => ({ exception: { values: [{ type: 'TypeError', value, stacktrace: { frames: [{ filename: 'app/cart.js', function: 'addToCart', lineno: 12, in_app: true }] } }] }, ...more });
  const clients = ['sentry.javascript.browser/11.12.0', 'sentry.javascript.browser/8.55.0', 'sentry.python/2.75.0', 'sentry.go/0.50.0'];
  for (let n = 0; n < 12; n++) await p.event(error(`cart ${n} is empty`), clients[n * n % clients.length]);
  for (let n = 0; n < 5; n++) await p.event(error('x', { request: { url: `http://localhost:${3000 + n}/` } }));
  for (let n = 0; n < 4; n++) await p.event(error('x', { request: { url: 'https://shop.example/', headers: { 'User-Agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' } } }));
  for (let n = 0; n < 3; n++) await p.event(error('ResizeObserver loop limit exceeded'));
  await p.event(error('Extension context invalidated.'));
  await p.event(error('late'), undefined, { sent_at: new Date(Date.now() - 3 * 3600e3).toISOString() });
  const id = 'a'.repeat(32);
  for (let n = 0; n < 2; n++) await p.event(error('twice', { event_id: id }));
  await p.event('no object');
  await p.lost({ category: 'error', reason: 'ratelimit_backoff', quantity: 31 }, { category: 'error', reason: 'network_error', quantity: 4 }, { category: 'session', reason: 'queue_overflow', quantity: 2 });
  await fetch(`${service.url}/api/${p.id}/envelope/?sentry_key=${'0'.repeat(32)}`, { method: 'POST', body: '{}\n' });
  return p;
}

// decide does to an issue what people do, in many words.
export async function decide(service, id) {
  const path = `/api/errors/${id}`;
  await service.post(`${path}/comments`, { author: 'Ann', text: 'Only with an empty cart:\n\n  1. open the shop\n  2. pay\n\n' + 'https://wiki.example.com/' + 'very-long-'.repeat(20) });
  await service.post(`${path}/assign`, { assignee: 'Bob of the team that takes care of everything that has to do with money' });
  await service.post(`${path}/mute`, { environment: 'prod', events: 1000, users: 20 });
  await service.post(`${path}/resolve`, { in: 'next' });
  await service.post(`${path}/unresolve`, {});
  await service.post(`${path}/comments`, { text: 'The fix is in review.' });
}

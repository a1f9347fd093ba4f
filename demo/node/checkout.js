// A small checkout program that really crashes, in a different way for each
// argument, and reports its own crash with nothing but Node itself.
//
//   node checkout.js cart|coupon|stock ORDER_NUMBER
'use strict';

const [step, order] = [process.argv[2], Number(process.argv[3])];

async function report(error) {
  const response = await fetch(`${process.env.ERROR_TRACKER_URL}/api/errors`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': process.env.ERROR_TRACKER_API_KEY },
    body: JSON.stringify({
      project: 'checkout',
      exception_type: error.name,
      message: error.message,
      traceback: error.stack,
      environment: process.env.APP_ENV || 'prod',
      platform: 'node',
      release: 'checkout@1.9.0',
      transaction: `POST /checkout/${step}`,
      request_method: 'POST',
      request_url: `https://shop.example/checkout/${step}?order=${order}`,
      request_headers: { 'user-agent': `node/${process.versions.node}`, accept: 'application/json' },
      user_id: `customer-${order % 5}`,
      extra: { order, step },
    }),
    signal: AbortSignal.timeout(5000),
  });
  console.error('reported:', await response.text());
}

// The crash stays a crash: print it and end with 1, after it was reported.
process.on('uncaughtException', (error) => {
  console.error(error);
  report(error).catch((e) => console.error('could not report:', e.message)).finally(() => process.exit(1));
});

class CouponError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = 'CouponError';
  }
}

function sumOf(cart) {
  return cart.lines.reduce((sum, line) => sum + line.article.price * line.pieces, 0);
}

function cart() {
  return sumOf({ order, lines: [{ article: { price: 3 }, pieces: 2 }, { article: undefined, pieces: 1 }] });
}

function parseCoupon(text) {
  return JSON.parse(text).percent;
}

function coupon() {
  try {
    return parseCoupon(`percent=${order}`);
  } catch (cause) {
    throw new CouponError(`coupon of order ${order} cannot be read`, { cause });
  }
}

async function reserve(article) {
  await null; // as if it had asked a database
  throw new RangeError(`article ${article} is out of stock`);
}

async function stock() {
  await reserve(`A-${order}`);
}

({ cart, coupon, stock })[step]();

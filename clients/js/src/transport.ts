import { attempt, guard } from './guard.js';
import { hex } from './session.js';
import { config, route, view } from './state.js';

declare const VERSION: string;

/** Items that wait; then the oldest metrics go, and when there are none, the newest errors. */
const MAX_WAITING = 100;
export const MAX_ITEM_BYTES = 50_000;
const MAX_BATCH_BYTES = 50_000;
/** What waits is sent at the latest when it is this large together. */
const FULL_BYTES = 30_000;
/** Added to the size of an item, so that many small ones are sent before they are too many. */
const ITEM_OVERHEAD = 300;
const ERROR_DELAY_MS = 100;
const METRIC_DELAY_MS = 5_000;
/** The browser lets all keepalive requests of a page have 64 KiB in flight together. */
const KEEPALIVE_BYTES = 60_000;
const MAX_IN_FLIGHT = 9;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 300_000;
const MAX_RETRY_AFTER_MS = 3_600_000;

/** What the items of a batch have in common. It stays the same when the batch is sent again. */
type Batch = Record<string, unknown>;

type Kind = 'errors' | 'metrics';

interface Item {
  _kind: Kind;
  _value: unknown;
  _bytes: number;
  _batch?: Batch;
}

/** Returns the size of value as JSON, in bytes. */
export const size = (value: unknown): number => new Blob([JSON.stringify(value)]).size;

// The function as it is now: what is wrapped around it later shall not see our requests.
let send: typeof fetch;
let queue: Item[];
let dropped: Record<string, number>;
let due: number;
let pausedUntil: number;
let askedUntil: number;
let failures: number;
let inFlight: number;
let inFlightBytes: number;
/** Whether the relay turned out to know no batches. */
let twoEndpoints: boolean;

/**
 * Gets ready to send batches to the relay, as requests for which no browser asks permission first: POST,
 * text/plain, the key in the URL, no credentials.
 */
export const startTransport = (): void => {
  send = fetch;
  queue = [];
  dropped = {};
  due = Infinity;
  pausedUntil = askedUntil = failures = inFlight = inFlightBytes = 0;
  twoEndpoints = false;
};

/** Counts what is not sent; the next batch tells the relay. */
export const drop = (reason: string, count = 1): void => {
  dropped[reason] = (dropped[reason] || 0) + count;
};

const schedule = (delay: number): void => {
  const at = Date.now() + delay;
  if (at >= due) return;
  due = at;
  setTimeout(guard(flush), delay);
};

const trim = (): void => {
  for (; queue.length > MAX_WAITING; drop('queue_full')) queue.splice(queue.findIndex((item) => item._kind === 'metrics'), 1);
};

/** Puts what waits into batches, so that what comes later has a batch of its own. */
export const seal = (): void => {
  let batch: Batch | undefined;
  let bytes = Infinity;
  for (const item of queue) {
    if (item._batch) continue;
    bytes += item._bytes;
    if (bytes > MAX_BATCH_BYTES) {
      batch = {
        v: 1,
        sdk: { name: '@monlight/browser', version: VERSION },
        batch_id: hex(),
        page_view: view,
        page: route,
        environment: config.environment,
        dropped,
      };
      dropped = {};
      bytes = item._bytes;
    }
    item._batch = batch!;
  }
};

/** Sends what waits. When the page is left, only what the relay asked to hold back is held back. */
export const flush = (leaving?: unknown): void => {
  due = Infinity;
  const wait = (leaving ? askedUntil : pausedUntil) - Date.now();
  if (wait > 0) return schedule(wait);
  // The event "online" comes when it is worth trying again.
  if (navigator.onLine === false) return;
  seal();
  while (queue[0] && (leaving || inFlight < MAX_IN_FLIGHT)) post(queue[0], leaving);
};

const post = (first: Item, leaving?: unknown): void => {
  const single = twoEndpoints;
  // Those of a batch are next to each other. An older relay takes them one by one.
  const items = queue.splice(0, single ? 1 : queue.filter((item) => item._batch === first._batch).length);
  const values = (kind: Kind): unknown[] => items.filter((item) => item._kind === kind).map((item) => item._value);
  const content = {
    ...first._batch,
    sent_at: new Date(),
    errors: values('errors'),
    metrics: values('metrics'),
    // Such a relay looks for an error here, and for a metric in the list above.
    ...(single && (first._value as object)),
  };
  const url = config.endpoint + '/api/browser/' + (single ? first._kind : 'batch') + '?key=' + encodeURIComponent(config.dsn);
  const body = JSON.stringify(content);
  const bytes = size(content);
  inFlight++;
  inFlightBytes += bytes;
  const keepalive = inFlight <= MAX_IN_FLIGHT && inFlightBytes <= KEEPALIVE_BYTES;

  const settle = (status: number, retryAfter?: string | null): void => {
    inFlight--;
    inFlightBytes -= bytes;
    if (config.debug && status !== 202) console.warn('[Monlight] answer ' + status);
    if (status === 404 && !single) {
      twoEndpoints = true;
      status = 0;
    }
    if (!status || status === 429 || status > 499) {
      queue.unshift(...items);
      trim();
      const now = Date.now();
      askedUntil = Math.max(askedUntil, now + Math.min(+retryAfter! * 1_000 || 0, MAX_RETRY_AFTER_MS));
      pausedUntil = Math.max(askedUntil, now + Math.min(FIRST_RETRY_MS * 2 ** failures++, MAX_RETRY_MS) * (0.5 + Math.random() / 2));
    } else {
      failures = 0;
      if (status > 399) drop('rejected', items.length);
    }
    // What was sealed was to be sent already. What is not waits for its time.
    if (queue[0]?._batch) schedule(0);
  };

  if (leaving && !attempt(() => 'keepalive' in Request.prototype) && attempt(() => navigator.sendBeacon(url, body))) return settle(202);
  // A promise also when the call itself throws, as where another library has replaced fetch.
  (async () =>
    send(url, {
      method: 'POST',
      body,
      keepalive,
      credentials: 'omit',
      referrerPolicy: 'origin',
      ...(single && { headers: { 'X-Monlight-Key': config.dsn } }),
    }))().then(
    guard(({ status, headers }) => settle(status, headers.get('Retry-After'))),
    guard(() => settle(0)),
  );
};

/** Takes an error or a metric that JSON can hold. */
export const add = (kind: Kind, value: unknown): void => {
  const bytes = size(value);
  if (bytes > MAX_ITEM_BYTES) return drop('too_large');
  queue.push({ _kind: kind, _value: value, _bytes: bytes });
  trim();
  const waiting = queue.reduce((sum, item) => sum + item._bytes + ITEM_OVERHEAD, 0);
  schedule(waiting > FULL_BYTES ? 0 : kind === 'errors' ? ERROR_DELAY_MS : METRIC_DELAY_MS);
};

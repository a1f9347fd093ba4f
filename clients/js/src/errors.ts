import { crumbs } from './crumbs.js';
import { debugIds } from './debugids.js';
import { attempt } from './guard.js';
import { cut, plain, text } from './plain.js';
import { hex } from './session.js';
import { config, look, on, session } from './state.js';
import { explain } from './thrown.js';
import { add, drop, MAX_ITEM_BYTES, size } from './transport.js';
import type { BrowserError } from './types.js';
import { address, scrub } from './url.js';

const MINUTE_MS = 60_000;
const MAX_REMEMBERED = 50;
const MAX_PER_MINUTE = 30;
/** What is kept of a stack when the report is too large. */
const SHORT_STACK = 8_000;

const FRAME = /.*:\d+:\d+\)?$/m;
// Of a script of another origin nothing is known; the loop is reported by the browser without harm being done.
const IGNORED = /^(Script error|ResizeObserver loop)/;
const EXTENSION = /-extension:/;

/** What is known about something thrown when it is captured. */
export interface Capture {
  _mechanism: string;
  /** Type of the report if the thrown value has none. */
  _type?: string;
  /** Stack of the report if the thrown value has none. */
  _stack?: string | undefined;
  _context?: Record<string, unknown> | undefined;
}

// Errors of the last minute by what makes them equal.
let repeats: Map<string, { _at: number; _count: number }>;
let context: Record<string, unknown>;
let user: Record<string, string>;

export const startErrors = (): void => {
  repeats = new Map();
  context = {};
  user = {};
};

export const addContext = (key: string, value: unknown): void => {
  context[key] = value;
};

export const setUser = (id: unknown): void => {
  user = id == null ? {} : { user_id: text(id) };
};

/** Reports something thrown, or counts the reason why not. */
export const capture = (thrown: unknown, how: Capture): void => {
  look();
  const what = explain(thrown, how._type, how._stack);
  const { type, message, stack, causes } = what;
  const frame = FRAME.exec(stack)?.[0] ?? '';
  if (EXTENSION.test(frame) || IGNORED.test(message)) return drop('ignored');
  const key = type + message + frame;
  const now = Date.now();
  const last = repeats.get(key);
  const isRecent = (one = last): boolean => now - one!._at < MINUTE_MS;
  if (last && isRecent()) {
    last._count++;
    return drop('repeated');
  }
  if (Math.random() >= config.errorSampleRate!) return drop('sampled');
  // What is remembered of the last minute is what was reported in it.
  if ([...repeats.values()].filter(isRecent).length >= MAX_PER_MINUTE) return drop('budget');
  repeats.set(key, { _at: now, _count: 0 });
  if (repeats.size > MAX_REMEMBERED) repeats.delete(repeats.keys().next().value!);

  let event = plain({
    event_id: hex(),
    ...what,
    url: address(),
    timestamp: new Date().toISOString(),
    session_id: session,
    release: config.release,
    context: { ...context, ...(plain(how._context) as object), ...user },
    // What the page's own handlers did not see is called onerror or onunhandledrejection.
    handled: how._mechanism[0] !== 'o',
    mechanism: how._mechanism,
    breadcrumbs: crumbs,
    debug_ids: debugIds(stack + causes.map((cause) => cause.stack)),
    count: last?._count || undefined,
  }) as BrowserError;
  if (config.beforeSend) {
    // A copy, so that a hook that fails half way leaves the event whole.
    const answer = attempt(() => plain(config.beforeSend!(plain(event) as BrowserError)) as BrowserError);
    if (answer === null || (!answer && config.dropOnBeforeSendError)) return drop('before_send');
    // Something else than an event, such as a promise, cannot be waited for.
    if (answer?.event_id) event = answer;
  }
  add('errors', size(event) > MAX_ITEM_BYTES ? { ...event, stack: cut(stack, SHORT_STACK), context: { truncated: true }, causes: [], breadcrumbs: [] } : event);
};

/** Reports what nobody caught: errors and rejections of the page, and what did not load if captureResources says so. */
export const uncaught = (): void => {
  on(window, 'error', ({ target, error, message, filename, lineno, colno }: ErrorEvent) => {
    if (target !== window) {
      const { localName, src, href } = target as unknown as HTMLScriptElement & HTMLLinkElement;
      if (config.captureResources) capture(localName + ' did not load: ' + scrub(src || href), { _mechanism: 'resource', _type: 'ResourceError' });
      return;
    }
    // Of what is no Error, the browser knows at least where it was thrown.
    capture(error ?? message, { _mechanism: 'onerror', _stack: message + '\n    at ' + filename + ':' + lineno + ':' + colno });
  });
  // Some libraries of promises send an event of their own, with the reason one level deeper.
  on(window, 'unhandledrejection', ({ reason, detail }: PromiseRejectionEvent & CustomEvent) => capture(reason ?? detail?.reason, { _mechanism: 'onunhandledrejection', _type: 'UnhandledRejection' }));
};

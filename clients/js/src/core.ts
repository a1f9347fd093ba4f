import { consoleErrors } from './console.js';
import { crumbs } from './crumbs.js';
import { addContext, capture, setUser, startErrors, uncaught } from './errors.js';
import { attempt, guard, stop, trace } from './guard.js';
import { metric } from './metrics.js';
import { network } from './network.js';
import { resolveConfig } from './options.js';
import { newView, page } from './page.js';
import { ends, look, on, runAll, starts, startState, undo } from './state.js';
import { flush, startTransport } from './transport.js';
import type { BrowserMetric, MonlightClient, MonlightConfig, Part } from './types.js';
import { vitals } from './vitals.js';

export type * from './types.js';
export { sanitizeUrl } from './url.js';
export { consoleErrors, network, page, uncaught, vitals };

let current: MonlightClient | undefined;

/** Starts reporting, and returns the client. Later calls return the same client until it is destroyed. Never throws. */
export function init(config: MonlightConfig): MonlightClient {
  return initWith(config, [uncaught, page, network, vitals, consoleErrors]);
}

/** The same with only the parts that are named; a bundler leaves out the others. */
export const initWith = (config: MonlightConfig, parts: Part[]): MonlightClient => current ?? create(config, parts);

/** `new Monlight(config)` is `init(config)`. */
export const Monlight = init as unknown as new (config: MonlightConfig) => MonlightClient;

function create(given: MonlightConfig, parts: Part[]): MonlightClient {
  const config = attempt(() => resolveConfig(given));
  const isComplete = config?.dsn && config.endpoint;
  if (!isComplete) console.warn("[Monlight] 'dsn' is required, 'endpoint' is required");
  const act = <A extends unknown[]>(fn: (...args: A) => void): ((...args: A) => void) => guard((...args) => void (current === client && fn(...args)));
  const metrics = (type: BrowserMetric['type']) =>
    act((name: string, value: number = 1, labels?: Record<string, string | number | boolean>) => {
      look();
      metric(type, name, value, labels);
    });

  const client: MonlightClient = {
    captureError: act((error, context) => capture(error, { _mechanism: 'manual', _context: context })),
    captureMessage: act((message, level) =>
      capture(message, {
        _mechanism: 'manual',
        _type: level === 'warning' ? 'ConsoleWarning' : 'ConsoleError',
        _stack: trace(client.captureMessage).stack,
      }),
    ),
    setUser: act(setUser),
    addContext: act(addContext),
    metrics: { counter: metrics('counter'), histogram: metrics('histogram'), gauge: metrics('gauge') },
    flush: act(flush),
    destroy: act(() => {
      flush(true);
      runAll(undo.splice(0));
      stop(true);
      current = undefined;
    }),
  };
  // Otherwise the client is there, but does nothing.
  if (!isComplete || config.enabled === false || typeof document === 'undefined') return client;

  stop(false);
  attempt(() => {
    const v8 = Error as unknown as { stackTraceLimit: number };
    if (v8.stackTraceLimit < 50) v8.stackTraceLimit = 50;
    ends.length = starts.length = crumbs.length = 0;
    startState(config!);
    startTransport();
    startErrors();
    runAll(parts);
    const leave = (): void => {
      look();
      runAll(ends);
      flush(true);
    };
    // One listener for both: what the parts still have to say comes first, then everything is sent.
    on(document, 'visibilitychange', () => document.hidden && leave());
    on(window, 'pagehide', leave);
    on(window, 'online', flush);
    on(window, 'pageshow', (event: PageTransitionEvent) => event.persisted && newView(event));
  });
  return (current = client);
}

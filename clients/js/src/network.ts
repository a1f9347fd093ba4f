import { crumb } from './crumbs.js';
import { capture } from './errors.js';
import { guard, trace } from './guard.js';
import { metric } from './metrics.js';
import { config, isMeasured, look, wrap } from './state.js';
import { resolve, scrub } from './url.js';

/** Measures requests of the page and reports those that fail: status 500 and above, or no answer. */
export const network = (): void => {
  const relay = resolve(config.endpoint + '/');

  /** Notes the begin of a request. What it returns is called at its end, with the status; 0 says that there was no answer. */
  const begin = (method: unknown, address: unknown, wrapper: unknown) => {
    const start = performance.now();
    // Made now, to know who asked. Its stack is only read after a failure.
    const origin = trace(wrapper);
    return (status: number, givenUp?: boolean, why = ''): void => {
      const url = resolve(address);
      // Both are whole and end their host with a slash: //relay.example.com.evil does not begin like the relay.
      if (url?.href.startsWith(relay!.href)) return;
      const ms = performance.now() - start;
      const verb = (method + '').toUpperCase();
      const what = verb + ' ' + scrub(address);
      if (isMeasured) {
        look();
        const labels = { method: verb, status, host: url?.host || 'unknown' };
        metric('counter', 'browser_http_requests_total', 1, labels);
        metric('histogram', 'browser_http_request_duration_ms', ms, labels);
      }
      crumb('http', what, { status, ms: ms | 0 });
      // What the page gave up itself, or by being left, did not fail.
      if (status ? status < 500 : givenUp || document.hidden) return;
      capture(what + (status ? ' failed with status ' + status : ' network error' + why), {
        _mechanism: 'http',
        _type: 'NetworkError',
        _stack: origin.stack,
        _context: { type: 'NetworkError' },
      });
    };
  };

  wrap(window, 'fetch', (_self: unknown, [input, init]: [RequestInfo | URL, RequestInit?], wrapper) => {
    // Text and URLs have neither a method nor a url.
    const { method, url } = input as Request;
    const end = begin(init?.method || method || 'GET', url || input, wrapper);
    // Beside the page's promise, never in front of it.
    return (answer: Promise<Response>) =>
      answer.then(
        guard(({ status }) => end(status)),
        guard((reason) => end(0, reason.name === 'AbortError', ': ' + reason.message)),
      );
  });

  const opened = new WeakMap<XMLHttpRequest, unknown[]>();
  wrap(XMLHttpRequest.prototype, 'open', (xhr: XMLHttpRequest, args: unknown[]) => void opened.set(xhr, args));
  wrap(XMLHttpRequest.prototype, 'send', (xhr: XMLHttpRequest, _args: unknown, wrapper) => {
    const [method, url] = opened.get(xhr)!;
    const end = begin(method, url, wrapper);
    let aborted = false;
    const once = { once: true };
    xhr.addEventListener('abort', () => (aborted = true), once);
    xhr.addEventListener('loadend', guard(() => end(xhr.status, aborted)), once);
  });
};

/** Keeps the faults of this package away from the page. */

let busy = false;
let stopped = false;

/** Turns all guarded functions off, or on again. Called by one of them. */
export const stop = (now: boolean): void => {
  busy = stopped = now;
};

/**
 * Returns fn in a form that never throws. While such a function runs, others return at once: an error,
 * a console call or a request that the package itself causes must not be reported by it.
 */
export const guard =
  <A extends unknown[], R>(fn: (...args: A) => R): ((...args: A) => R | undefined) =>
  (...args) => {
    if (busy) return;
    busy = true;
    try {
      return fn(...args);
    } catch {
      return;
    } finally {
      busy = stopped;
    }
  };

/** Returns what fn returns, or undefined if it throws. For things that may throw when they are only looked at. */
export const attempt = <T>(fn: () => T): T | undefined => {
  try {
    return fn();
  } catch {
    return;
  }
};

/** Returns an error whose stack begins with the caller of wrapper. Reading the stack is what costs, not making it. */
export const trace = (wrapper: unknown): Error => {
  const error = new Error();
  (Error as unknown as { captureStackTrace?(at: Error, above: unknown): void }).captureStackTrace?.(error, wrapper);
  return error;
};

import { attempt } from './guard.js';
import { cut, MAX_MESSAGE, text } from './plain.js';

export interface Described {
  type: string;
  message: string;
  stack: string;
}

const MAX_CAUSES = 5;

/** Returns stack without the queries and fragments of its URLs: those of a script in the page are the page's own. */
export const bare = (stack: string): string => stack.replace(/[?#]\S*?(?=:\d+:\d)/g, '');

/** Returns type, message and stack of anything thrown. type and stack stand in for what it does not have. */
function describe(value: unknown, type = 'Error', stack = ''): Described {
  const error = value as Error;
  const message = attempt(() => error.message);
  const isError = typeof message === 'string';
  return {
    type: text((isError && attempt(() => error.name)) || type),
    message: cut(isError ? message : text(value), MAX_MESSAGE),
    stack: bare(text((isError && attempt(() => error.stack)) || stack)),
  };
}

/** Returns what is known of something thrown, and of what it says were its causes, the nearest first. */
export function explain(thrown: unknown, type?: string, stack?: string): Described & { causes: Described[] } {
  const causes: Described[] = [];
  let cause = thrown as { cause?: unknown; errors: unknown[] };
  // A circle ends there, too.
  while (causes.length < MAX_CAUSES && (cause = attempt(() => cause.cause ?? cause.errors[0]) as never) != null) causes.push(describe(cause));
  return { ...describe(thrown, type, stack), causes };
}

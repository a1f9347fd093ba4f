import { attempt } from './guard.js';
import { cut, MAX_MESSAGE, text } from './plain.js';

export interface Described {
  type: string;
  message: string;
  stack: string;
}

const MAX_CAUSES = 5;

const member = (of: unknown, name: string): unknown => attempt(() => (of as Record<string, unknown>)[name]);

/** Returns type, message and stack of anything thrown. type and stack stand in for what it does not have. */
function describe(value: unknown, type = 'Error', stack = ''): Described {
  const message = member(value, 'message');
  const isError = typeof message === 'string';
  return {
    type: text((isError && member(value, 'name')) || type),
    message: cut(isError ? (message as string) : text(value), MAX_MESSAGE),
    stack: text((isError && member(value, 'stack')) || stack),
  };
}

/** Returns what is known of something thrown, and of what it says were its causes, the nearest first. */
export function explain(thrown: unknown, type?: string, stack?: string): Described & { causes: Described[] } {
  const causes: Described[] = [];
  let cause = thrown;
  // A circle ends there, too.
  while (causes.length < MAX_CAUSES && (cause = member(cause, 'cause') ?? member(member(cause, 'errors'), '0')) != null) causes.push(describe(cause));
  return { ...describe(thrown, type, stack), causes };
}

import { attempt } from './guard.js';

/** UTF-16 units that are kept of a breadcrumb, of a message and of any other text, a stack included. */
export const MAX_CRUMB = 200;
export const MAX_MESSAGE = 2_048;
const MAX_TEXT = 16_384;

const MAX_DEPTH = 6;
const MAX_MEMBERS = 60;
const MAX_OBJECTS = 1_000;

const PLAIN = '[object Object]';

/** Returns text with at most limit UTF-16 units; cut text says so at its end. */
export const cut = (text: string, limit = MAX_TEXT): string => (text.length > limit ? text.slice(0, limit - 12) + ' [truncated]' : text);

/** Returns any value as text. */
export const text = (value: unknown): string => {
  const copy = plain(value);
  return typeof copy === 'string' ? copy : JSON.stringify(copy) + '';
};

/**
 * Returns a copy of root that JSON can hold, with text for what it cannot: circles, big integers,
 * symbols, getters that throw. Text, depth and the number of objects are bounded.
 */
export function plain(root: unknown): unknown {
  let left = MAX_OBJECTS;
  const read = (get: () => unknown, path: unknown[]): unknown => {
    let copy: unknown = '[unreadable]';
    attempt(() => (copy = walk(get(), path)));
    return copy;
  };
  const walk = (value: unknown, path: unknown[]): unknown => {
    const isList = Array.isArray(value);
    if (!/^(s|bi|o)/.test(typeof value) || value === null) return value;
    // An object that has a text form is shown by it: errors, dates, elements.
    const shown = attempt(() => String(value)) ?? PLAIN;
    if (!isList && shown !== PLAIN) return cut(shown);
    if (path.includes(value)) return '[Circular]';
    if (path.length === MAX_DEPTH || left-- < 1) return PLAIN;
    const copy: Record<string, unknown> = isList ? ([] as never) : {};
    for (const key of Object.keys(value as object).slice(0, MAX_MEMBERS)) copy[key] = read(() => (value as typeof copy)[key], [...path, value]);
    return copy;
  };
  return read(() => root, []);
}

import { attempt } from './guard.js';

const ID = /\/(\d+|[\da-f-]{16,})(?=\/|$)/gi;

/** Returns path with `{id}` in place of numbers, UUIDs and 16 or more hex digits. */
const template = (path: string): string => path.replace(ID, '/{id}');

/** Returns url as the browser would resolve it, or undefined if it cannot. */
export const resolve = (url: unknown): URL | undefined => attempt(() => new URL(url as string, document.baseURI));

const shorten = (url: URL): string => (url.host ? url.origin + template(url.pathname) : url.protocol);

/** Returns an absolute URL without query, fragment and ids. Anything else comes back as it is. */
export const sanitizeUrl = (url: string): string => attempt(() => shorten(new URL(url))) ?? url;

/** Returns url, relative ones included, without query, fragment and ids. */
export const scrub = (url: unknown): string => attempt(() => shorten(resolve(url)!)) ?? '';

/** Returns the address of the page without query and fragment: those are where secrets are. */
export const address = (): string => location.href.replace(/[?#].*/, '');

/** Returns the templated path of the page. */
export const here = (): string => template(location.pathname);

/** What the parts of the client share. There is one client in a page, so there is one of each. */
import { attempt, guard } from './guard.js';
import { hex, isSampled, sessionId } from './session.js';
import type { MonlightConfig } from './types.js';
import { here } from './url.js';

/** The options, with dsn and endpoint taken apart. */
export let config: MonlightConfig;
/** The id of this tab's session. */
export let session: string;
/** The id of the page view. */
export let view: string;
/** The route that the page had when somebody last looked; label of metrics. */
export let route: string;

/** Called whenever the page view may be over: before the page is hidden, and before another view starts. */
export const ends: (() => void)[] = [];
/** Called when another view has started; restored is the event with which the page came back from the back/forward cache. */
export const starts: ((restored?: Event) => void)[] = [];
/** Whether this session is one of those that are measured. */
export let isMeasured: boolean;
/** Called when the client is destroyed. */
export const undo: (() => void)[] = [];

export const runAll = (fns: (() => void)[]): void => fns.forEach(attempt);

export const startState = (given: MonlightConfig): void => {
  config = given;
  session = sessionId();
  isMeasured = isSampled(session, given.sampleRate);
  startView();
};

export const look = (): void => {
  route = (config.route && attempt(config.route)) || here();
};

export const startView = (): void => {
  view = hex();
  look();
};

/** Listens until the client is destroyed, in the capture phase. */
export const on = (target: EventTarget, types: string, listener: (event: never) => void): void => {
  const guarded = guard(listener as (event: Event) => void);
  for (const type of types.split(' ')) {
    target.addEventListener(type, guarded, true);
    undo.push(() => target.removeEventListener(type, guarded, true));
  }
};

type After = ((result: never) => void) | void;

/**
 * Puts a function around owner[name]. before sees each call first, and what it returns sees the result;
 * neither changes what the caller gets. Undone while nobody else has put another one around it; else it lets calls pass.
 */
export const wrap = (owner: unknown, name: string, before: (self: never, args: never, wrapper: unknown) => After): void => {
  const home = owner as Record<string, (...args: unknown[]) => unknown>;
  const native = home[name]!;
  const watch = guard(before as (self: unknown, args: unknown[], wrapper: unknown) => After);
  let isLive = true;
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    const after = isLive && watch(this, args, wrapper);
    const result = native.apply(this, args);
    if (after) guard(after as (result: unknown) => void)(result);
    return result;
  };
  home[name] = wrapper;
  undo.push(() => {
    isLive = false;
    if (home[name] === wrapper) home[name] = native;
  });
};

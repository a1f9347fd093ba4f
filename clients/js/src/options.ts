import { attempt } from './guard.js';
import type { MonlightConfig } from './types.js';

/**
 * Returns config with the parts of its DSN; dsn and endpoint are empty when they are missing.
 * A DSN may be the bare key, or a URL that also names the relay: https://<key>@<host>/<path>.
 */
export const resolveConfig = (config: MonlightConfig): MonlightConfig => {
  let { dsn, endpoint } = config;
  attempt(() => {
    const { username, origin, pathname } = new URL(dsn);
    if (!username) return;
    dsn = username;
    endpoint ||= origin + pathname;
  });
  return {
    ...config,
    dsn,
    endpoint: (endpoint || '').replace(/\/+$/, ''),
  };
};

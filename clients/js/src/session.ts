import { attempt } from './guard.js';

/** Returns 32 random hex digits. crypto.randomUUID would be shorter, but is missing on pages without TLS. */
export const hex = (): string => [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => (byte & 15).toString(16)).join('');

/** Returns the id of this tab's session: from sessionStorage, or a new one that lasts as long as the page when there is no storage. */
export const sessionId = (id = hex().replace(/(.{8})(.{4}).(.{3}).(.{3})/, '$1-$2-4$3-a$4-')): string => attempt(() => (sessionStorage.monlight_session_id ||= id)) ?? id;

/** Says whether a session is among the share rate of all sessions; the same for the whole session. */
export const isSampled = (id: string, rate = 1): boolean => !(parseInt(id, 16) / 2 ** 32 >= rate);

import { cut, MAX_CRUMB } from './plain.js';
import type { Breadcrumb } from './types.js';

const MAX_BREADCRUMBS = 30;

/** What happened of late, oldest first. */
export const crumbs: Breadcrumb[] = [];

export const crumb = (category: string, message: string, data?: Record<string, unknown>): void => {
  crumbs.push({ t: new Date().toISOString(), category, message: cut(message, MAX_CRUMB), data: data! });
  if (crumbs.length > MAX_BREADCRUMBS) crumbs.shift();
};

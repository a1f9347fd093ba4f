import { plain } from './plain.js';
import { route } from './state.js';
import { add } from './transport.js';
import type { BrowserMetric, Labels } from './types.js';

/** Notes a metric of the present route. The relay tells what is wrong with it, if something is. */
export const metric = (type: BrowserMetric['type'], name: string, value: number, labels?: Labels): void =>
  add('metrics', plain({ name, type, value, labels: { page: route, ...labels }, timestamp: new Date().toISOString() }));

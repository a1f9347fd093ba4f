import { attempt } from './guard.js';
import { bare } from './thrown.js';

const SCRIPT = /\w+:\/\/\S*?(?=:\d+:\d)/;

/** Returns the debug ids of those scripts whose URL is in stacks. What build tools register is an object from a stack to an id. */
export function debugIds(stacks: string): Record<string, string> {
  const ids: Record<string, string> = {};
  attempt(() => {
    const { _sentryDebugIds: others, _debugIds: ours } = window as unknown as Record<string, Record<string, string>>;
    for (const [stack, id] of Object.entries({ ...others, ...ours })) {
      const url = SCRIPT.exec(bare(stack))?.[0]!;
      if (stacks.includes(url + ':')) ids[url] = id;
    }
  });
  return ids;
}

import { attempt } from './guard.js';

// What build tools register, each as an object from a stack to an id.
const REGISTRIES = ['_debugIds', '_sentryDebugIds'];
const SCRIPT = /\w+:\/\/\S*?(?=:\d+:\d)/;

/** Returns the debug ids of those scripts whose URL is in stacks. */
export function debugIds(stacks: string): Record<string, string> {
  const ids: Record<string, string> = {};
  for (const registry of REGISTRIES) {
    attempt(() => {
      for (const [stack, id] of Object.entries((window as never)[registry] as Record<string, string>)) {
        const url = SCRIPT.exec(stack)?.[0]!;
        if (stacks.includes(url + ':')) ids[url] = id;
      }
    });
  }
  return ids;
}

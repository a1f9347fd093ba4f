import { capture } from './errors.js';
import { trace } from './guard.js';
import { text } from './plain.js';
import { config, wrap } from './state.js';

/** Reports console.error and console.warn, if the option captureConsole says so. */
export const consoleErrors = (): void => {
  if (!config.captureConsole) return;
  for (const name of ['error', 'warn']) {
    wrap(console, name, (_self: unknown, args: unknown[], wrapper) => {
      const { stack } = args.find((one) => one instanceof Error) ?? trace(wrapper);
      return () => capture(args.map(text).join(' '), { _mechanism: 'console', _type: name === 'warn' ? 'ConsoleWarning' : 'ConsoleError', _stack: stack });
    });
  }
};

#!/usr/bin/env node
// Puts debug ids into built scripts and their source maps, and uploads the maps to the browser relay.
import { parseArgs } from 'node:util';
import { findScripts } from './files.mjs';
import { inject } from './inject.mjs';
import { upload } from './upload.mjs';

const USAGE = `monlight-sourcemaps inject PATH...
  Gives each script that has a source map a debug id: the script tells it to the page, and the map has it too, so that the
  relay finds the map whatever the release and the address are. Running it again changes nothing. Integrity values of
  scripts must be computed after this.

monlight-sourcemaps upload PATH... --url URL --project NAME [--release NAME]
  Uploads the source maps below PATH.
  --url URL          the relay                        (or MONLIGHT_RELAY_URL)
  --project NAME     as the DSN key says it           (or MONLIGHT_PROJECT)
  --release NAME     as the page says it in init      (or MONLIGHT_RELEASE); not needed for maps with debug ids
  --url-prefix TEXT  what stands before the path of a script, such as ~/static/
  --delete           delete each map that was uploaded, so that it is not published
  The key is in the environment: MONLIGHT_UPLOAD_TOKEN, or MONLIGHT_ADMIN_KEY.

Both: --dry-run says what would be done. PATH is a file or a folder; folders named node_modules are left out.
Exit status: 0 done, 1 something failed, 2 wrong usage.
`;

const OPTIONS = {
  url: { type: 'string' },
  project: { type: 'string' },
  release: { type: 'string' },
  'url-prefix': { type: 'string' },
  delete: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

/** Ends with the status of a wrong call. */
class UsageError extends Error {}

function parse() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

async function main() {
  const { values, positionals: [command, ...paths] } = parse();
  if (values.help || command === 'help') return process.stdout.write(USAGE);
  if (command !== 'inject' && command !== 'upload') throw new UsageError(command ? `unknown command ${command}` : 'inject or upload?');
  if (!paths.length) throw new UsageError(`${command} needs a path`);
  const isDryRun = Boolean(values['dry-run']);
  const found = await findScripts(paths);
  if (command === 'inject') {
    if (!found.scripts.length) throw new Error(`no scripts below ${paths.join(' ')}`);
    await inject(found.scripts, { isDryRun, say: console.log });
    return;
  }
  const { env } = process;
  const target = {
    url: values.url ?? env.MONLIGHT_RELAY_URL,
    project: values.project ?? env.MONLIGHT_PROJECT,
    release: values.release ?? env.MONLIGHT_RELEASE,
    key: env.MONLIGHT_UPLOAD_TOKEN || env.MONLIGHT_ADMIN_KEY,
  };
  if (!target.url) throw new UsageError('--url or MONLIGHT_RELAY_URL is missing');
  if (!target.project) throw new UsageError('--project or MONLIGHT_PROJECT is missing');
  if (!target.key && !isDryRun) throw new UsageError('MONLIGHT_UPLOAD_TOKEN or MONLIGHT_ADMIN_KEY is missing');
  if (!found.maps.length) throw new Error(`no source maps below ${paths.join(' ')}`);
  await upload(found.maps, target, { prefix: values['url-prefix'] ?? '', isDryRun, isDeleting: Boolean(values.delete), say: console.log });
}

try {
  await main();
} catch (error) {
  console.error(`monlight-sourcemaps: ${error.message}`);
  if (error instanceof UsageError) console.error('Try monlight-sourcemaps --help.');
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

// Uploads source maps to the relay.
import { readFile, unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** The relay works on so many uploads at once. */
const CONCURRENCY = 2;
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
const TIMEOUT_MS = 300_000;

const compress = promisify(gzip);

/** Sends a map; network errors, 429 and 5xx are tried again. Returns the relay's answer. */
async function send(url, key, body) {
  for (let attempt = 1; ; attempt++) {
    let problem;
    let pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), MAX_PAUSE_MS);
    try {
      const answer = await fetch(url, {
        method: 'POST',
        body,
        headers: { 'X-API-Key': key, 'Content-Type': 'application/octet-stream', 'Content-Encoding': 'gzip' },
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text);
      problem = `${answer.status} ${detailOf(text)}`;
      if (answer.status !== 429 && answer.status < 500) throw Object.assign(new Error(problem), { isFinal: true });
      pause = Math.min(Number(answer.headers.get('Retry-After')) * 1_000 || pause, MAX_PAUSE_MS);
    } catch (error) {
      if (error.isFinal) throw error;
      problem = error.cause?.message ?? error.message;
    }
    if (attempt === ATTEMPTS) throw new Error(`${problem} (tried ${ATTEMPTS} times)`);
    await sleep(pause);
  }
}

const detailOf = (text) => {
  try {
    return JSON.parse(text).detail ?? text;
  } catch {
    return text.slice(0, 200);
  }
};

/** Uploads maps of {path, name} for a project. Fails when one of them could not be uploaded, after all were tried. */
export async function upload(maps, { url, project, release, key }, { prefix, isDryRun, isDeleting, say }) {
  const waiting = [...maps];
  let failed = 0;
  const one = async ({ path, name }) => {
    const bytes = await readFile(path);
    const { debugId, debug_id: older } = JSON.parse(bytes.toString('utf8').replace(/^\)\]\}'[^\n]*\n/, ''));
    const id = debugId ?? older;
    if (!release && !id) throw new Error('it has no debug id (see inject), so --release is needed');
    const query = new URLSearchParams({ project, file_url: prefix + name, ...(release && { release }), ...(id && { debug_id: id }) });
    if (isDryRun) return say(`${path}: would be ${prefix + name}${id ? ', ' + id : ''}`);
    const stored = await send(`${url.replace(/\/+$/, '')}/api/source-maps?${query}`, key, await compress(bytes));
    const without = stored.sources - stored.sources_with_content;
    say(`${path}: ${prefix + name}${id ? ', ' + id : ''}, ${stored.sources} sources${without ? `, ${without} of them without content` : ''}`);
    if (isDeleting) await unlink(path);
  };
  const work = async () => {
    for (let next; (next = waiting.shift()); ) {
      await one(next).catch((error) => {
        failed++;
        say(`${next.path}: FAILED: ${error.message}`);
      });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  if (failed) throw new Error(`${failed} of ${maps.length} source maps were not uploaded`);
  say(`${maps.length} source maps${isDryRun ? ' would be' : ''} uploaded`);
}

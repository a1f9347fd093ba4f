// Which scripts and source maps are there, and which belong together.
import { readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

const SCRIPT = /\.(js|mjs|cjs)$/;
const MAP = /\.(js|mjs|cjs)\.map$/;
/** The last comment of its kind counts, and it stands on a line of its own. */
const MAPPING_URL = /^\/\/[#@] sourceMappingURL=(\S+)[ \t]*$/gm;

/** Yields the files below path, sorted, without those in folders named node_modules. */
async function* walk(path) {
  if (!(await stat(path)).isDirectory()) {
    yield path;
    return;
  }
  for (const entry of (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = join(path, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules') yield* walk(below);
    else if (entry.isFile()) yield below;
  }
}

const isFile = (path) => stat(path).then((info) => info.isFile(), () => false);

/** Returns the path of a script's source map, 'inline', or undefined if there is none. */
async function mapOf(script) {
  const url = [...(await readFile(script, 'utf8')).matchAll(MAPPING_URL)].at(-1)?.[1];
  if (url?.startsWith('data:')) return 'inline';
  const beside = script + '.map';
  if (url && !/^\w+:|^\/\//.test(url)) {
    const named = resolve(dirname(script), decodeURI(url.replace(/[?#].*/, '')));
    if (await isFile(named)) return named;
  }
  return (await isFile(beside)) ? beside : undefined;
}

/**
 * Returns the scripts below paths as {path, map}, and the source maps as {path, name}: name is the
 * path of the script below the folder that was given, as it will be in URLs.
 */
export async function findScripts(paths) {
  const scripts = [];
  const maps = new Map();
  const alone = [];
  for (const root of paths) {
    const base = (await stat(root).catch(() => { throw new Error(`${root} does not exist`); })).isDirectory() ? root : dirname(root);
    for await (const path of walk(root)) {
      const name = relative(base, path).split('\\').join('/');
      if (MAP.test(path)) alone.push({ path: resolve(path), name: name.slice(0, -'.map'.length) });
      if (!SCRIPT.test(path)) continue;
      const map = await mapOf(path);
      scripts.push({ path, map });
      if (map && map !== 'inline') maps.set(resolve(map), { path: resolve(map), name });
    }
  }
  for (const one of alone) if (!maps.has(one.path)) maps.set(one.path, one);
  return { scripts, maps: [...maps.values()] };
}

// Debug ids: an id that a build's script and its source map have in common.
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';

const COMMENT = /^\/\/# debugId=([\da-f-]{36})[ \t]*$/im;
// What registers an id when the script runs: our line, and what other tools write.
const REGISTERED = /_debugIds=w\._debugIds\|\|\{\}\)\[s\]="([\da-f-]{36})"|sentry-dbid-([\da-f-]{36})/;
const MAPPING_COMMENT = /^\/\/[#@] sourceMappingURL=\S+[ \t]*$/gm;
const DIRECTIVE = /("use [a-z ]+"|'use [a-z ]+')[ \t]*(?:;|\r?\n|$)/y;
const SPACE = /\s+/y;
/** Member of a map that says that it knows about the line that was added to its script. */
const MARK = 'x_monlight_injected';

/** Returns the line that registers id for the script that it is in. */
const register = (id) =>
  `!function(){try{var w="undefined"!=typeof window?window:self,s=(new Error).stack;s&&((w._debugIds=w._debugIds||{})[s]="${id}")}catch(e){}}();`;

/** Returns an id for a build of a script: the same for the same script and map. */
export function debugId(script, map) {
  const hash = createHash('sha256').update(script).update('\0').update(map).digest('hex');
  const variant = '89ab'[parseInt(hash[16], 16) % 4];
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-5${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

/** Returns the directives of a script, such as "use strict". One works only as long as nothing is in front of it. */
function directivesOf(script) {
  const found = [];
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(script);
    if (match) at += match[0].length;
    return match;
  };
  const skipTo = (end, width) => {
    const next = script.indexOf(end, at);
    at = next < 0 ? script.length : next + width;
    return true;
  };
  for (;;) {
    if (take(SPACE)) continue;
    if (script.startsWith('//', at) && skipTo('\n', 1)) continue;
    if (script.startsWith('/*', at) && skipTo('*/', 2)) continue;
    const directive = take(DIRECTIVE)?.[1];
    if (!directive) return found;
    found.push(directive + ';');
  }
}

/** Returns the script with a first line that registers id, and the id in a comment at its end. */
export function injectScript(script, id) {
  const withLine = directivesOf(script).join('') + register(id) + '\n' + script;
  if (COMMENT.test(script)) return withLine;
  const comment = `//# debugId=${id}`;
  const last = [...withLine.matchAll(MAPPING_COMMENT)].at(-1);
  if (last) return withLine.slice(0, last.index) + comment + '\n' + withLine.slice(last.index);
  return withLine + (withLine.endsWith('\n') ? '' : '\n') + comment + '\n';
}

/** Returns the map, parsed, for the script with one more line at its beginning. */
export function injectMap(map, id) {
  const moved = map.sections
    ? { ...map, sections: map.sections.map((one) => ({ ...one, offset: { ...one.offset, line: one.offset.line + 1 } })) }
    : { ...map, mappings: ';' + map.mappings };
  return { ...moved, debugId: id, debug_id: id, [MARK]: id };
}

const parseMap = (text, path) => {
  let map;
  try {
    map = JSON.parse(text.replace(/^\)\]\}'[^\n]*\n/, ''));
  } catch (error) {
    throw new Error(`${path}: not JSON: ${error.message}`);
  }
  if (map?.version !== 3 || (typeof map.mappings !== 'string' && !Array.isArray(map.sections))) throw new Error(`${path}: no source map of version 3`);
  return map;
};

/** Replaces a file at once, or not at all. */
const replace = async (path, text) => {
  await writeFile(path + '.monlight-tmp', text);
  await rename(path + '.monlight-tmp', path);
};

/** Gives the scripts that have source maps their ids. Those that have one keep it. */
export async function inject(scripts, { isDryRun, say }) {
  let done = 0;
  for (const { path, map: mapPath } of scripts) {
    if (!mapPath || mapPath === 'inline') {
      say(`${path}: ${mapPath ? 'its source map is inside; let the bundler write a file' : 'no source map'}`);
      continue;
    }
    const bytes = await readFile(path);
    const script = bytes.toString('utf8');
    if (script.startsWith('#!') || !Buffer.from(script).equals(bytes)) {
      say(`${path}: ${script.startsWith('#!') ? 'not a script for browsers' : 'not UTF-8'}`);
      continue;
    }
    const text = await readFile(mapPath, 'utf8');
    const map = parseMap(text, mapPath);
    const [, ours, others] = REGISTERED.exec(script) ?? [];
    const id = ours ?? others ?? COMMENT.exec(script)?.[1] ?? map.debugId ?? map.debug_id ?? debugId(script, text);
    // A run that was interrupted has changed the script, but not yet its map.
    if (others || (ours && map[MARK])) {
      say(`${path}: has ${id}`);
      continue;
    }
    if (!isDryRun) {
      if (!ours) await replace(path, injectScript(script, id));
      await replace(mapPath, JSON.stringify(injectMap(map, id)));
    }
    done++;
    say(`${path}: ${id}`);
  }
  say(`${done} of ${scripts.length} scripts ${isDryRun ? 'would get' : 'got'} a debug id`);
}

// How a log line becomes something to look at: colours of terminals, characters
// that would hide, the words that were searched. Text is only ever text.
(() => {
'use strict';
const ml = window.ml ??= {};
ml.make = (tag, cls, text) => {
  const el = document.createElement(tag);
  if (cls) el.className = cls;
  if (text !== undefined) el.textContent = text;
  return el;
};

// Every escape sequence; those that end with m and are colours are read, all
// others are left out: moving the cursor, links, titles.
const escapes = new RegExp('\\x1b(?:\\[[0-?]*[ -/]*[@-~]?|[\\]PX^_][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\)?|[ -/]*[0-~]?)', 'g');
const hiding = new RegExp('[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb]|[\\u{e0000}-\\u{e0fff}]', 'gu');
const shown = (c) => {
  const n = c.codePointAt(0);
  return n < 32 ? String.fromCharCode(0x2400 + n) : n === 127 ? '\u2421' : `[U+${n.toString(16).toUpperCase().padStart(4, '0')}]`;
};
ml.visible = (text) => text.replaceAll('\r\n', '\n').replace(hiding, shown);
ml.plain = (text) => text.includes('\x1b') ? text.replace(escapes, '') : text;

// Colours of 256 and of 16 million become the nearest of ours.
const nearest = (r, g, b) => {
  const high = Math.max(r, g, b), low = Math.min(r, g, b), half = (high + low) / 2;
  return high - low < 40 ? (high > 127 ? 7 : 8) : (r > half ? 1 : 0) + (g > half ? 2 : 0) + (b > half ? 4 : 0);
};
const indexed = (n) => {
  if (n < 16) return n;
  if (n > 231) return n > 243 ? 7 : 8;
  const level = (i) => [0, 95, 135, 175, 215, 255][i];
  return nearest(level(Math.floor((n - 16) / 36)), level(Math.floor((n - 16) / 6) % 6), level((n - 16) % 6));
};
const change = (state, list) => {
  const codes = list.split(new RegExp('[;:]')).map(Number);
  for (let i = 0; i < codes.length; i++) {
    const n = codes[i];
    if (n === 0) { state.f = state.b = ''; state.s.clear(); }
    else if (n < 10) state.s.add(n);
    else if (n === 22) { state.s.delete(1); state.s.delete(2); }
    else if (n > 22 && n < 30) state.s.delete(n - 20);
    else if (n === 38 || n === 48) {
      const to = codes[i + 1] === 5 ? indexed(codes[i + 2] || 0) : codes[i + 1] === 2 ? nearest(codes[i + 2] || 0, codes[i + 3] || 0, codes[i + 4] || 0) : '';
      i += codes[i + 1] === 5 ? 2 : 4;
      if (n === 38) state.f = to; else state.b = to;
    }
    else if (n === 39) state.f = '';
    else if (n === 49) state.b = '';
    else if (n >= 30 && n < 38) state.f = n - 30;
    else if (n >= 40 && n < 48) state.b = n - 40;
    else if (n >= 90 && n < 98) state.f = n - 82;
    else if (n >= 100 && n < 108) state.b = n - 92;
  }
};
// segments cuts a text into pieces with a class each.
ml.segments = (text) => {
  if (!text.includes('\x1b')) return [[text, '']];
  const out = [], state = { f: '', b: '', s: new Set() };
  let from = 0, cls = '';
  for (const found of text.matchAll(escapes)) {
    if (found.index > from) out.push([text.slice(from, found.index), cls]);
    from = found.index + found[0].length;
    if (!found[0].startsWith('\x1b[') || !found[0].endsWith('m')) continue;
    change(state, found[0].slice(2, -1));
    cls = [...[...state.s].filter((n) => n < 5 || n === 9).map((n) => 's' + n), state.f === '' ? '' : 'f' + state.f, state.b === '' ? '' : 'b' + state.b].filter(Boolean).join(' ');
  }
  if (from < text.length) out.push([text.slice(from), cls]);
  return out;
};

// The words of a search that can be marked, as one expression.
const terms = new RegExp('(-?)(?:[\\w.@-]+:(?=["\\w]))?("(?:[^"\\\\]|\\\\.)*"|[^\\s()"]+)', 'g');
ml.marker = (search) => {
  const words = [];
  for (const [all, minus, term] of (search || '').matchAll(terms)) {
    const word = term.startsWith('"') ? term.slice(1, -1).replace(new RegExp('\\\\(.)', 'g'), '$1') : term.replaceAll('*', '');
    if (minus || all.startsWith('/') || ['AND', 'OR', 'NOT'].includes(term) || word.length < 2 || words.length > 30) continue;
    words.push(word.replace(new RegExp('[\\\\^$.*+?()[\\]{}|/]', 'g'), '\\$&'));
  }
  return words.length ? new RegExp(words.join('|'), 'gi') : null;
};
// paint puts a text into an element.
ml.paint = (el, text, marker) => {
  const parts = [];
  for (const [piece, cls] of ml.segments(text)) {
    const safe = ml.visible(piece);
    const at = cls ? ml.make('span', cls) : null;
    const put = (node) => { if (at) at.append(node); else parts.push(node); };
    let from = 0;
    if (marker) {
      for (const found of safe.matchAll(marker)) {
        if (!found[0]) break;
        if (found.index > from) put(safe.slice(from, found.index));
        put(ml.make('mark', '', found[0]));
        from = found.index + found[0].length;
      }
    }
    if (from < safe.length) put(safe.slice(from));
    if (at) parts.push(at);
  }
  el.replaceChildren(...parts);
};

// headline is the line of a message that stands for it in a list: the first one,
// but of a traceback the one that says what went wrong.
ml.headline = (text, end = text.indexOf('\n')) => {
  const first = text.slice(0, end);
  let what;
  if (first.startsWith('Traceback (most recent call last)')) {
    what = text.trimEnd();
    what = what.slice(what.lastIndexOf('\n') + 1);
    return what && !new RegExp('^\\s').test(what) ? `Traceback … ${what}` : first;
  }
  what = new RegExp('^[^\\s:]*:\\S*$').test(first) && text.slice(0, 2000).match(new RegExp('\\n[ \\t]*\\^[ \\t]*\\n+([^\\n]+)'));
  return what ? `${first} … ${what[1]}` : first;
};

// line is paint for a row of a list: of a JSON line it shows the message first,
// and the other members in few characters.
const messages = ['msg', 'message', 'event', 'text', 'error'], known = ['level', 'severity', 'lvl', 'time', 'ts', 'timestamp', '@timestamp'];
const short = (v) => typeof v === 'string' ? v : JSON.stringify(v);
ml.line = (el, text, marker) => {
  const members = text.startsWith('{') && ml.members(text);
  if (!members) { ml.paint(el, text, marker); return; }
  const a = ml.make('span'), b = ml.make('span', 'dim');
  ml.paint(a, members[0], marker);
  ml.paint(b, members[1].slice(0, 600), marker);
  el.replaceChildren(a, ' ', b);
};
// members are the two texts that a row shows of a JSON line; null of another one.
ml.members = (text) => {
  const json = ml.json(text), name = json && messages.find((k) => typeof json.value[k] === 'string');
  if (!name) return null;
  const rest = Object.entries(json.value).filter(([k]) => k !== name && !known.includes(k)).map(([k, v]) => `${k}=${short(v)}`).join(' ');
  return [json.value[name], `${rest} ${json.rest}`.trim()];
};

// The JSON object that a text begins with, and what follows it; null without one.
ml.json = (text) => {
  const from = text.search(new RegExp('\\S'));
  if (text[from] !== '{') return null;
  let depth = 0, quoted = false;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (quoted) { if (c === '\\') i++; else if (c === '"') quoted = false; continue; }
    if (c === '"') quoted = true;
    else if (c === '{' || c === '[') depth++;
    else if ((c === '}' || c === ']') && --depth === 0) {
      try { return { value: JSON.parse(text.slice(from, i + 1)), rest: text.slice(i + 1).trim() }; } catch { return null; }
    }
  }
  return null;
};
// tree shows a JSON value; left is how many values may still be shown.
ml.tree = (value, left = { n: 1000 }, depth = 0) => {
  const ul = ml.make('ul');
  for (const [key, v] of Object.entries(value)) {
    if (--left.n < 0 || depth > 20) { ul.append(ml.make('li', 'j-cut', 'the rest is not shown')); break; }
    const li = ml.make('li'), name = ml.make('span', 'j-key', ml.visible(key));
    if (v && typeof v === 'object' && Object.keys(v).length) {
      const box = ml.make('details'), head = ml.make('summary');
      box.open = depth < 2;
      const n = Object.keys(v).length;
      head.append(name, ' ', ml.make('span', 'dim', Array.isArray(v) ? `${n} ${n === 1 ? 'item' : 'items'}` : `${n} ${n === 1 ? 'field' : 'fields'}`));
      box.append(head, ml.tree(v, left, depth + 1));
      li.append(box);
    } else {
      const kind = v === null ? 'null' : typeof v === 'boolean' ? 'bool' : typeof v;
      li.append(name, ' ', ml.make('span', `j-${kind}`, kind === 'string' ? ml.visible(v) : JSON.stringify(v)));
    }
    ul.append(li);
  }
  return ul;
};
})();

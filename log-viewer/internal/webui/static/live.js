// The live stream: follows it, stops when the reader scrolls up, and says what
// happens: pauses, gaps, dropped entries, lost connections.
(() => {
'use strict';
const ml = window.ml, doc = document;
const $ = (selector) => doc.querySelector(selector);
const LIMIT = 50000, FAST = 500;

const follow = (host, list) => {
  let source, last = Number(host.dataset.after), waiting = [], unseen = 0, paused = false, count = 0, lostAt = 0, again;
  const button = $('[data-pause]'), state = $('[data-state]'), rate = $('[data-rate]');
  const jump = ml.make('button', 'btn primary jump');
  jump.type = 'button';
  jump.hidden = true;
  host.append(jump);
  host.classList.add('livelist');
  list.tail = true;
  const say = (text, lost) => { state.textContent = text; button.classList.toggle('lost', Boolean(lost)); };
  const number = (n) => n.toLocaleString('en').replaceAll(',', '\u202f');

  const flush = () => {
    frame = undefined;
    if (!waiting.length) return;
    const items = waiting;
    waiting = [];
    unseen += paused ? items.filter((i) => !i.mark).length : 0;
    list.append(items, LIMIT);
    if (paused) {
      jump.textContent = `${number(unseen)} new ${unseen === 1 ? 'line' : 'lines'} ↓`;
      jump.hidden = false;
    } else {
      bottom();
    }
    $('.waiting')?.remove();
    host.status.firstChild.textContent = `${number(list.items.length)} entries on this page, the newest ${number(LIMIT)} are kept`;
  };
  let frame, own = 0;
  const soon = () => { frame ??= requestAnimationFrame(flush); };
  // Scrolling by the program is not scrolling by the reader.
  const bottom = () => { own = Date.now(); list.toBottom(); list.draw(); };
  const add = (item) => { waiting.push(item); soon(); };
  const mark = (text) => add({ mark: text });
  // What a container did, at the time that its engine says.
  const turned = ({ container, event, timestamp, exit_code: code, oom_killed: oom, restart_count: n }) => {
    const how = event === 'started' ? (n ? `restart ${number(n)}` : '') : [code === null ? '' : `exit code ${code}`, oom ? 'out of memory' : ''].filter(Boolean).join(', ');
    add({ mark: `${ml.visible(container)} ${event === 'started' ? (n ? 'was started again' : 'was started') : 'stopped'}${how ? ', ' + how : ''}`, timestamp, tone: event === 'started' ? 'good' : code || oom ? 'bad' : '' });
  };

  const pause = (on) => {
    if (paused === on) return;
    paused = on;
    button.setAttribute('aria-pressed', String(on));
    button.lastElementChild.textContent = on ? 'Paused' : 'Live';
    if (!on) { unseen = 0; jump.hidden = true; bottom(); }
  };
  button.addEventListener('click', () => pause(!paused));
  jump.addEventListener('click', () => pause(false));
  list.view.addEventListener('scroll', () => {
    if (list.atBottom()) { if (paused && !ml.drawer.el.open && !ml.find?.active) pause(false); }
    else if (Date.now() - own > 250) pause(true);
  }, { passive: true });
  list.view.addEventListener('wheel', (e) => { if (e.deltaY < 0) pause(true); }, { passive: true });
  $('[data-empty]').addEventListener('click', () => { list.set([]); unseen = 0; jump.hidden = true; });
  if (ml.find) ml.find.onfind = () => pause(true);
  const show = list.onopen;
  list.onopen = (item) => { pause(true); show(item); };
  doc.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches?.('input,select,textarea,a,button') || $('dialog[open]')) return;
    if (e.key === ' ') pause(!paused); else if (e.key === 'G') pause(false); else return;
    e.preventDefault();
  }, true);

  const connect = () => {
    clearTimeout(again);
    source?.close();
    source = new EventSource(`${host.dataset.live}&after=${last}`);
    source.addEventListener('open', () => {
      if (lostAt) mark(`Connected again after ${Math.max(1, Math.round((Date.now() - lostAt) / 1000))} s`);
      lostAt = 0;
      button.classList.add('live');
      say('Connected');
      ml.notice();
    });
    source.addEventListener('log', (e) => {
      const item = JSON.parse(e.data);
      last = item.id;
      count++;
      add(item);
    });
    source.addEventListener('dropped', (e) => mark(`${number(JSON.parse(e.data).count)} entries left out: they came faster than this page could take them`));
    source.addEventListener('container', (e) => turned(JSON.parse(e.data)));
    source.addEventListener('gap', () => mark('Entries are missing here: more came than are repeated. The explorer has them all.'));
    source.addEventListener('close', (e) => {
      source.close();
      const { reason } = JSON.parse(e.data);
      if (reason === 'max_duration') { connect(); return; }
      lost('The service stopped the stream');
    });
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) { lost(navigator.onLine ? 'Reconnecting…' : 'You are offline'); return; }
      refused();
    });
  };
  const lost = (text) => {
    lostAt ||= Date.now();
    button.classList.remove('live');
    say(text, true);
    if (source.readyState === EventSource.CLOSED) { clearTimeout(again); again = setTimeout(connect, 3000); }
  };
  // An EventSource does not tell why it was refused.
  const refused = async () => {
    const abort = new AbortController();
    try {
      const answer = await fetch(`${host.dataset.live}&after=${last}`, { signal: abort.signal });
      if (answer.ok) { abort.abort(); lost('Reconnecting…'); return; }
      const { detail } = await answer.json().catch(() => ({}));
      if (answer.status === 401) { say('Not connected', true); ml.notice('warn', 'Your session has ended.', location.href); return; }
      lost(`${detail ?? 'Status ' + answer.status}. Trying again…`);
    } catch { lost(navigator.onLine ? 'The service cannot be reached. Trying again…' : 'You are offline'); }
  };
  setInterval(() => {
    rate.textContent = count ? `${number(count)} lines/s${count > FAST ? ' (too fast to read: filter, or pause)' : ''}` : '';
    count = 0;
  }, 1000);
  addEventListener('online', () => { if (lostAt) connect(); });
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', (e) => { if (e.persisted) connect(); });
  bottom();
  connect();
};
ml.live = follow;
})();

// The screens of the error tracker.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { updating } from '../gates.mjs';
import { Session } from '../pages.mjs';
import { decide, everyOutcome, project, ship, shopWindow, simple } from '../reports.mjs';
import { startService } from '../service.mjs';
import { help, spoil, unfold, wrongKey } from './acts.mjs';

// A service stamps what comes in by its own clock, so on a fresh one everything
// happened just now. For the documents the reports are spread over some days.
const yesterday = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
hour = 3600000
for id, hash, last in db.execute("SELECT i.id, i.primary_hash, i.last_seen FROM issues i").fetchall():
    (now, env, rel, n) = db.execute("SELECT hour, environment_id, release_id, sum(n) FROM hash_hour WHERE hash_id = ?", [hash]).fetchone()
    if n is None:
        continue
    first, quiet, total = last - (id * id * 5 % 300 + 3) * hour, id * 7 % 23, 0
    for back in range(1, min(14 * 24, (last - first) // hour)):
        more = max(0, (n + id) * (back * back * 13 + id * 29) % 23 - 8 - (quiet if back > id % 7 + 9 else 0))
        if more:
            db.execute("INSERT INTO hash_hour VALUES (?, ?, ?, ?, ?, ?)", [hash, now - back, env, rel, more, (now - back) * hour])
            total += more
    db.execute("UPDATE issues SET first_seen = ?, last_seen = last_seen - ?, count = count + ?, users = users + ? WHERE id = ?", [first, (id - 1) * (id - 1) * 71000 % (hour // 2), total, total // 3, id])
    db.execute("UPDATE issues SET regressed_at = last_seen WHERE id = 4")
db.execute("UPDATE alert_log SET at = (SELECT CASE kind WHEN 'created' THEN first_seen ELSE regressed_at END FROM issues WHERE id = issue_id)")
for id, kind, what, n in db.execute("SELECT project_id, kind, what, sum(n) FROM ingest WHERE project_id > 0 GROUP BY 1, 2, 3").fetchall():
    for back in range(1, 24):
        more = n * ((back * back * 13 + len(what) * 29) % 23 - (4 if kind in ("accepted", "sender") else 9))
        if more > 0:
            db.execute("INSERT INTO ingest SELECT ?, max(hour) - ?, ?, ?, ? FROM ingest", [id, back, kind, what, more])
db.close()
`;

// everyRelease sends sessions of each release, and deploys of some.
async function everyRelease(service, project) {
  const { keys } = (await service.api('/api/projects?details=true')).details.find((p) => p.id === project);
  const { releases } = await service.api(`/api/projects/${project}/releases`);
  const started = new Date().toISOString();
  for (const [i, { release }] of releases.entries()) {
    const sessions = { attrs: { release, environment: 'production' }, aggregates: [{ started, exited: 900 - i * 211, crashed: i * i + 1 }] };
    const answer = await fetch(`${service.url}/api/${project}/envelope/?sentry_key=${new URL(keys[0].dsn).username}`, {
      method: 'POST', body: `{}\n{"type":"sessions"}\n${JSON.stringify(sessions)}\n`,
    });
    assert.equal(answer.status, 200, await answer.text());
    for (const [environment, hours] of [['production', 20 + 70 * i], ['staging', 26 + 70 * i]]) {
      await service.post('/api/deploys', { project: 'shop', release, environment, time: new Date(Date.now() - hours * 3600e3).toISOString(), name: `run ${77 - i}`, url: `https://ci.example.com/runs/${77 - i}` });
    }
  }
}

// minified is what a browser reports of a script whose source map nobody uploaded.
const minified = {
  project: 'storefront', environment: 'production', exception_type: 'TypeError', message: "Cannot read properties of undefined (reading 'amount')", release: '2.1.0', platform: 'javascript', request_method: 'BROWSER',
  request_url: 'https://shop.example.com/cart', traceback: 'TypeError: x\n    at n (https://shop.example.com/assets/app.min.js:1:2)',
  exceptions: [{ type: 'TypeError', value: "Cannot read properties of undefined (reading 'amount')", mechanism: { type: 'onerror', handled: false }, frames: [
    { function: 't', filename: 'https://shop.example.com/assets/app.min.js', lineno: 1, colno: 12481, in_app: true }, { function: 'n', filename: 'https://shop.example.com/assets/app.min.js', lineno: 1, colno: 9772, in_app: true }] }],
};

const rules = (text, wanted) => async (page) => {
  await page.fill('textarea', text);
  await page.click(wanted === '#preview' ? 'text=Try on past events' : 'text=Save');
  await page.waitForSelector(wanted);
};
const menu = (name) => (page) => page.click(`summary:has-text("${name}")`);
const tick = (page) => page.evaluate(() => document.querySelector('ml-live').tick());

export const errors = {
  name: 'error-tracker',

  async start(browser) {
    const mail = { SMTP_HOST: '127.0.0.1', SMTP_PORT: '1', SMTP_FROM: 'errors@example.com', SMTP_TLS: 'none', ALERT_EMAILS: 'ann@example.com' };
    const service = await startService({ LOG_VIEWER_URL: 'http://127.0.0.1:5011', METRICS_COLLECTOR_URL: 'http://127.0.0.1:5012', BROWSER_RELAY_URL: 'http://127.0.0.1:5013' });
    const [empty, broken, mailing] = await Promise.all([startService(), startService(), startService(mail)]);
    const stop = () => Promise.all([service, empty, broken, mailing].map((s) => s.stop()));
    try {
      const [reader, first, failing, mailed] = await Promise.all([service, empty, broken, mailing].map((s) => new Session(browser, s).signIn()));
      await shopWindow(service);
      for (const [n, minutes, server, more] of [
        [51, 171, 1], [57, 96, 2, { release: 'shop@4.12.0' }], [58, 74, 1, { environment: 'staging', user: undefined }], [63, 52, 3, { level: 'fatal' }], [69, 33, 2],
        [71, 21, 3, { environment: 'staging', request_url: 'https://staging.example.com/orders/71/ship' }], [77, 12, 1], [80, 4, 3],
      ]) await service.report(ship(n, { timestamp: Date.now() / 1000 - minutes * 60, server_name: `web-${server}`, ...more }));
      const { id } = await service.report(ship(44));
      await service.post(`/api/errors/${id}/assign`, { assignee: 'Jane' });
      await service.post(`/api/errors/${id}/resolve`, { in: 'next' });
      await service.post(`/api/errors/${id}/unresolve`, {});
      await service.post(`/api/errors/${id}/comments`, { author: 'Jane', text: 'Orders that are picked up have no address since 4.12.0.' });
      const { id: decided } = await service.report(simple('ResolvedError', { release: '1.4.0' }));
      await decide(service, decided);
      for (const view of [{ name: 'Newest releases', search: 'release:*@2.*', environment: 'production', state: 'all', sort: 'count' }, { name: 'In browsers', source: 'browser', time: '7d' }, { name: 'Nobody cares for it', search: 'assigned:none -level:info' }]) await service.post('/api/views', view);
      const { id: bare } = await service.report({ project: 'shop', exception_type: 'Stopped', message: 'the job did not end in time', traceback: 'Stopped' });
      const { id: small } = await service.report(minified);
      const web = await everyOutcome(service);
      const { id: shop } = (await service.api('/api/projects?details=true')).details.find((p) => p.name === 'shop');
      await everyRelease(service, shop);
      const { id: release } = (await service.api(`/api/projects/${shop}/releases`)).releases.find((r) => r.release === 'shop@2.4.1');
      await mailing.report(ship(1));
      if (updating) await service.between((database) => execFileSync('python3', ['-c', yesterday, database]));
      const viewer = await reader.viewer();
      await project(broken, 'shop');
      spoil(broken.database);
      return { service, reader, viewer, first, failing, mailed, id, decided, bare, minified: small, project: web.id, shop, release, stop };
    } catch (err) {
      await stop();
      throw err;
    }
  },

  changes: '/projects',
  screens: [
    { name: 'issues', path: '/', small: true },
    { name: 'issues-all', path: '/?state=all' },
    { name: 'issues-selected', path: '/', act: (page) => page.locator('[data-check]').first().check() },
    { name: 'issues-none-match', path: '/?search=zebra', small: true },
    { name: 'issues-of-a-search', path: '/?state=all&search=environment:production+release:*@2.*+-level:info&sort=count&stats=14d', small: true },
    { name: 'issues-of-a-time', path: '/?state=all&time=30m&search=has%3Alevel+-environment%3Anone&sort=trend' },
    { name: 'issues-wrong-search', path: '/?search=env%3Aprod+is%3Alost' },
    { name: 'issues-of-a-session', path: '/?session_id=s-4&time=soon' },
    { name: 'issues-offline', alone: true, path: '/', act: async (page) => { await page.context().setOffline(true); await tick(page); await page.waitForSelector('#live-notice'); } },
    { name: 'issues-session-ended', alone: true, path: '/', act: async (page) => { await page.context().clearCookies(); await tick(page); await page.waitForSelector('#live-notice'); } },
    { name: 'issues-of-a-view', path: '/?environment=production&search=release%3A*%402.*&sort=count&state=all', small: true },
    { name: 'views', path: '/views?project=shop&state=all&sort=users', small: true },
    { name: 'views-name-taken', path: '/views?project=shop&state=all', act: async (page) => { await page.fill('#main .pad input[name=name]', 'Newest releases'); await page.click('text=Save view'); await page.waitForSelector('[role=alert]'); } },
    { name: 'search-help', path: '/search' },
    { name: 'issue', path: (w) => `/errors/${w.id}`, small: true },
    { name: 'issue-unfolded', path: (w) => `/errors/${w.id}?stats=14d`, act: unfold },
    { name: 'issue-mute-menu', path: (w) => `/errors/${w.id}`, act: menu('Mute') },
    { name: 'issue-resolve-menu', path: (w) => `/errors/${w.id}`, act: menu('Resolve in') },
    { name: 'issue-decided', path: (w) => `/errors/${w.decided}` },
    { name: 'issue-mute-in-an-environment', path: (w) => `/errors/${w.decided}`, act: menu('Mute') },
    { name: 'issue-minified', path: (w) => `/errors/${w.minified}`, at: '.trace' },
    { name: 'issue-without-a-stack', path: (w) => `/errors/${w.bare}`, at: '.trace' },
    { name: 'issue-event-expired', path: (w) => `/errors/${w.id}?event=999999`, at: '.notice' },
    { name: 'issue-events', path: (w) => `/errors/${w.id}/events`, small: true },
    { name: 'issue-events-of-one', path: (w) => `/errors/${w.bare}/events` },
    { name: 'issue-events-none-older', path: (w) => `/errors/${w.id}/events?before=1` },
    { name: 'issue-events-wrong-place', path: (w) => `/errors/${w.id}/events?before=x`, status: 400 },
    { name: 'issue-tags', path: (w) => `/errors/${w.id}/tags`, small: true },
    { name: 'issue-delete', path: (w) => `/errors/${w.id}/delete` },
    { name: 'issue-delete-dialog', path: (w) => `/errors/${w.id}`, act: async (page) => { await page.click('button:has-text("Delete")'); await page.waitForSelector('#confirm[open]'); } },
    { name: 'issue-not-found', path: '/errors/4711', status: 404 },
    { name: 'releases', path: (w) => `/releases?project=${w.shop}`, small: true },
    { name: 'releases-without-sessions', path: (w) => `/releases?project=${w.project}` },
    { name: 'releases-none', of: 'first', path: '/releases' },
    { name: 'release', path: (w) => `/releases/${w.release}?stats=14d`, small: true },
    { name: 'projects', path: '/projects' },
    { name: 'project', path: (w) => `/projects/${w.project}` },
    { name: 'settings', path: (w) => `/projects/${w.project}/settings`, small: true },
    { name: 'rules', path: (w) => `/projects/${w.project}/rules` },
    { name: 'rules-tried', path: (w) => `/projects/${w.project}/rules`, small: true, act: rules('# an empty cart is one issue for each kind of browser\nmessage:"cart * is empty" -> empty cart, {{ default }}\ntype:*TimeoutError path:*/payments/* -> provider-down\ntype:TypeError -> "a fingerprint that has a rather long name and goes on and on"', '#preview') },
    { name: 'rules-mistake', path: (w) => `/projects/${w.project}/rules`, act: rules('type:TypeError', '[role=alert]') },
    { name: 'project-alerts', path: (w) => `/projects/${w.project}/alerts` },
    { name: 'ingest', path: (w) => `/ingest?project=${w.project}`, small: true },
    { name: 'ingest-unfolded', path: (w) => `/ingest?project=${w.project}`, act: unfold },
    { name: 'ingest-of-a-week', path: '/ingest?window=week' },
    { name: 'ingest-none', of: 'first', path: '/ingest' },
    { name: 'alerts', of: 'mailed', path: '/alerts' },
    { name: 'alerts-not-configured', path: '/alerts' },
    { name: 'keys', path: '/', act: help },
    { name: 'read-only', of: 'viewer', path: '/', small: true },
    { name: 'read-only-issue', of: 'viewer', path: (w) => `/errors/${w.id}` },
    { name: 'read-only-settings', of: 'viewer', path: (w) => `/projects/${w.project}/settings` },
    { name: 'first-run', of: 'first', path: '/', small: true },
    { name: 'page-not-found', path: '/nothing/here', status: 404 },
    { name: 'failure', of: 'failing', path: '/', status: 500 },
    { name: 'sign-in', of: 'first', path: '/', signedIn: false, small: true },
    { name: 'sign-in-refused', of: 'first', path: '/', signedIn: false, act: wrongKey },
    { name: 'without-scripts', path: '/', js: false },
  ],
};

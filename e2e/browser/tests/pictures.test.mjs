import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Session, clean, launch, shut } from '../pages.mjs';
import { everyOutcome, ship, shopWindow } from '../reports.mjs';
import { startService } from '../service.mjs';

const update = process.env.UPDATE_SCREENSHOTS === '1';
const folder = fileURLToPath(new URL(update ? '../../../docs/screenshots/' : '../../out/screenshots/', import.meta.url));

// A service stamps what comes in by its own clock, so on a fresh one everything
// happened just now. For the documents the reports are spread over some days.
const yesterday = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
hour = 3600000
for id, hash, last in db.execute("SELECT i.id, i.primary_hash, i.last_seen FROM issues i").fetchall():
    (now, env, rel, n) = db.execute("SELECT hour, environment_id, release_id, sum(n) FROM hash_hour WHERE hash_id = ?", [hash]).fetchone()
    first, quiet, total = last - (id * id * 5 % 300 + 3) * hour, id * 7 % 23, 0
    for back in range(1, min(14 * 24, (last - first) // hour)):
        more = max(0, (n + id) * (back * back * 13 + id * 29) % 23 - 8 - (quiet if back > id % 7 + 9 else 0))
        if more:
            db.execute("INSERT INTO hash_hour VALUES (?, ?, ?, ?, ?, ?)", [hash, now - back, env, rel, more, (now - back) * hour])
            total += more
    db.execute("UPDATE issues SET first_seen = ?, last_seen = last_seen - ?, count = count + ?, users = users + ? WHERE id = ?", [first, (id - 1) * (id - 1) * 71000 % (hour // 2), total, total // 3, id])
    db.execute("UPDATE issues SET regressed_at = last_seen WHERE id = 4")
for id, kind, what, n in db.execute("SELECT project_id, kind, what, sum(n) FROM ingest WHERE project_id > 0 GROUP BY 1, 2, 3").fetchall():
    for back in range(1, 24):
        more = n * ((back * back * 13 + len(what) * 29) % 23 - (4 if kind in ("accepted", "sender") else 9))
        if more > 0:
            db.execute("INSERT INTO ingest SELECT ?, max(hour) - ?, ?, ?, ? FROM ingest", [id, back, kind, what, more])
db.close()
`;

const tryRules = async (page) => {
  await page.fill('textarea', '# an empty cart is one issue for each kind of browser\nmessage:"cart * is empty" -> empty cart, {{ default }}\ntype:*TimeoutError path:*/payments/* -> provider-down');
  await page.click('text=Try on past events');
  await page.waitForSelector('#preview');
};

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
      await service.post('/api/deploys', { project: 'shop', release, environment, time: new Date(Date.now() - hours * 3600e3).toISOString() });
    }
  }
}

describe('pictures for the documents', () => {
  let service, browser, session, id, shop, release, project;
  before(async () => {
    service = await startService({ LOG_VIEWER_URL: 'http://127.0.0.1:5011', METRICS_COLLECTOR_URL: 'http://127.0.0.1:5012' });
    browser = await launch();
    session = await new Session(browser, service).signIn();
    await shopWindow(service);
    ({ id } = await service.report(ship(44)));
    await service.post(`/api/errors/${id}/assign`, { assignee: 'Jane' });
    await service.post(`/api/errors/${id}/resolve`, { in: 'next' });
    await service.post(`/api/errors/${id}/unresolve`, {});
    await service.post(`/api/errors/${id}/comments`, { author: 'Jane', text: 'Orders that are picked up have no address since 4.12.0.' });
    project = await everyOutcome(service);
    shop = (await service.api('/api/projects?details=true')).details.find((p) => p.name === 'shop').id;
    await everyRelease(service, shop);
    release = (await service.api(`/api/projects/${shop}/releases`)).releases.find((r) => r.release === 'shop@2.4.1').id;
    if (update) await service.between((database) => execFileSync('python3', ['-c', yesterday, database]));
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('the list and an issue, in both colours, wide and narrow', async () => {
    mkdirSync(folder, { recursive: true });
    for (const scheme of ['light', 'dark']) {
      for (const [width, height] of [[1280, 860], [360, 780]]) {
        for (const [name, path, act] of [['issues', '/'], ['issue', `/errors/${id}`],
          ['search', '/?search=environment:production+release:*@2.*+-level:info&sort=count&stats=14d'], ['releases', `/releases?project=${shop}`], ['release', `/releases/${release}?stats=14d`],
          ['ingest', `/ingest?project=${project.id}`], ['settings', `/projects/${project.id}/settings`], ['rules', `/projects/${project.id}/rules`, tryRules]]) {
          const page = await session.open(path, { scheme, width, height, zone: 'UTC' });
          await act?.(page);
          const file = `${folder}error-tracker-${name}-${scheme}-${width}.png`;
          await page.screenshot({ path: file });
          try {
            execFileSync('convert', [file, '-strip', '+dither', '-colors', '128', '-define', 'png:compression-level=9', `PNG8:${file}`]);
          } catch (err) {
            if (err.code !== 'ENOENT') throw err; // no ImageMagick: the picture stays as it is
          }
          const { size } = statSync(file);
          assert.ok(size > 5000 && size <= 150 * 1024, `${file} has ${size} bytes`);
          await clean(page);
          await shut(page);
        }
      }
    }
  });
});

// What readers do on the screens of more than one service, and what happens to them.
import { execFileSync } from 'node:child_process';

/** Opens everything on the page that is folded, but no menus. */
export const unfold = (page) => page.evaluate(() => { for (const d of document.querySelectorAll('details:not(.menu)')) d.open = true; });

/** Opens the list of keys. */
export const help = async (page) => {
  await page.keyboard.press('?');
  await page.waitForSelector('#keys[open]');
};

/** Signs in with a key that is not the one. */
export const wrongKey = async (page) => {
  await page.fill('#key', 'not the key');
  await page.click('button:has-text("Sign in")');
  await page.waitForSelector('[role=alert]');
};

/** Takes the tables of a database that is in use away, but those of sessions: every page of its service fails. */
export const spoil = (database) => execFileSync('python3', ['-c', `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%session%' AND sql NOT LIKE 'CREATE VIRTUAL%'").fetchall():
    try:
        db.execute(f'ALTER TABLE "{name}" RENAME TO "{name}_gone"')
    except sqlite3.OperationalError:
        pass # belongs to a virtual table
db.close()
`, database]);

/** Writes over the head of a database that is in use: it is none any more, for whoever reads it again. */
export const overwrite = (database) => execFileSync('python3', ['-c', `
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
db.execute('CREATE TABLE later (a)') # what was read before is not good any more
busy, *_ = db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()
with open(sys.argv[1], 'r+b') as f:
    f.write(b'not a database, ' * 256)
os._exit(busy) # without closing it, which would write
`, database]);

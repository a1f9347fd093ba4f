-- The tables of the error tracker. Times are Unix milliseconds unless a comment
-- says otherwise. Tables that every report writes to have no foreign keys: the
-- checks would cost more than the writes, and all writes are in one package.

-- The ID of a project is part of the keys of event_ids and is never given twice.
CREATE TABLE projects (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

-- Names are stored once and counted by number. Number 0 stands for "not told".
CREATE TABLE environments (
  id         INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id),
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (project_id, name)
) STRICT;

CREATE TABLE releases (
  id         INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects (id),
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (project_id, name)
) STRICT;

-- An issue is what changes with every event. The rows are kept narrow, so that
-- lists in any order read few pages; the texts are with the hashes. IDs stand
-- in links and mails and are never given twice.
CREATE TABLE issues (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id    INTEGER NOT NULL REFERENCES projects (id),
  primary_hash  INTEGER NOT NULL,            -- hashes.id: opened the issue and gives it its texts
  count         INTEGER NOT NULL,            -- events ever
  users         INTEGER NOT NULL,            -- distinct rows of hash_users
  kept          INTEGER NOT NULL,            -- occurrences, without the first ones of hashes
  trim          INTEGER NOT NULL DEFAULT 0,  -- occurrences that the last event pushed out
  first_seen    INTEGER NOT NULL,
  last_seen     INTEGER NOT NULL,
  first_release INTEGER NOT NULL,            -- releases.id or 0
  last_release  INTEGER NOT NULL,
  browser       INTEGER NOT NULL,            -- 1: at least one event came from a web page
  flood         INTEGER NOT NULL DEFAULT 0,
  resolved      INTEGER NOT NULL DEFAULT 0,
  resolved_at   INTEGER NOT NULL DEFAULT 0,  -- 0 while unresolved
  regressed_at  INTEGER NOT NULL DEFAULT 0,
  was_resolved  INTEGER NOT NULL DEFAULT 0,  -- resolved_at before regressed_at
  muted         INTEGER NOT NULL DEFAULT 0,
  muted_until   INTEGER NOT NULL DEFAULT 0   -- 0: until someone unmutes it
) STRICT;

CREATE INDEX issues_last_seen ON issues (resolved, last_seen, id, project_id, browser);
CREATE INDEX issues_first_seen ON issues (resolved, first_seen, id, project_id, browser);
CREATE INDEX issues_resolved_at ON issues (resolved_at) WHERE resolved = 1;

-- A hash is the key by which events come to an issue. Counters are kept by
-- hash, so that what was merged can be taken apart again.
CREATE TABLE hashes (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id    INTEGER NOT NULL REFERENCES projects (id),
  hash          BLOB NOT NULL,
  version       TEXT NOT NULL,     -- of the rules that made the hash
  issue_id      INTEGER NOT NULL,
  similar       BLOB NOT NULL,     -- the coarse hash; empty if there is none
  created_at    INTEGER NOT NULL,  -- its first event
  users         INTEGER NOT NULL DEFAULT 0,
  browser       INTEGER NOT NULL,
  flood         INTEGER NOT NULL DEFAULT 0,
  first_release INTEGER NOT NULL,
  -- of the first event:
  type          TEXT NOT NULL,
  message       TEXT NOT NULL,
  culprit       TEXT NOT NULL,
  platform      TEXT NOT NULL,
  level         TEXT NOT NULL,
  environment   TEXT NOT NULL,
  handled       INTEGER,           -- NULL: not told
  minified      INTEGER NOT NULL,
  reasons       TEXT NOT NULL,     -- JSON: [[kind, value], …]
  search        TEXT NOT NULL,     -- folded text that searches look through
  UNIQUE (project_id, hash)
) STRICT;

CREATE INDEX hashes_issue ON hashes (issue_id);
CREATE INDEX hashes_similar ON hashes (project_id, similar, created_at) WHERE similar <> x'';

-- Events by hash, hour, environment and release.
CREATE TABLE hash_hour (
  hash_id        INTEGER NOT NULL,
  hour           INTEGER NOT NULL,  -- hours since 1970
  environment_id INTEGER NOT NULL,
  release_id     INTEGER NOT NULL,
  n              INTEGER NOT NULL,
  last           INTEGER NOT NULL,  -- the newest of them
  PRIMARY KEY (hash_id, hour, environment_id, release_id)
) STRICT, WITHOUT ROWID;

-- Who met the errors of a hash, as 64 bits of a digest.
CREATE TABLE hash_users (
  hash_id INTEGER NOT NULL,
  user    INTEGER NOT NULL,
  PRIMARY KEY (hash_id, user)
) STRICT, WITHOUT ROWID;

-- In which environments an issue was seen, for filters.
CREATE TABLE issue_environments (
  issue_id       INTEGER NOT NULL,
  environment_id INTEGER NOT NULL,
  PRIMARY KEY (issue_id, environment_id)
) STRICT, WITHOUT ROWID;

-- The newest events of an issue in full, and the first one of each hash.
CREATE TABLE occurrences (
  id          INTEGER PRIMARY KEY,
  issue_id    INTEGER NOT NULL,
  hash_id     INTEGER NOT NULL,
  first       INTEGER NOT NULL,  -- 1: the first event of the hash
  session     INTEGER,           -- 64 bits of a digest of the session ID
  received_at INTEGER NOT NULL,
  payload     BLOB NOT NULL      -- see payload.go
) STRICT;

CREATE INDEX occurrences_issue ON occurrences (issue_id);
CREATE UNIQUE INDEX occurrences_first ON occurrences (hash_id) WHERE first = 1;
CREATE INDEX occurrences_session ON occurrences (session) WHERE session IS NOT NULL;

-- The event IDs of some time, so that an event that is sent again counts once.
CREATE TABLE event_ids (
  key     INTEGER PRIMARY KEY,  -- 64 bits of a digest of project and event ID
  hash_id INTEGER NOT NULL,
  at      INTEGER NOT NULL
) STRICT;

-- Issues and hashes that are deleted as far as anybody can see, and whose rows
-- elsewhere are still to be removed.
CREATE TABLE trash (
  kind INTEGER NOT NULL,  -- 1: an issue, 2: a hash
  id   INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  kind     TEXT NOT NULL,
  issue_id INTEGER NOT NULL,  -- 0 for a test
  at       INTEGER NOT NULL
) STRICT;

CREATE INDEX alerts_issue ON alerts (issue_id);

CREATE TABLE mails (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  message_id   TEXT NOT NULL,
  kind         TEXT NOT NULL,
  issue_id     INTEGER NOT NULL,  -- 0 for a digest or a test
  recipient    TEXT NOT NULL,
  subject      TEXT NOT NULL,
  text         TEXT NOT NULL,
  html         TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_attempt INTEGER NOT NULL,
  sent_at      INTEGER NOT NULL DEFAULT 0,
  failed_at    INTEGER NOT NULL DEFAULT 0,
  last_error   TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX mails_due ON mails (next_attempt) WHERE sent_at = 0 AND failed_at = 0;
CREATE INDEX mails_issue ON mails (issue_id, id);
CREATE INDEX mails_created ON mails (created_at);

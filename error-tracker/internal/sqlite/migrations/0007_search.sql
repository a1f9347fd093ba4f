-- Events by hash, environment and release; -1 stands for any, so that what people
-- filter by most is one row for each hash.
CREATE TABLE hash_scopes (
  environment_id INTEGER NOT NULL,
  release_id     INTEGER NOT NULL,
  hash_id        INTEGER NOT NULL,
  issue_id       INTEGER NOT NULL,  -- that of the hash
  n              INTEGER NOT NULL,
  users          INTEGER NOT NULL,  -- distinct ones, as far as scope_users has them
  partial        INTEGER NOT NULL DEFAULT 0,  -- 1: there were more users
  first          INTEGER NOT NULL,
  last           INTEGER NOT NULL,
  PRIMARY KEY (environment_id, release_id, hash_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX hash_scopes_hash ON hash_scopes (hash_id);

-- Who met the errors of a hash in an environment and a release.
CREATE TABLE scope_users (
  hash_id        INTEGER NOT NULL,
  user           INTEGER NOT NULL,
  environment_id INTEGER NOT NULL,
  release_id     INTEGER NOT NULL,
  first          INTEGER NOT NULL,  -- hours since 1970
  last           INTEGER NOT NULL,
  PRIMARY KEY (hash_id, user, environment_id, release_id)
) STRICT, WITHOUT ROWID;

-- What events are searched by: tags, and other facts in the form of tags.
CREATE TABLE tags (
  id         INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL,
  name       TEXT NOT NULL,
  value      TEXT NOT NULL,
  UNIQUE (name, value, project_id)
) STRICT;

CREATE TABLE hash_tags (
  tag_id         INTEGER NOT NULL,
  hash_id        INTEGER NOT NULL,
  environment_id INTEGER NOT NULL,
  release_id     INTEGER NOT NULL,
  issue_id       INTEGER NOT NULL,  -- that of the hash
  n              INTEGER NOT NULL,
  first          INTEGER NOT NULL,
  last           INTEGER NOT NULL,
  PRIMARY KEY (tag_id, hash_id, environment_id, release_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX hash_tags_hash ON hash_tags (hash_id);

-- What was counted so far. When it began is known to the hour, or to the
-- millisecond for the first event; who met it is not known by environment.
INSERT INTO hash_scopes (environment_id, release_id, hash_id, issue_id, n, users, partial, first, last)
SELECT c.environment_id, c.release_id, h.id, h.issue_id, sum(c.n), 0, h.users > 0, max(h.created_at, min(c.hour) * 3600000), max(c.last)
FROM hashes h CROSS JOIN hash_hour c ON c.hash_id = h.id GROUP BY h.id, c.environment_id, c.release_id;

INSERT INTO hash_scopes (environment_id, release_id, hash_id, issue_id, n, users, partial, first, last)
SELECT environment_id, -1, hash_id, issue_id, sum(n), 0, max(partial), min(first), max(last) FROM hash_scopes GROUP BY hash_id, environment_id;

INSERT INTO hash_scopes (environment_id, release_id, hash_id, issue_id, n, users, partial, first, last)
SELECT -1, release_id, hash_id, issue_id, sum(n), 0, max(partial), min(first), max(last) FROM hash_scopes WHERE release_id <> -1 GROUP BY hash_id, release_id;

-- The level is that of the first event, which the others nearly always share.
INSERT INTO tags (project_id, name, value) SELECT DISTINCT project_id, 'level', level FROM hashes WHERE level <> '';

INSERT INTO hash_tags (tag_id, hash_id, environment_id, release_id, issue_id, n, first, last)
SELECT t.id, h.id, s.environment_id, s.release_id, h.issue_id, s.n, s.first, s.last
FROM hashes h JOIN tags t ON t.name = 'level' AND t.value = h.level AND t.project_id = h.project_id
JOIN hash_scopes s ON s.hash_id = h.id WHERE s.environment_id <> -1 AND s.release_id <> -1;

DROP TABLE issue_environments;

-- What people decide about issues, and what was done about them.

-- A resolved issue is brought back by events of releases newer than fixed_release,
-- which was first seen at fixed_seen; or by any while fixed_in is empty.
ALTER TABLE issues ADD COLUMN fixed_in TEXT NOT NULL DEFAULT '';
ALTER TABLE issues ADD COLUMN fixed_release TEXT NOT NULL DEFAULT '';
ALTER TABLE issues ADD COLUMN fixed_seen INTEGER NOT NULL DEFAULT 0;
-- What is left until a mute ends by events and by users. 0: it does not.
ALTER TABLE issues ADD COLUMN mute_events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issues ADD COLUMN mute_users INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issues ADD COLUMN mutes INTEGER NOT NULL DEFAULT 0;  -- rows of issue_mutes
ALTER TABLE issues ADD COLUMN assignee TEXT NOT NULL DEFAULT '';

-- Environments in which an issue is muted, as issues has it for all of them.
CREATE TABLE issue_mutes (
  issue_id       INTEGER NOT NULL,
  environment_id INTEGER NOT NULL,
  until          INTEGER NOT NULL,
  events         INTEGER NOT NULL,
  users          INTEGER NOT NULL,
  PRIMARY KEY (issue_id, environment_id)
) STRICT, WITHOUT ROWID;

-- Comments, and what was done.
CREATE TABLE activity (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  issue_id INTEGER NOT NULL,
  hash_id  INTEGER NOT NULL DEFAULT 0,  -- the primary hash of the issue that brought it in a merge; 0: none did
  at       INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  author   TEXT NOT NULL,
  text     TEXT NOT NULL,
  facts    TEXT NOT NULL                -- JSON, see activity.go
) STRICT;

CREATE INDEX activity_issue ON activity (issue_id, id);

-- Projects that people made stay, even while they have no issues.
ALTER TABLE projects ADD COLUMN managed INTEGER NOT NULL DEFAULT 0;

-- The public keys of the DSNs by which Sentry SDKs report to a project.
CREATE TABLE project_keys (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id INTEGER NOT NULL REFERENCES projects (id),
  key        TEXT NOT NULL UNIQUE,  -- 32 lower-case hex digits
  label      TEXT NOT NULL,
  origins    TEXT NOT NULL,         -- one to a line; empty: any
  rate       INTEGER NOT NULL,      -- events per minute; 0: the service's limit
  active     INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL DEFAULT 0  -- last accepted envelope, to the hour
) STRICT;

CREATE INDEX project_keys_project ON project_keys (project_id);

-- Each project that is there already gets a key.
INSERT INTO project_keys (project_id, key, label, origins, rate, active, created_at)
SELECT id, lower(hex(randomblob(16))), 'Default', '', 0, 1, created_at FROM projects;

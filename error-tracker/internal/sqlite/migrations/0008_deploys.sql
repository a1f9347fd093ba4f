-- When a release went where.
CREATE TABLE deploys (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id     INTEGER NOT NULL REFERENCES projects (id),
  release_id     INTEGER NOT NULL,
  environment_id INTEGER NOT NULL,  -- 0: not told
  at             INTEGER NOT NULL,
  name           TEXT NOT NULL,
  url            TEXT NOT NULL,
  UNIQUE (project_id, release_id, environment_id, at)
) STRICT;

CREATE INDEX deploys_at ON deploys (project_id, at);

-- In which release an issue came back last, and the issues that began or came back in one.
ALTER TABLE issues ADD COLUMN regressed_release INTEGER NOT NULL DEFAULT 0;
CREATE INDEX issues_first_release ON issues (first_release) WHERE first_release <> 0;
CREATE INDEX issues_regressed_release ON issues (regressed_release) WHERE regressed_release <> 0;

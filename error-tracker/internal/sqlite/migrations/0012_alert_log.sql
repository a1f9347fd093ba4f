-- The alerts that were due, also when they were told.
CREATE TABLE alert_log (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
  kind       TEXT NOT NULL,
  issue_id   INTEGER NOT NULL,
  project_id INTEGER NOT NULL,
  at         INTEGER NOT NULL
) STRICT;

CREATE INDEX alert_log_issue ON alert_log (issue_id);

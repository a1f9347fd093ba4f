-- What became of what clients sent, by hour.
CREATE TABLE ingest (
  project_id INTEGER NOT NULL,  -- 0: not known
  hour       INTEGER NOT NULL,  -- hours since 1970
  kind       TEXT NOT NULL,
  what       TEXT NOT NULL,
  n          INTEGER NOT NULL,
  PRIMARY KEY (project_id, hour, kind, what)
) STRICT, WITHOUT ROWID;

CREATE INDEX ingest_hour ON ingest (hour);

-- Sessions by the hour in which they began.
CREATE TABLE sessions (
  project_id     INTEGER NOT NULL,
  hour           INTEGER NOT NULL,
  release_id     INTEGER NOT NULL,
  environment_id INTEGER NOT NULL,
  total          INTEGER NOT NULL,
  crashed        INTEGER NOT NULL,
  errored        INTEGER NOT NULL,
  abnormal       INTEGER NOT NULL,
  PRIMARY KEY (project_id, hour, release_id, environment_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_hour ON sessions (hour);

-- Small files that came with events. They leave with the event.
CREATE TABLE attachments (
  occurrence_id INTEGER NOT NULL,
  n             INTEGER NOT NULL,  -- place in the event's list, from 0
  data          BLOB NOT NULL,
  PRIMARY KEY (occurrence_id, n)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER attachments_leave AFTER DELETE ON occurrences BEGIN
  DELETE FROM attachments WHERE occurrence_id = old.id;
END;

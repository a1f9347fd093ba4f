CREATE TABLE dsn_key (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- ids of deleted rows must not come back
    public_key TEXT NOT NULL UNIQUE,
    project    TEXT NOT NULL,
    label      TEXT NOT NULL DEFAULT '',
    origins    TEXT NOT NULL DEFAULT '', -- separated by spaces
    rate       INTEGER NOT NULL DEFAULT 0, -- requests per minute; 0 is the default
    active     INTEGER NOT NULL DEFAULT 1,
    expires    INTEGER NOT NULL DEFAULT 0, -- Unix milliseconds; 0 is never
    created    INTEGER NOT NULL, -- Unix milliseconds
    last_seen  INTEGER NOT NULL DEFAULT 0 -- Unix milliseconds; 0 is never
) STRICT;

-- What was accepted and has to be delivered.
CREATE TABLE spool (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    target INTEGER NOT NULL, -- 0 error tracker, 1 metrics collector
    key_id INTEGER NOT NULL,
    at     INTEGER NOT NULL, -- Unix milliseconds
    items  INTEGER NOT NULL,
    parcel TEXT NOT NULL, -- what makes sending it again harmless
    body   BLOB NOT NULL
) STRICT;
CREATE INDEX spool_queue ON spool (target, key_id, id);
CREATE INDEX spool_parcel ON spool (parcel) WHERE target = 1;

-- Requests with metrics that were accepted, to know them when they come again.
CREATE TABLE digest (
    digest BLOB PRIMARY KEY,
    at     INTEGER NOT NULL -- Unix milliseconds
) STRICT, WITHOUT ROWID;
CREATE INDEX digest_at ON digest (at);

CREATE TABLE traffic (
    hour   INTEGER NOT NULL, -- Unix seconds
    key_id INTEGER NOT NULL, -- 0 is none
    sdk    TEXT NOT NULL,
    what   TEXT NOT NULL,
    reason TEXT NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (hour, key_id, sdk, what, reason)
) STRICT, WITHOUT ROWID;

-- The last refused requests, as one JSON value.
CREATE TABLE rejection (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    list TEXT NOT NULL
) STRICT;

-- Events whose stack waits for a source map.
CREATE TABLE recent_event (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id  INTEGER NOT NULL,
    project TEXT NOT NULL,
    at      INTEGER NOT NULL, -- Unix milliseconds
    event   BLOB NOT NULL -- JSON
) STRICT;
CREATE INDEX recent_event_at ON recent_event (at);

CREATE TABLE missing_map (
    event_id INTEGER NOT NULL REFERENCES recent_event (id) ON DELETE CASCADE,
    project  TEXT NOT NULL,
    release  TEXT NOT NULL,
    file     TEXT NOT NULL,
    debug_id TEXT NOT NULL,
    PRIMARY KEY (event_id, release, file, debug_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX missing_map_file ON missing_map (project, release, file);
CREATE INDEX missing_map_debug_id ON missing_map (project, debug_id) WHERE debug_id <> '';

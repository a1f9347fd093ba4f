CREATE TABLE sources (
  id     INTEGER PRIMARY KEY,
  name   TEXT NOT NULL UNIQUE,
  labels TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE cursors (
  key   TEXT PRIMARY KEY,
  state BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of batches that were written, to recognise a repetition.
CREATE TABLE batch_keys (
  key TEXT PRIMARY KEY,
  at  INTEGER NOT NULL -- Unix milliseconds
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_keys_at ON batch_keys (at);

-- Entries that are not in a block yet, as they came.
CREATE TABLE hot (
  id   INTEGER PRIMARY KEY, -- of the first entry
  data BLOB NOT NULL
) STRICT;

-- What is known of a block without its lines. The filter comes last, so that
-- it is not read with the rest.
CREATE TABLE blocks (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  first_id   INTEGER NOT NULL,
  last_id    INTEGER NOT NULL,
  min_ns     INTEGER NOT NULL, -- Unix nanoseconds
  max_ns     INTEGER NOT NULL,
  n          INTEGER NOT NULL,
  text_bytes INTEGER NOT NULL,
  data_bytes INTEGER NOT NULL,
  flags      INTEGER NOT NULL, -- which levels and streams occur
  sealed_ms  INTEGER NOT NULL, -- Unix milliseconds; all entries had arrived by then
  marks      INTEGER NOT NULL, -- 1: words are missing in the list of words; 2: there is no filter
  cube       BLOB NOT NULL,
  hist       BLOB NOT NULL,
  filter     BLOB NOT NULL
) STRICT;

CREATE TABLE payload (
  id   INTEGER PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

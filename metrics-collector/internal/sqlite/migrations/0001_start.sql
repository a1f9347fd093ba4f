-- Times are Unix milliseconds. A span is the number of the hour (minute tier)
-- or of the day (hour tier) since 1970.

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE series (
	id         INTEGER PRIMARY KEY,
	project    TEXT NOT NULL,
	name       TEXT NOT NULL,
	type       INTEGER NOT NULL,
	labels     TEXT, -- canonical JSON; NULL for the sum of all series of a metric
	first_seen INTEGER NOT NULL,
	last_seen  INTEGER NOT NULL
) STRICT;

-- Accepted batches, as they came. They are counted by the generation that they
-- name, and are the newest part of the raw tier.
CREATE TABLE batch (
	seq        INTEGER PRIMARY KEY AUTOINCREMENT,
	generation INTEGER NOT NULL,
	points     INTEGER NOT NULL,
	from_ms    INTEGER NOT NULL,
	to_ms      INTEGER NOT NULL,
	data       BLOB NOT NULL
) STRICT;

CREATE TABLE batch_key (
	key     BLOB PRIMARY KEY, -- SHA-256 of the Idempotency-Key
	body    BLOB NOT NULL,    -- SHA-256
	at      INTEGER NOT NULL,
	points  INTEGER NOT NULL,
	limited INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_key_at ON batch_key (at);

-- Points of flushed batches, sorted by series.
CREATE TABLE sample_page (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	from_ms INTEGER NOT NULL,
	to_ms   INTEGER NOT NULL,
	lo      INTEGER NOT NULL,
	hi      INTEGER NOT NULL,
	data    BLOB NOT NULL
) STRICT;

-- Pages hold cells of flushes, groups those of whole spans. The ids of pages
-- are never used again: a group says up to which of them it is complete.
CREATE TABLE minute_page (
	id   INTEGER PRIMARY KEY AUTOINCREMENT,
	span INTEGER NOT NULL,
	lo   INTEGER NOT NULL,
	hi   INTEGER NOT NULL,
	data BLOB NOT NULL
) STRICT;
CREATE INDEX minute_page_span ON minute_page (span, lo, hi);

CREATE TABLE minute_group (
	id      INTEGER PRIMARY KEY, -- span << 32 | series / 16
	through INTEGER NOT NULL,
	sums    BLOB NOT NULL, -- with the counts: what most queries read
	rest    BLOB NOT NULL  -- after them, so that those do not read its pages
) STRICT;

CREATE TABLE hour_page (
	id   INTEGER PRIMARY KEY AUTOINCREMENT,
	span INTEGER NOT NULL,
	lo   INTEGER NOT NULL,
	hi   INTEGER NOT NULL,
	data BLOB NOT NULL
) STRICT;
CREATE INDEX hour_page_span ON hour_page (span, lo, hi);

CREATE TABLE hour_group (
	id      INTEGER PRIMARY KEY,
	through INTEGER NOT NULL,
	sums    BLOB NOT NULL,
	rest    BLOB NOT NULL
) STRICT;

-- Points accepted, by the hour of their arrival.
CREATE TABLE received (
	hour   INTEGER PRIMARY KEY,
	points INTEGER NOT NULL
) STRICT;

CREATE TABLE dashboard (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	slug    TEXT NOT NULL UNIQUE,
	title   TEXT NOT NULL,
	panels  TEXT NOT NULL, -- JSON
	changed INTEGER NOT NULL
) STRICT;

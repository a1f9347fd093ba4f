-- The pieces of source maps, each once however many maps it is part of.
CREATE TABLE block (
    hash BLOB PRIMARY KEY, -- SHA-256 of the plain content
    data BLOB NOT NULL -- compressed
) STRICT;

CREATE TABLE source_map (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- an id names one upload for ever
    project      TEXT NOT NULL,
    release      TEXT NOT NULL, -- '' if there is none
    file_url     TEXT NOT NULL, -- as it was uploaded
    path         TEXT NOT NULL, -- normalised
    base         TEXT NOT NULL, -- last segment of path
    debug_id     TEXT NOT NULL, -- '' if there is none
    uploaded_by  TEXT NOT NULL,
    uploaded     INTEGER NOT NULL, -- Unix milliseconds
    last_used    INTEGER NOT NULL DEFAULT 0, -- Unix milliseconds; 0 is never
    bytes        INTEGER NOT NULL, -- of the JSON
    segments     INTEGER NOT NULL,
    sources      INTEGER NOT NULL,
    with_content INTEGER NOT NULL,
    names        INTEGER NOT NULL,
    index_data   BLOB NOT NULL
) STRICT;
CREATE INDEX source_map_base ON source_map (project, release, base, id);
CREATE INDEX source_map_debug_id ON source_map (project, debug_id, id) WHERE debug_id <> '';

CREATE TABLE map_block (
    map_id INTEGER NOT NULL REFERENCES source_map (id) ON DELETE CASCADE,
    hash   BLOB NOT NULL,
    PRIMARY KEY (map_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX map_block_hash ON map_block (hash);

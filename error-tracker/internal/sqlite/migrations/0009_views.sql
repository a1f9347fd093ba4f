-- Filters of the list of issues that people gave a name.
CREATE TABLE views (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  name        TEXT NOT NULL COLLATE NOCASE UNIQUE,
  is_default  INTEGER NOT NULL,  -- 1: the list begins with it
  search      TEXT NOT NULL,
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  source      TEXT NOT NULL,     -- server, browser or empty
  since       TEXT NOT NULL,     -- as people write it: 24h
  state       TEXT NOT NULL,     -- active, muted, resolved or all
  sort        TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX views_default ON views (is_default) WHERE is_default = 1;

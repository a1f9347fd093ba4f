-- Ids of blocks whose lists were merged: a row for each beginning of an id.
CREATE TABLE ids (
  id   INTEGER PRIMARY KEY, -- 2048 * number of the group + beginning of the ids
  data BLOB NOT NULL
) STRICT;

-- In place of the filters there are lists of ids. Blocks from before have none.
ALTER TABLE blocks RENAME COLUMN filter TO ids;
UPDATE blocks SET marks = marks | 2, ids = x'';

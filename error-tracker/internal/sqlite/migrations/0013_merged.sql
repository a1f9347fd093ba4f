-- Issues that became part of others: by the hash that had opened such an issue
-- it is known which one has its events now, whatever was merged and split since.
CREATE TABLE merged (
  id      INTEGER PRIMARY KEY,  -- of the issue that is gone; it is never given twice
  hash_id INTEGER NOT NULL      -- hashes.id; the row leaves with the hash
) STRICT;

CREATE INDEX merged_hash ON merged (hash_id);

-- What was merged so far is known by what was done: its hash is not, so that of
-- the issue that it became part of stands for it. Facts that are no number of an
-- issue that is gone are passed over.
INSERT OR IGNORE INTO merged (id, hash_id)
SELECT m.id, m.hash_id FROM (
  SELECT CASE WHEN json_valid(a.facts) THEN iif(json_type(a.facts, '$.other') = 'integer', json_extract(a.facts, '$.other'), NULL) END AS id,
    iif(a.hash_id = 0, i.primary_hash, a.hash_id) AS hash_id
  FROM activity a JOIN issues i ON i.id = a.issue_id WHERE a.kind = 'merged' ORDER BY a.id DESC
) m JOIN hashes h ON h.id = m.hash_id WHERE typeof(m.id) = 'integer' AND m.id > 0 AND m.id NOT IN (SELECT id FROM issues);

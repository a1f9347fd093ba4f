-- How often issues happened of late, for projects that alert about frequent ones.
CREATE TABLE pulses (
  issue_id   INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,  -- the last look
  counted    INTEGER NOT NULL,  -- issues.count at that time
  slots      TEXT NOT NULL,     -- JSON: [[minute since 1970, events], …]
  alerted_at INTEGER NOT NULL   -- 0: never
) STRICT;

CREATE INDEX pulses_at ON pulses (at);

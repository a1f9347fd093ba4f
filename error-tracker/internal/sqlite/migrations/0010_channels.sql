-- Several channels tell of the same alerts, each at its own pace, and what a
-- channel sends waits in mails whatever it is.

-- The channels that an alert is still to be told by, as bits: see channelBits.
ALTER TABLE alerts ADD COLUMN channels INTEGER NOT NULL DEFAULT 1;
ALTER TABLE alerts ADD COLUMN project_id INTEGER NOT NULL DEFAULT 0;  -- 0: a test that is of no project
UPDATE alerts SET project_id = coalesce((SELECT project_id FROM issues WHERE id = alerts.issue_id), 0);

ALTER TABLE mails ADD COLUMN channel INTEGER NOT NULL DEFAULT 1;      -- one of the bits
ALTER TABLE mails ADD COLUMN project_id INTEGER NOT NULL DEFAULT 0;   -- 0: of several, or of none
UPDATE mails SET project_id = coalesce((SELECT project_id FROM issues WHERE id = mails.issue_id), 0);

DROP INDEX mails_due;
CREATE INDEX mails_due ON mails (channel, next_attempt) WHERE sent_at = 0 AND failed_at = 0;
CREATE INDEX mails_project ON mails (project_id, channel, id);

package sqlitedb

import "context"

// Checkpoint moves the write-ahead log into the main file while writes go on:
// none waits for it. The writer has it done whenever there is enough in the log;
// call it before a write of many pages. What is written meanwhile, and what a
// reader still needs, stays in the log.
func (db *DB) Checkpoint(ctx context.Context) error {
	var busy, log, moved int64
	err := db.read.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &log, &moved)
	return Classify(err)
}

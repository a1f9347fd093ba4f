package sqlite

import (
	"encoding/json"
	"fmt"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// addHash stores a hash with the texts of its first event.
func addHash(tx *sqlitedb.Tx, r *record, issue int64, hash tracker.Hash, flood bool) (int64, error) {
	e, k := r.event, r.key
	reasons := k.Reasons
	if flood {
		reasons = append([]tracker.Reason{{Kind: "flood", Value: floodReason}}, reasons...)
	}
	why, err := encodeReasons(reasons)
	if err != nil {
		return 0, err
	}
	similar := k.Similar[:]
	if k.Similar.IsZero() {
		similar = []byte{}
	}
	res, err := tx.Exec(`INSERT INTO hashes (project_id, hash, version, issue_id, similar, created_at, browser, flood, first_release,
		type, message, culprit, platform, level, environment, handled, minified, reasons, search)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.project, hash[:], grouping.Version, issue, similar, r.at, r.browser, flood, r.release,
		stored(k.Title, maxShortText), stored(k.Message, maxMessage), stored(k.Culprit, maxShortText), stored(e.Platform, maxShortText),
		stored(e.Level, maxShortText), stored(e.Environment, maxShortText), handledOf(e), k.Minified, why, searchText(e, k))
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// handledOf tells whether the program caught the error, which the outermost
// exception that says anything decides. nil is not told.
func handledOf(e *event.Event) any {
	for i := len(e.Exceptions) - 1; i >= 0; i-- {
		if h := e.Exceptions[i].Mechanism.Handled; h != nil {
			return *h
		}
	}
	return nil
}

// Reasons are stored as pairs, because their Go names are not a file format.
func encodeReasons(reasons []tracker.Reason) (string, error) {
	pairs := make([][2]string, 0, len(reasons))
	for _, r := range reasons {
		pairs = append(pairs, [2]string{stored(r.Kind, maxShortText), stored(r.Value, maxShortText)})
	}
	b, err := json.Marshal(pairs)
	return string(b), err
}

func decodeReasons(s string) ([]tracker.Reason, error) {
	var pairs [][2]string
	if err := json.Unmarshal([]byte(s), &pairs); err != nil {
		return nil, fmt.Errorf("stored reasons: %w", err)
	}
	var reasons []tracker.Reason
	for _, p := range pairs {
		reasons = append(reasons, tracker.Reason{Kind: p[0], Value: p[1]})
	}
	return reasons, nil
}

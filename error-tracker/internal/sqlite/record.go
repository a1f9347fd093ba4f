package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const hourMillis = 60 * 60 * 1000

// record is an event made ready for the writer: all that can be computed
// without the database.
type record struct {
	event   *event.Event
	key     grouping.Key
	at      int64 // when it was received
	payload []byte
	files   [][]byte    // of its attachments, nil for those without
	tags    []event.Tag // what it is searched by
	base    int64       // hashes.id of the first event that payload needs, or 0
	user    int64       // digest of who met it, 0 for nobody
	session int64       // digest of the browser session, 0 for none
	browser bool
	replace bool // an event of this ID that is there already gives way

	// By name, looked up by the writer.
	project, environment, release int64
	eventKey                      int64
}

// Record implements tracker.Store.
func (s *Store) Record(ctx context.Context, e *event.Event, k grouping.Key) (tracker.Outcome, error) {
	r := newRecord(e, k)
	bk := baseKey{stored(e.Project, tracker.MaxProject), k.Hash}
	if b, ok := s.base(ctx, bk); ok {
		r.payload = s.payloads.packDelta(e, b.plain)
		if needsBase(r.payload) {
			r.base = b.hash
		}
	} else {
		r.payload = s.payloads.pack(e)
	}
	return s.write(ctx, r)
}

// newRecord computes what needs no database; the payload is left to the caller.
func newRecord(e *event.Event, k grouping.Key) *record {
	r := &record{
		event:   e,
		key:     k,
		at:      e.ReceivedAt.UnixMilli(),
		browser: tracker.SourceOf(e) == tracker.Browser,
		files:   takeFiles(e),
		tags:    storedTags(e),
	}
	if who := e.User.Identity(); who != "" {
		r.user = digest64([]byte(who))
	}
	if session := tracker.Correlation(e); session != "" {
		r.session = digest64([]byte(session))
	}
	return r
}

func (s *Store) write(ctx context.Context, r *record) (out tracker.Outcome, err error) {
	err = s.db.Write(ctx, func(tx *sqlitedb.Tx) (err error) {
		out, err = s.record(tx, r)
		return err
	})
	if err != nil {
		return tracker.Outcome{}, fmt.Errorf("record event: %w", err)
	}
	out.EventID, out.ProjectID = r.event.ID, r.project
	return out, nil
}

func (s *Store) record(tx *sqlitedb.Tx, r *record) (tracker.Outcome, error) {
	tx.OnRollback(s.mem.lost)
	if err := s.lookUp(tx, r); err != nil {
		return tracker.Outcome{}, err
	}
	h, err := s.findHash(tx, r.project, r.key.Hash)
	if err != nil {
		return tracker.Outcome{}, err
	}
	var known int64
	if h != nil {
		known = h.id
	}
	if !r.event.ID.IsZero() {
		fresh, err := addEventID(tx, r, known)
		if err != nil {
			return tracker.Outcome{}, err
		}
		switch {
		case !fresh && r.replace:
			return s.replaced(tx, r, h)
		case !fresh:
			return duplicate(tx, r.eventKey)
		}
	}
	if h != nil {
		return s.count(tx, r, h, r.key.Hash)
	}
	return s.first(tx, r)
}

// lookUp fills in the numbers of names.
func (s *Store) lookUp(tx *sqlitedb.Tx, r *record) (err error) {
	e := r.event
	if r.project, err = s.mem.project(tx, stored(e.Project, tracker.MaxProject), r.at); err != nil {
		return err
	}
	if r.environment, err = s.mem.environment(tx, r.project, stored(e.Environment, maxShortText), r.at); err != nil {
		return err
	}
	r.release, err = s.mem.release(tx, r.project, stored(e.Release, maxShortText), r.at)
	return err
}

// findHash returns nil for a hash that is not there.
func (s *Store) findHash(tx *sqlitedb.Tx, project int64, hash tracker.Hash) (*hashEntry, error) {
	k := hashKey{project, hash}
	if h := s.mem.hashes[k]; h != nil {
		return h, nil
	}
	h := new(hashEntry)
	err := tx.QueryRow("SELECT id, issue_id, browser FROM hashes WHERE project_id = ? AND hash = ?", project, hash[:]).
		Scan(&h.id, &h.issue, &h.browser)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // absence is the usual answer for a new issue
	}
	if err != nil {
		return nil, err
	}
	remember(s.mem.hashes, maxCachedHashes, k, h)
	return h, nil
}

// addEventID notes the event's ID; fresh is false if it was there already.
func addEventID(tx *sqlitedb.Tx, r *record, hash int64) (fresh bool, err error) {
	var project [8]byte
	for i := range project {
		project[i] = byte(r.project >> (8 * i))
	}
	r.eventKey = digest64(project[:], r.event.ID[:])
	res, err := tx.Exec("INSERT INTO event_ids (key, hash_id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", r.eventKey, hash, r.at)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// duplicate answers for an event that was counted before. When its issue was
// deleted since, there is no issue to name, and the event stays deleted.
func duplicate(tx *sqlitedb.Tx, key int64) (tracker.Outcome, error) {
	out := tracker.Outcome{Status: tracker.Duplicate}
	var hash []byte
	err := tx.QueryRow(`SELECT i.id, i.count, h.hash FROM event_ids e JOIN hashes h ON h.id = e.hash_id
		JOIN issues i ON i.id = h.issue_id WHERE e.key = ?`, key).Scan(&out.IssueID, &out.Count, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return out, nil
	}
	copy(out.Fingerprint[:], hash)
	return out, err
}

// More occurrences than this are not pushed out by one event, so that a lower
// KeepOccurrences takes effect step by step.
const maxTrim = 4

// sqlCount adds an event to an issue that is resolved or not as it is told. What
// is more than ?1 occurrences with the new one goes, which trim tells.
const sqlCount = `UPDATE issues SET count = count + 1, last_seen = max(last_seen, ?),
	last_release = CASE WHEN ? = 0 THEN last_release ELSE ? END, browser = max(browser, ?),
	trim = max(0, min(kept + 1 - ?, ?)), kept = kept + 1 - max(0, min(kept + 1 - ?, ?))
	WHERE id = ? AND resolved = ? RETURNING count, trim, muted, muted_until, mute_events, mute_users, mutes`

// counted is an issue to which an event was added.
type counted struct {
	count, trim int64
	muted       bool
	mute        tracker.Mute // everywhere
	mutes       int64        // in environments
}

// count adds r to the issue that owns h.
func (s *Store) count(tx *sqlitedb.Tx, r *record, h *hashEntry, hash tracker.Hash) (tracker.Outcome, error) {
	out := tracker.Outcome{Status: tracker.Incremented, IssueID: h.issue, Fingerprint: hash}
	resolved := false
	c, err := s.countIn(tx, r, h.issue, resolved)
	if errors.Is(err, sql.ErrNoRows) {
		if out.Status, err = s.returns(tx, r, h.issue); err != nil {
			return out, err
		}
		resolved = out.Status != tracker.Reopened
		c, err = s.countIn(tx, r, h.issue, resolved)
	}
	if err != nil {
		return out, err
	}
	out.Count = c.count
	newUser, err := s.countHash(tx, r, h)
	if err != nil {
		return out, err
	}
	if err := s.addOccurrence(tx, r, h.issue, h.id, false); err != nil {
		return out, err
	}
	if !resolved { // while it is resolved its mutes stand still
		if out.Unmuted, err = runDown(tx, r, h.issue, c, newUser); err != nil {
			return out, err
		}
	}
	return out, trimOccurrences(tx, h.issue, c.trim)
}

// returns reopens a resolved issue if r brings it back.
func (s *Store) returns(tx *sqlitedb.Tx, r *record, issue int64) (tracker.Status, error) {
	back, err := comesBack(tx, r, issue)
	if !back || err != nil {
		return tracker.Incremented, err
	}
	return tracker.Reopened, reopen(tx, r, issue)
}

func (s *Store) countIn(tx *sqlitedb.Tx, r *record, issue int64, resolved bool) (*counted, error) {
	var c counted
	var until int64
	err := tx.QueryRow(sqlCount, r.at, r.release, r.release, r.browser, s.keep, maxTrim, s.keep, maxTrim, issue, resolved).
		Scan(&c.count, &c.trim, &c.muted, &until, &c.mute.Events, &c.mute.Users, &c.mutes)
	c.mute.Until = timeOf(until)
	return &c, err
}

// countHash adds r to the counters of h. newUser tells that somebody met the
// issue who had not before.
func (s *Store) countHash(tx *sqlitedb.Tx, r *record, h *hashEntry) (newUser bool, err error) {
	_, err = tx.Exec(`INSERT INTO hash_hour (hash_id, hour, environment_id, release_id, n, last) VALUES (?, ?, ?, ?, 1, ?)
		ON CONFLICT DO UPDATE SET n = n + 1, last = max(last, excluded.last)`,
		h.id, r.at/hourMillis, r.environment, r.release, r.at)
	if err != nil {
		return false, err
	}
	if err := countScopes(tx, r, h); err != nil {
		return false, err
	}
	if err := s.countTags(tx, r, h); err != nil {
		return false, err
	}
	if r.browser && !h.browser {
		if _, err := tx.Exec("UPDATE hashes SET browser = 1 WHERE id = ?", h.id); err != nil {
			return false, err
		}
		h.browser = true
	}
	if r.user == 0 {
		return false, nil
	}
	return countUser(tx, r.user, h)
}

// countUser notes who met the error, if that is new and there is room.
func countUser(tx *sqlitedb.Tx, user int64, h *hashEntry) (newUser bool, err error) {
	res, err := tx.Exec(`INSERT INTO hash_users (hash_id, user) SELECT ?, ? WHERE (SELECT users FROM hashes WHERE id = ?) < ?
		ON CONFLICT DO NOTHING`, h.id, user, h.id, MaxUsers)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return false, err
	}
	if _, err := tx.Exec("UPDATE hashes SET users = users + 1 WHERE id = ?", h.id); err != nil {
		return false, err
	}
	// Somebody who met another error of a merged issue counts once.
	res, err = tx.Exec(`UPDATE issues SET users = users + 1 WHERE id = ? AND NOT EXISTS
		(SELECT 1 FROM hashes h JOIN hash_users u ON u.hash_id = h.id WHERE h.issue_id = ? AND h.id <> ? AND u.user = ?)`,
		h.issue, h.issue, h.id, user)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func (s *Store) addOccurrence(tx *sqlitedb.Tx, r *record, issue, hash int64, first bool) error {
	if r.base != 0 && r.base != hash {
		// Its hash was deleted, and maybe opened anew, since the event was packed.
		s.bases.drop(baseKey{stored(r.event.Project, tracker.MaxProject), r.key.Hash})
		r.payload, r.base = s.payloads.pack(r.event), 0
	}
	var session any
	if r.session != 0 {
		session = r.session
	}
	res, err := tx.Exec("INSERT INTO occurrences (issue_id, hash_id, first, session, received_at, payload) VALUES (?, ?, ?, ?, ?, ?)",
		issue, hash, first, session, r.at, r.payload)
	if err != nil || r.files == nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	return addFiles(tx, issue, id, r.files)
}

// trimOccurrences drops the n oldest occurrences that are not the first of a hash.
func trimOccurrences(tx *sqlitedb.Tx, issue, n int64) error {
	for range n {
		// SQLite prepares a statement with LIMIT ? again at each execution.
		_, err := tx.Exec("DELETE FROM occurrences WHERE id = (SELECT id FROM occurrences WHERE issue_id = ? AND first = 0 ORDER BY id LIMIT 1)", issue)
		if err != nil {
			return err
		}
	}
	return nil
}

// first opens an issue for the hash of r, or puts r into the flood it is part of.
func (s *Store) first(tx *sqlitedb.Tx, r *record) (tracker.Outcome, error) {
	hash, flood, err := s.floodOf(tx, r)
	if err != nil {
		return tracker.Outcome{}, err
	}
	if flood {
		h, err := s.findHash(tx, r.project, hash)
		if err != nil {
			return tracker.Outcome{}, err
		}
		if h != nil {
			if err := setEventHash(tx, r, h.id); err != nil {
				return tracker.Outcome{}, err
			}
			return s.count(tx, r, h, hash)
		}
	}
	return s.open(tx, r, hash, flood)
}

// open makes a new issue with its first hash.
func (s *Store) open(tx *sqlitedb.Tx, r *record, hash tracker.Hash, flood bool) (tracker.Outcome, error) {
	out := tracker.Outcome{Status: tracker.Created, Fingerprint: hash, Count: 1}
	res, err := tx.Exec(`INSERT INTO issues (project_id, primary_hash, count, users, kept, first_seen, last_seen, first_release, last_release, browser, flood)
		VALUES (?, 0, 1, 0, 0, ?, ?, ?, ?, ?, ?)`, r.project, r.at, r.at, r.release, r.release, r.browser, flood)
	if err != nil {
		return out, err
	}
	if out.IssueID, err = res.LastInsertId(); err != nil {
		return out, err
	}
	h := &hashEntry{issue: out.IssueID, browser: r.browser}
	if h.id, err = addHash(tx, r, out.IssueID, hash, flood); err != nil {
		return out, err
	}
	if _, err := tx.Exec("UPDATE issues SET primary_hash = ? WHERE id = ?", h.id, out.IssueID); err != nil {
		return out, err
	}
	if err := setEventHash(tx, r, h.id); err != nil {
		return out, err
	}
	if _, err := s.countHash(tx, r, h); err != nil {
		return out, err
	}
	if err := s.addOccurrence(tx, r, out.IssueID, h.id, true); err != nil {
		return out, err
	}
	remember(s.mem.hashes, maxCachedHashes, hashKey{r.project, hash}, h)
	return out, queueAlert(tx, tracker.AlertCreated, out.IssueID, r.at)
}

// setEventHash completes the row that addEventID made before the hash was known.
func setEventHash(tx *sqlitedb.Tx, r *record, hash int64) error {
	if r.event.ID.IsZero() {
		return nil
	}
	_, err := tx.Exec("UPDATE event_ids SET hash_id = ? WHERE key = ?", hash, r.eventKey)
	return err
}

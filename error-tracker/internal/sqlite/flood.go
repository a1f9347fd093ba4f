package sqlite

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// The explosion guard. A bug whose key varies with each event, or a bot, would
// open an issue and send a mail every time. When events that look alike (equal
// coarse hash, same project) have brought more than floodIssues new hashes in
// floodWindow, further new hashes do not open issues: their events are counted
// in one issue that is flagged as a flood. It ends by itself when fewer new
// hashes than that arrive in a window. Events of hashes that have an issue
// already are not affected, nor those without a coarse hash.
const (
	floodIssues = 20
	floodWindow = 10 * time.Minute
	// maxFloods bounds how many coarse hashes are watched at a time.
	maxFloods = 1024
)

var floodReason = fmt.Sprintf("more than %d new issues that look alike in %d minutes", floodIssues, int(floodWindow.Minutes()))

// floods remembers when the last new hashes of each coarse hash arrived. It is
// lost with the process; the hashes in the database then stand in for it.
type floods map[hashKey]*arrivals

// arrivals is a ring of the times of the newest unknown hashes.
type arrivals struct {
	at   [floodIssues + 1]int64
	next int
}

// add notes an arrival and tells whether the ring is full of recent ones.
func (a *arrivals) add(at int64) (flood bool) {
	a.at[a.next] = at
	a.next = (a.next + 1) % len(a.at)
	oldest := a.at[a.next]
	return oldest != 0 && at-oldest < floodWindow.Milliseconds()
}

// floodOf tells which hash the event is to be counted under: its own, or that
// of the flood it belongs to.
func (s *Store) floodOf(tx *sqlitedb.Tx, r *record) (hash tracker.Hash, flood bool, err error) {
	if r.key.Similar.IsZero() {
		return r.key.Hash, false, nil
	}
	k := hashKey{r.project, r.key.Similar}
	a := s.mem.floods[k]
	if a == nil {
		if a, err = recentArrivals(tx, r); err != nil {
			return r.key.Hash, false, err
		}
		remember(s.mem.floods, maxFloods, k, a)
	}
	if !a.add(r.at) {
		return r.key.Hash, false, nil
	}
	return floodHash(r.key.Similar), true, nil
}

// recentArrivals reads what the database knows of a coarse hash.
func recentArrivals(tx *sqlitedb.Tx, r *record) (*arrivals, error) {
	a := new(arrivals)
	rows, err := tx.Query(`SELECT created_at FROM hashes WHERE project_id = ? AND similar = ? AND similar <> x'' AND created_at > ?
		ORDER BY created_at DESC LIMIT ?`, r.project, r.key.Similar[:], r.at-floodWindow.Milliseconds(), floodIssues)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var newest []int64
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return nil, err
		}
		newest = append(newest, at)
	}
	for i := len(newest) - 1; i >= 0; i-- {
		a.add(newest[i])
	}
	return a, rows.Err()
}

// floodHash is the key of the issue that takes in a flood.
func floodHash(similar tracker.Hash) tracker.Hash {
	sum := sha256.Sum256(append([]byte("flood\x00"), similar[:]...))
	return tracker.Hash(sum[:16])
}

package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
)

// While no blocks can be made, entries are taken in until there is no room, and
// then again as soon as there is.
func TestEntriesThatComeTooFastAreRefusedUntilThereIsRoom(t *testing.T) {
	s := openStore(t, Options{MemoryLimit: 48 << 20})
	s.roomTime = 20 * time.Millisecond
	b := logs.Batch{Entries: make([]logs.Entry, 1000)}
	for i := range b.Entries {
		b.Entries[i] = logs.Entry{Time: int64(i + 1), Source: "web", Level: logs.Info, Message: strings.Repeat("x", 500)}
	}
	s.sealMu.Lock()
	stored := int64(0)
	var err error
	for err == nil && stored < 100_000 {
		if _, err = s.Append(t.Context(), b); err == nil {
			stored += 1000
		}
	}
	s.sealMu.Unlock()
	e, ok := err.(*errs.Error) //nolint:errorlint // it is not wrapped
	if !ok || e.Kind != errs.RateLimited || e.RetryAfter <= 0 {
		t.Fatalf("after %d entries: %v, want RateLimited with a time to wait", stored, err)
	}
	s.roomTime = 20 * time.Second
	mustAppend(t, s, b)
	if st, err := s.Stats(t.Context()); err != nil || st.Entries != stored+1000 {
		t.Errorf("%d entries are there, want %d: %v", st.Entries, stored+1000, err)
	}
}

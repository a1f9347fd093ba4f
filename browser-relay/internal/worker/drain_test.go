package worker

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// Senders of envelopes make up keys: a queue that is gone leaves nothing behind.
func TestTroubleOfQueuesThatAreGoneIsForgotten(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	store := sqlite.NewStore(dbtest.Open(t, sqlite.Migrations()))
	spool, err := relay.NewSpool(t.Context(), store, relay.SpoolLimits{Bytes: 1 << 20, Age: time.Hour}, clock)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDrain(relay.ToEnvelopes, spool, relay.NewCourier(nil, clock), nil, nil, slog.New(slog.DiscardHandler))
	limit := func(key int64) relay.Queue {
		q := relay.Queue{Target: relay.ToEnvelopes, KeyID: key}
		e := relay.Entry{Queue: q, At: now, Items: 1, Parcel: relay.NewEventID(), Body: []byte("{}")}
		if _, err := spool.Append(t.Context(), []relay.Entry{e}, nil); err != nil {
			t.Fatal(err)
		}
		d.rest(q, 1, time.Hour)
		return q
	}
	for key := range int64(5) {
		limit(key)
	}
	now = now.Add(2 * time.Hour)
	waits := limit(9)
	if err := spool.Expire(t.Context(), func(*relay.Entry) {}); err != nil {
		t.Fatal(err)
	}
	var turns sync.WaitGroup
	d.begin(t.Context(), &turns)
	turns.Wait()
	if len(d.stuck) != 1 || d.stuck[waits] == nil {
		t.Errorf("known are %v, want only the queue that waits", d.stuck)
	}
}

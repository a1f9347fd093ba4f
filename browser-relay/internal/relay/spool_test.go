package relay_test

import (
	"errors"
	"testing"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// Who sends envelopes makes up keys: those do not count as many that need room.
func TestManyKeysOfEnvelopesTakeNoRoomFromOthers(t *testing.T) {
	store := sqlite.NewStore(dbtest.Open(t, sqlite.Migrations()))
	spool, err := relay.NewSpool(t.Context(), store, relay.SpoolLimits{Bytes: 100_000, Age: time.Hour}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	add := func(target relay.Target, key int64, size int) error {
		e := relay.Entry{Queue: relay.Queue{Target: target, KeyID: key}, At: time.Now(), Items: 1, Parcel: relay.NewEventID(), Body: make([]byte, size)}
		_, err := spool.Append(t.Context(), []relay.Entry{e}, nil)
		return err
	}
	if err := add(relay.ToErrors, 1, 20_000); err != nil {
		t.Fatal(err)
	}
	made := int64(0)
	for err = nil; err == nil && made < 200; made++ {
		err = add(relay.ToEnvelopes, 1000+made, 1000)
	}
	if !errors.Is(err, relay.ErrSpoolFull) {
		t.Fatalf("%d envelopes of as many keys: %v", made, err)
	}
	if free := 100_000 - spool.Stats().Bytes; free < 20_000 {
		t.Errorf("envelopes of %d keys left %d bytes for others, want a quarter", made, free)
	}
	if err := add(relay.ToErrors, 1, 10_000); err != nil {
		t.Errorf("a key of ours with less than its half, after envelopes of %d keys: %v", made, err)
	}
	if err := add(relay.ToErrors, 2, 5_000); err != nil {
		t.Errorf("another key of ours: %v", err)
	}
}

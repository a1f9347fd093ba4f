package relay_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// The use of a key is noted to the minute, but a key was not used before it was made.
func TestAKeyIsNotSeenBeforeItWasMade(t *testing.T) {
	now := time.Date(2026, 11, 29, 16, 38, 26, 0, time.UTC)
	store := sqlite.NewStore(dbtest.Open(t, sqlite.Migrations()))
	keys, err := relay.NewKeyring(t.Context(), store, nil, relay.Origins{}, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Create(t.Context(), relay.Key{Project: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  time.Time
	}{
		{7 * time.Second, k.Created},
		{90 * time.Second, time.Date(2026, 11, 29, 16, 40, 0, 0, time.UTC)},
	} {
		now = now.Add(step.after)
		keys.Saw(k.ID)
		if err := keys.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		stored, err := store.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := stored[0].LastSeen; !got.Equal(step.want) {
			t.Errorf("last seen %v, want %v", got, step.want)
		}
	}
}

func TestAKeyIsFoundByAPartOfIt(t *testing.T) {
	k := relay.Key{Project: "Shop", Label: "the web", PublicKey: "cafe4711", Origins: relay.Origins{"https://a.example", "https://b.example"}}
	for text, want := range map[string]bool{"": true, "sho": true, "WEB": true, "FE47": true, "b.ex": true, "shop the": false, "%": false} {
		if k.Matches(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

package sqlite_test

import (
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/storetest"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, o storetest.Options) tracker.Store {
		t.Helper()
		s, err := sqlite.NewStore(dbtest.Open(t, sqlite.Migrations()), sqlite.Options{KeepOccurrences: o.KeepOccurrences, Now: o.Now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

package sqlite_test

import (
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// released are the schemas of releases, by the number of their last migration.
var released = []string{"0001_start.sql"}

func TestDatabasesOfEarlierReleasesAreTakenOver(t *testing.T) {
	for n := range released {
		path := filepath.Join(t.TempDir(), "errors.db")
		old := fstest.MapFS{}
		for _, name := range released[:n+1] {
			data, err := fs.ReadFile(sqlite.Migrations(), "migrations/"+name)
			if err != nil {
				t.Fatal(err)
			}
			old[name] = &fstest.MapFile{Data: data}
		}
		db, err := sqlitedb.Open(t.Context(), path, sqlitedb.Options{Migrations: old})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
			_, err := tx.Exec("INSERT INTO projects (name, created_at) VALUES ('shop', 1000), ('käse', 2000)")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}

		s, err := sqlite.NewStore(dbtest.OpenWith(t, path, sqlitedb.Options{Migrations: sqlite.Migrations()}), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.ProjectList(t.Context())
		if err != nil || len(all) != 2 {
			t.Fatalf("%s: projects %+v, %v", released[n], all, err)
		}
		for _, p := range all {
			if len(p.Keys) != 1 || len(p.Keys[0].Key) != 32 || !p.Keys[0].Active {
				t.Errorf("%s: project %q has the keys %+v", released[n], p.Name, p.Keys)
			}
		}
		e := &event.Event{ID: event.NewID(), Project: "shop", ReceivedAt: time.Now(), Exceptions: []event.Exception{{Type: "E"}}}
		if _, err := s.Record(t.Context(), e, grouping.Of(e)); err != nil {
			t.Errorf("%s: %v", released[n], err)
		}
	}
}

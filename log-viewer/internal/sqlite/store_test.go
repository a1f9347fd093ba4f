package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// opened is a store and its database, which can be closed and opened again.
type opened struct {
	*Store
	db   *sqlitedb.DB
	path string
	o    Options
}

func openStore(tb testing.TB, o Options) *opened {
	tb.Helper()
	s := &opened{path: filepath.Join(tb.TempDir(), "logs.db"), o: o}
	s.open(tb)
	tb.Cleanup(func() {
		if s.Store != nil {
			s.close(tb)
		}
	})
	return s
}

func (s *opened) open(tb testing.TB) {
	tb.Helper()
	db, err := sqlitedb.Open(tb.Context(), s.path, DatabaseOptions(nil))
	if err != nil {
		tb.Fatal(err)
	}
	s.db = db
	if s.Store, err = Open(tb.Context(), db, s.o); err != nil {
		tb.Fatal(err)
	}
}

func (s *opened) close(tb testing.TB) {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Error(err)
	}
	if err := s.db.Close(); err != nil {
		tb.Error(err)
	}
	s.Store = nil
}

func (s *opened) reopen(tb testing.TB) {
	tb.Helper()
	s.close(tb)
	s.open(tb)
}

func mustAppend(tb testing.TB, s logs.Store, b logs.Batch) int64 {
	tb.Helper()
	first, err := s.Append(tb.Context(), b)
	if err != nil {
		tb.Fatal(err)
	}
	return first
}

func mustParse(tb testing.TB, text string) *logs.Expr {
	tb.Helper()
	x, err := logs.ParseSearch(text)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

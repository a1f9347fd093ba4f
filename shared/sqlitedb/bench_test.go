package sqlitedb_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

// BenchmarkWrite shows what sharing commits is worth: each write is on disk
// when it returns, in both ways.
func BenchmarkWrite(b *testing.B) {
	body := make([]byte, 300)
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("grouped/callers=%d", callers), func(b *testing.B) {
			db := dbtest.Open(b, rowsTable)
			b.ReportAllocs()
			before := db.Stats()
			parallel(b, callers, func(who int) error {
				return db.Write(b.Context(), func(tx *sqlitedb.Tx) error {
					_, err := tx.Exec(insertRow, who, body)
					return err
				})
			})
			after := db.Stats()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			b.ReportMetric(float64(after.Writes-before.Writes)/float64(after.Commits-before.Commits), "writes/commit")
		})
		b.Run(fmt.Sprintf("one_commit_each/callers=%d", callers), func(b *testing.B) {
			db := dbtest.Open(b, rowsTable)
			var mu sync.Mutex
			b.ReportAllocs()
			parallel(b, callers, func(who int) error {
				mu.Lock() // nobody can share a transaction with anyone
				defer mu.Unlock()
				return db.Write(b.Context(), func(tx *sqlitedb.Tx) error {
					_, err := tx.Exec(insertRow, who, body)
					return err
				})
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

// parallel runs f b.N times from a number of goroutines.
func parallel(b *testing.B, callers int, f func(who int) error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for who := range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(who); err != nil {
					b.Errorf("caller %d: %v", who, err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

// BenchmarkStatement is the cost of one statement inside a transaction.
func BenchmarkStatement(b *testing.B) {
	body := make([]byte, 300)
	db := dbtest.Open(b, rowsTable)
	b.Run("writer", func(b *testing.B) {
		b.ReportAllocs()
		err := db.Write(b.Context(), func(tx *sqlitedb.Tx) error {
			for b.Loop() {
				if _, err := tx.Exec(insertRow, 1, body); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
	b.Run("database_sql", func(b *testing.B) {
		pool := openPlain(b, filepath.Join(b.TempDir(), "plain.db"))
		tx, err := pool.BeginTx(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		defer tx.Rollback()
		insert, err := tx.PrepareContext(b.Context(), insertRow)
		if err != nil {
			b.Fatal(err)
		}
		defer insert.Close()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := insert.Exec(1, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("savepoint", func(b *testing.B) {
		b.ReportAllocs()
		err := db.Write(b.Context(), func(tx *sqlitedb.Tx) error {
			for b.Loop() {
				for _, s := range []string{"SAVEPOINT g", "RELEASE g"} {
					if _, err := tx.Exec(s); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
}

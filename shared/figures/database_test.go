package figures_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monlight/monlight/shared/figures"
	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/sqlitedb/dbtest"
)

func TestDatabaseShowsWhatWasWritten(t *testing.T) {
	var migrations fs.FS = fstest.MapFS{"0001_start.sql": {Data: []byte("CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT;")}}
	db := dbtest.Open(t, migrations)
	for range 3 {
		if err := db.Write(t.Context(), func(tx *sqlitedb.Tx) error {
			_, err := tx.Exec("INSERT INTO t DEFAULT VALUES")
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	r := prometheus.NewPedanticRegistry() // checks that what is collected is what was described
	r.MustRegister(figures.Database{DB: db})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	if got["database_writes_total"] != 3 || got["database_commit_writes"] != 3 || got["database_bytes"] <= 0 || got["database_writes_failed_total"] != 0 {
		t.Errorf("figures after 3 writes: %v", got)
	}
}

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver, used as anybody would

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// childRows measures a row for each line, with a full-text index that triggers keep.
func childRows(ctx context.Context, c config) error {
	r := result{Name: rowsStore, Lines: c.lines}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(c.dir, "rows.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	const schema = `CREATE TABLE log_entries (id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, container TEXT NOT NULL, stream INTEGER NOT NULL, level INTEGER NOT NULL, message TEXT NOT NULL);
		CREATE INDEX idx_timestamp ON log_entries (timestamp);
		CREATE INDEX idx_container_timestamp ON log_entries (container, timestamp);
		CREATE INDEX idx_level_timestamp ON log_entries (level, timestamp);
		CREATE VIRTUAL TABLE log_entries_fts USING fts5(message, content='log_entries', content_rowid='id');
		CREATE TRIGGER log_entries_ai AFTER INSERT ON log_entries BEGIN INSERT INTO log_entries_fts (rowid, message) VALUES (new.id, new.message); END;
		CREATE TRIGGER log_entries_ad AFTER DELETE ON log_entries BEGIN INSERT INTO log_entries_fts (log_entries_fts, rowid, message) VALUES ('delete', old.id, old.message); END;`
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return err
	}
	before := cpu()
	busy := time.Duration(0)
	text, trace, last, err := feed(c, func(b []logs.Entry) error {
		start := time.Now()
		defer func() { busy += time.Since(start) }()
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		st, err := tx.PrepareContext(ctx, "INSERT INTO log_entries (timestamp, container, stream, level, message) VALUES (?, ?, ?, ?, ?)")
		if err != nil {
			return err
		}
		defer st.Close()
		for _, e := range b {
			if _, err := st.ExecContext(ctx, e.Time, e.Source, int(e.Stream), int(e.Level), e.Message); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
	if err != nil {
		return err
	}
	r.Seconds, r.CPU, r.TextMB = busy.Seconds(), (cpu() - before).Seconds(), float64(text)/1e6
	r.PeakMB, r.DiskMB = memory(os.Getpid(), "VmHWM"), diskMB(c.dir)
	r.IdleMB = memory(os.Getpid(), "VmRSS")
	for _, q := range questions {
		m, ok, err := askRows(ctx, db, q, trace, last)
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		if ok {
			r.Queries = append(r.Queries, m)
		}
	}
	began := time.Now()
	before = cpu()
	res, err := db.ExecContext(ctx, "DELETE FROM log_entries WHERE id <= ?", c.lines/2)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	r.DropLines, r.DropTime, r.DropCPU = int(n), time.Since(began).Seconds(), (cpu() - before).Seconds()
	return json.NewEncoder(os.Stdout).Encode(r)
}

// askRows asks what a table with a full-text index can answer; regular
// expressions and comparisons of fields it cannot.
func askRows(ctx context.Context, db *sql.DB, q question, trace string, last int64) (m query, ok bool, err error) {
	if strings.HasPrefix(q.search, "/") || strings.Contains(q.search, ":") {
		return m, false, nil
	}
	m.Name, m.Exact = q.name, true
	var where []string
	var args []any
	text := q.search
	switch {
	case strings.HasPrefix(q.name, "substring"):
		where, args = append(where, "message LIKE ?"), append(args, "%"+strings.Trim(text, `"`)+"%")
	case text == "%s":
		where, args = append(where, "id IN (SELECT rowid FROM log_entries_fts WHERE log_entries_fts MATCH ?)"), append(args, `"`+trace+`"`)
	case text != "":
		where, args = append(where, "id IN (SELECT rowid FROM log_entries_fts WHERE log_entries_fts MATCH ?)"), append(args, text)
	}
	if q.level {
		where, args = append(where, "level >= ?"), append(args, int(logs.Error))
		if !q.histogram {
			where, args = append(where, "timestamp >= ?"), append(args, last-int64(time.Hour))
		}
	}
	cond := ""
	if len(where) > 0 {
		cond = " WHERE " + strings.Join(where, " AND ")
	}
	statement := "SELECT id, timestamp, container, stream, level, message FROM log_entries" + cond + " ORDER BY timestamp DESC, id DESC LIMIT 100"
	if q.histogram {
		statement = "SELECT timestamp / 60000000000 AS m, level, count(*), '', 0, '' FROM log_entries" + cond + " GROUP BY m, level"
	}
	m.P50, m.P95, m.CPU, err = measure(func() error {
		rows, err := db.QueryContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		m.Hits = 0
		for rows.Next() {
			var a, b, d, e int64
			var source, message any
			if q.histogram {
				err = rows.Scan(&a, &b, &d, &source, &e, &message)
				m.Hits += d
			} else {
				err = rows.Scan(&a, &b, &source, &d, &e, &message)
				m.Hits++
			}
			if err != nil {
				return err
			}
		}
		return rows.Err()
	}, cpu)
	return m, true, err
}

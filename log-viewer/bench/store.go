package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
	"github.com/monlight/monlight/log-viewer/internal/sqlite"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const batchLines = 1000

// question is a query by name.
type question struct {
	name      string
	search    string
	level     bool // errors of the last hour
	histogram bool
}

// questions are those of the design; %s is a trace id that occurs in the middle.
var questions = []question{
	{name: "rare term, 1 hit", search: "needle"},
	{name: "common term", search: "authentication"},
	{name: "very common term", search: "request"},
	{name: "two terms", search: "request completed"},
	{name: "phrase", search: `"authentication failure"`},
	{name: "rare phrase", search: `"a needle in"`},
	{name: "unique trace id", search: "%s"},
	{name: "no match, word", search: "unheardof"},
	{name: "no match, id", search: "5f3a9c0042deadbeef"},
	{name: "level=error + 1 h", level: true},
	{name: "level=error + 1 h + term", level: true, search: "request"},
	{name: "field:value", search: "status:503"},
	{name: "field:>number", search: "dur_ms:>899"},
	{name: "histogram per minute, all", histogram: true},
	{name: "histogram, level=error", histogram: true, level: true},
	{name: "histogram of a term", histogram: true, search: "authentication"},
	{name: "substring inside a word", search: `"eedl"`},
	{name: "substring, no match", search: `"qzxqzx"`},
	{name: "substring inside an id", search: `"98765432"`},
	{name: "regex with a literal", search: `/blk_\d+98765\d/`},
	{name: "regex without a literal", search: `/\b[0-9a-f]{41}\b/`},
}

func queryNames() (out []string) {
	for _, q := range questions {
		out = append(out, q.name)
	}
	return out
}

// feed calls put with batches of all lines.
func feed(c config, put func([]logs.Entry) error) (text int64, trace string, last int64, err error) {
	l, err := logstest.NewLines(1, c.lines, c.samples)
	if err != nil {
		return 0, "", 0, err
	}
	for n := 0; n < c.lines; n += batchLines {
		batch := l.Batch(min(batchLines, c.lines-n))
		for i := range batch {
			e := &batch[i]
			last = e.Time
			if n+i == c.lines/3 {
				e.Message = "there is a needle in this haystack of " + e.Source
			}
			if at := len(e.Message) - 80; n+i >= c.lines/2 && trace == "" && e.Message[0] == '{' && at > 0 {
				var f struct {
					Trace string `json:"trace_id"`
				}
				if json.Unmarshal([]byte(e.Message), &f) == nil {
					trace = f.Trace
				}
			}
			text += int64(len(e.Message))
		}
		if err := put(batch); err != nil {
			return 0, "", 0, err
		}
	}
	return text, trace, last, nil
}

func childStore(ctx context.Context, c config) error {
	r := result{Name: "blocks", Lines: c.lines}
	if c.memory > 0 {
		r.Name = fmt.Sprintf("blocks, memory limit %d MB", c.memory>>20)
	}
	db, err := sqlitedb.Open(ctx, filepath.Join(c.dir, "logs.db"), sqlite.DatabaseOptions(nil))
	if err != nil {
		return err
	}
	defer db.Close()
	o := sqlite.Options{MemoryLimit: c.memory, RetainEvery: time.Hour}
	s, err := sqlite.Open(ctx, db, o)
	if err != nil {
		return err
	}
	// What it costs to make the lines is measured without the store and taken off.
	before := cpu()
	if _, _, _, err := feed(c, func([]logs.Entry) error { return nil }); err != nil {
		return err
	}
	making := cpu() - before
	before = cpu()
	busy := time.Duration(0)
	text, trace, last, err := feed(c, func(b []logs.Entry) error {
		start := time.Now()
		_, err := s.Append(ctx, logs.Batch{Entries: b})
		busy += time.Since(start)
		return err
	})
	if err != nil {
		return err
	}
	r.Seconds = busy.Seconds()
	if err := s.Flush(ctx); err != nil {
		return err
	}
	r.CPU = (cpu() - before - making).Seconds()
	r.TextMB = float64(text) / 1e6
	r.PeakMB = memory(os.Getpid(), "VmHWM")
	st, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	r.DiskMB = float64(st.DiskBytes) / 1e6
	if st.Entries != int64(c.lines) {
		return fmt.Errorf("%d lines were appended, the store has %d", c.lines, st.Entries)
	}
	debug.FreeOSMemory()
	r.IdleMB = memory(os.Getpid(), "VmRSS")
	for _, q := range questions {
		m, err := ask(ctx, s, q, trace, last)
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		r.Queries = append(r.Queries, m)
	}
	if err := s.Close(); err != nil {
		return err
	}
	o.MaxEntries = int64(c.lines) / 2
	if s, err = sqlite.Open(ctx, db, o); err != nil {
		return err
	}
	defer s.Close()
	before, began := cpu(), time.Now()
	removed, err := s.Retain(ctx)
	if err != nil {
		return err
	}
	r.DropLines, r.DropTime, r.DropCPU = int(removed.Entries), time.Since(began).Seconds(), (cpu() - before).Seconds()
	return json.NewEncoder(os.Stdout).Encode(r)
}

func ask(ctx context.Context, s *sqlite.Store, q question, trace string, last int64) (m query, err error) {
	m.Name = q.name
	text := q.search
	if text == "%s" {
		text = trace
	}
	var f logs.Filter
	if f.Search, err = logs.ParseSearch(text); err != nil {
		return m, err
	}
	end := time.Unix(0, last)
	if q.level {
		f.Levels = logs.AtLeast(logs.Error)
		if !q.histogram {
			f.Since = end.Add(-time.Hour)
		}
	}
	m.P50, m.P95, m.CPU, err = measure(func() error {
		if q.histogram {
			h, err := s.Histogram(ctx, f, logs.Buckets{Start: end.Add(-24 * time.Hour).Truncate(time.Minute), Step: time.Minute, N: 1442})
			m.Hits, m.Exact = 0, !h.Partial
			for _, row := range h.Counts {
				for _, n := range row {
					m.Hits += n
				}
			}
			return err
		}
		p, err := s.Search(ctx, logs.Query{Filter: f, Limit: 100, Deadline: time.Minute})
		m.Hits, m.Exact = p.Total, p.Exact
		return err
	}, cpu)
	return m, err
}

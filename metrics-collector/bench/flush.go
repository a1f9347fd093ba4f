package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A flush each second stands for one each minute: what it writes is the cells
// of a minute either way. Between two of them each series gets this many points.
const (
	flushSeries = 10_000
	flushPoints = 20
)

// benchFlush shows many flushes of all series under load, and how long batches
// waited for each.
func benchFlush(ctx context.Context, c config) error {
	t, err := start(ctx, c, "metrics-collector", "AGGREGATION_INTERVAL=1s", "LOG_LEVEL=debug")
	if err != nil {
		return err
	}
	defer t.stop()
	bodies := func() [][]byte {
		r := rand.New(rand.NewPCG(1, 2))
		now := time.Now().UnixMilli()
		var list [][]byte
		for first := 0; first < flushSeries; first += batchPoints / flushPoints {
			var batch []point
			for range flushPoints {
				for series := first; series < first+batchPoints/flushPoints; series++ {
					batch = append(batch, point{series, now, valueOf(r, series)})
				}
			}
			list = append(list, t.encode(nil, batch))
		}
		return list
	}
	var waits []float64
	begin := time.Now()
	for second := range c.flushes {
		for _, b := range bodies() {
			sent := time.Now()
			if err := t.send(b); err != nil {
				return err
			}
			waits = append(waits, float64(time.Since(sent).Microseconds())/1000)
		}
		time.Sleep(time.Until(begin.Add(time.Duration(second+1) * time.Second)))
	}
	took, commit, cells, err := flushLog(filepath.Join(t.dir, "log.txt"))
	if err != nil {
		return err
	}
	fmt.Printf("\nFlushes of %d series, %d points each between two flushes, with %d batches of %d sent meanwhile over one connection:\n\n",
		flushSeries, flushPoints, len(waits), batchPoints)
	fmt.Println("| ms | number | p50 | p99 | longest |\n|---|---:|---:|---:|---:|")
	row := func(title string, v []float64) {
		slices.Sort(v)
		fmt.Printf("| %s | %d | %.1f | %.1f | %.1f |\n", title, len(v), v[len(v)/2], v[len(v)*99/100], v[len(v)-1])
	}
	row(fmt.Sprintf("flush, %.0f cells on average", cells), took)
	row("of it, the transactions that batches wait for", commit)
	row("a batch, from the client and back", waits)
	return nil
}

// flushLog reads what the service logged of its flushes.
func flushLog(path string) (took, commit []float64, cells float64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var l struct {
			Msg      string
			Cells    float64
			Duration float64 `json:"duration_ms"`
			Commit   float64 `json:"commit_ms"`
		}
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Msg != "flushed" {
			continue
		}
		took, commit, cells = append(took, l.Duration), append(commit, l.Commit), cells+l.Cells
	}
	if len(took) == 0 {
		return nil, nil, 0, errors.New("no flush was logged")
	}
	return took, commit, cells / float64(len(took)), nil
}

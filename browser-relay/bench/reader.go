package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	gosourcemap "github.com/go-sourcemap/sourcemap"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/sqlite"
	"github.com/monlight/monlight/shared/sqlitedb"
)

const (
	coldCalls  = 30
	coldRounds = 20
	mapCache   = 6 << 20 // as in the service
)

// reader measures one program in a process of its own: -read PROGRAM MAP DATABASE POSITIONS ANSWERS.
func reader(ctx context.Context, args []string) error {
	if len(args) != 5 {
		return fmt.Errorf("%d arguments, want PROGRAM MAP DATABASE POSITIONS ANSWERS", len(args))
	}
	var positions [][2]int
	text, err := os.ReadFile(args[3])
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		var p [2]int
		if _, err := fmt.Sscan(line, &p[0], &p[1]); err != nil {
			return err
		}
		positions = append(positions, p)
	}
	debug.SetGCPercent(75) // as the service
	debug.FreeOSMemory()
	var r reading
	var answers []string
	if args[0] == "go-sourcemap" {
		r, answers, err = readWithGoSourcemap(args[1], positions)
	} else {
		r, answers, err = readFromStore(ctx, args[2], positions)
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(args[4], []byte(strings.Join(answers, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func readWithGoSourcemap(file string, positions [][2]int) (r reading, answers []string, err error) {
	before := memoryOf(os.Getpid(), "VmHWM:")
	begin, used := time.Now(), cpuTime()
	text, err := os.ReadFile(file)
	if err != nil {
		return r, nil, err
	}
	m, err := gosourcemap.Parse("", text)
	if err != nil {
		return r, nil, err
	}
	look := func(p [2]int) string {
		source, name, line, column, ok := m.Source(p[0], p[1]-1)
		return answer(source, name, line, column+1, ok)
	}
	for _, p := range positions[:coldCalls] {
		look(p)
	}
	r.ColdMS, r.ColdCPU = millis(time.Since(begin)), millis(cpuTime()-used)
	begin = time.Now()
	for _, p := range positions {
		answers = append(answers, look(p))
	}
	r.PerSecond = float64(len(positions)) / time.Since(begin).Seconds()
	r.PeakMB = memoryOf(os.Getpid(), "VmHWM:") - before
	return r, answers, nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// cpuTime is the processor time of this process.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func answer(source, name string, line, column int, found bool) string {
	if !found {
		return "none"
	}
	if name != "" {
		name = " " + name
	}
	return fmt.Sprintf("%s:%d:%d%s", source, line, column, name)
}

// readFromStore reads as the service does. A round is cold: nothing of the map is in
// the memory of the process yet.
func readFromStore(ctx context.Context, database string, positions [][2]int) (r reading, answers []string, err error) {
	db, err := sqlitedb.Open(ctx, database, sqlitedb.Options{Migrations: sqlite.Migrations(), Log: slog.New(slog.DiscardHandler), MinFreeBytes: -1})
	if err != nil {
		return r, nil, err
	}
	defer db.Close()
	store := sqlite.NewStore(db)
	maps, err := store.MapsByBase(ctx, "bench", "1", "app.js")
	if err != nil || len(maps) != 1 {
		return r, nil, fmt.Errorf("%d maps: %w", len(maps), err)
	}
	before := memoryOf(os.Getpid(), "VmHWM:")
	var rounds, processor []float64
	for n := range coldRounds {
		begin, used := time.Now(), cpuTime()
		m, err := sourcemap.NewCache(store, mapCache).Open(ctx, maps[0].ID, store.MapIndex)
		if err != nil {
			return r, nil, err
		}
		for _, p := range positions[n*coldCalls : (n+1)*coldCalls] {
			f, found, err := m.Lookup(ctx, p[0], p[1])
			if err != nil {
				return r, nil, err
			}
			if found {
				if _, _, err := m.Context(ctx, f, 5); err != nil {
					return r, nil, err
				}
			}
		}
		rounds, processor = append(rounds, millis(time.Since(begin))), append(processor, millis(cpuTime()-used))
	}
	slices.Sort(rounds)
	slices.Sort(processor)
	r.ColdMS, r.ColdCPU = rounds[coldRounds/2], processor[coldRounds/2]
	m, err := sourcemap.NewCache(store, mapCache).Open(ctx, maps[0].ID, store.MapIndex)
	if err != nil {
		return r, nil, err
	}
	begin := time.Now()
	for _, p := range positions {
		f, found, err := m.Lookup(ctx, p[0], p[1])
		if err != nil {
			return r, nil, err
		}
		answers = append(answers, answer(f.Source, f.Name, f.Line, f.Column, found))
	}
	r.PerSecond = float64(len(positions)) / time.Since(begin).Seconds()
	r.PeakMB = memoryOf(os.Getpid(), "VmHWM:") - before
	return r, answers, nil
}

package docker

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// TestEveryLineOnce writes numbered lines through rotations of four kinds while
// sources start and end at random moments and the store fails at random, and
// compares what is stored with what was written.
func TestEveryLineOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	w := newWorld(t)
	store := &failing{Memory: w.store, rand: rand.New(rand.NewPCG(seed, 1))}
	r := rand.New(rand.NewPCG(seed, 2))
	c := w.container(0, "generator", nil)
	c.max = 90
	const lines = 10_000
	finished := make(chan struct{})
	var waiting atomic.Bool // for all to be read: no ends meanwhile
	written := 0
	// Of a container that is there before the first run ever, only the newest file
	// counts: nothing is rotated until that was seen.
	c.burst(r, &written)
	_, stop := w.startTo(Options{TailBytes: 1 << 30}, store)
	w.caughtUp(written)
	stop()
	go func() {
		defer close(finished)
		containers := 0
		for written < lines {
			c.burst(r, &written)
			switch r.IntN(90) {
			case 0:
				c.rotate(false)
			case 1:
				c.rotate(true)
			case 2:
				c.copyTruncate()
			case 3: // these lose what was not read, so all must have been
				waiting.Store(true)
				w.caughtUp(written)
				waiting.Store(false)
				if r.IntN(2) == 0 {
					must(t, os.Truncate(c.path(), 0))
				} else {
					c.remove()
					containers++
					c = w.container(containers, "generator", nil)
					c.max = 90
				}
			case 4, 5, 6, 7, 8:
				time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
			}
		}
	}()
	stops := rand.New(rand.NewPCG(seed, 3))
	runs := 0
	for running := true; running; runs++ {
		_, stop := w.startTo(Options{TailBytes: 1 << 30, NoWatch: runs%3 == 2}, store)
		select {
		case <-finished:
			running = false
			w.caughtUp(written)
		case <-time.After(time.Duration(stops.IntN(150)) * time.Millisecond):
		}
		for waiting.Load() {
			time.Sleep(time.Millisecond)
		}
		stop()
	}
	seen := make([]int, written)
	for _, m := range w.messages() {
		for line := range strings.Lines(m) {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "x")))
			if err != nil || n >= written {
				t.Fatalf("a line that was never written: %.100q", line)
			}
			seen[n]++
		}
	}
	missing, doubled := 0, 0
	for n, times := range seen {
		switch {
		case times == 0:
			if missing++; missing < 5 {
				t.Errorf("line %d is missing", n)
			}
		case times > 1:
			if doubled++; doubled < 5 {
				t.Errorf("line %d is there %d times", n, times)
			}
		}
	}
	t.Logf("%d lines, %d runs: missing %d, doubled %d", written, runs, missing, doubled)
}

// burst writes some lines at once: on both streams, indented ones that belong to
// the line before, long ones in parts, and a record in two halves.
func (c *writer) burst(r *rand.Rand, next *int) {
	for range 1 + r.IntN(60) {
		n := *next
		*next++
		stream := [...]string{"stdout", "stderr"}[r.IntN(2)]
		switch r.IntN(20) {
		case 0:
			c.write(stream, fmt.Sprintf("  %d", n))
		case 1:
			c.raw(string(c.record(stream, strings.Repeat("x", 16<<10))))
			other := map[string]string{"stdout": "stderr", "stderr": "stdout"}[stream]
			c.write(other, strconv.Itoa(*next))
			*next++
			c.raw(string(c.record(stream, strconv.Itoa(n)+"\n")))
		case 2:
			b := c.record(stream, strconv.Itoa(n)+"\n")
			cut := 1 + r.IntN(len(b)-1)
			c.raw(string(b[:cut]))
			time.Sleep(time.Duration(r.IntN(2)) * time.Millisecond)
			c.raw(string(b[cut:]))
		default:
			c.write(stream, strconv.Itoa(n))
		}
	}
}

// caughtUp waits until the last line was stored, and a little longer.
func (w *world) caughtUp(lines int) {
	w.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		last, n := 0, 0
		entries, _, err := w.store.Since(w.t.Context(), 0, logs.Filter{}, 10_000_000)
		if err != nil {
			w.t.Error(err)
			return
		}
		for _, e := range entries {
			for line := range strings.Lines(e.Message) {
				v, _ := strconv.Atoi(strings.TrimLeft(strings.TrimSpace(line), "x"))
				last = max(last, v)
				n++
			}
		}
		if last >= lines-1 && n >= lines {
			return
		}
	}
	w.t.Errorf("never caught up with %d lines", lines)
}

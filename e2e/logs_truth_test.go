package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A few rounds for every run of the suite; the soak target does many more.
func TestEveryLineOfAContainerIsStoredOnce(t *testing.T) {
	logTruth(t, 100_000, 10)
}

// logTruth writes numbered lines through rotations of all kinds while the log
// viewer is killed at random moments, and then compares what is stored.
func logTruth(t *testing.T, lines, kills int) {
	t.Helper()
	s, folder := startLogs(t, "MAX_ENTRIES=10000000", "TAIL_BUFFER=1GB")
	g := &generator{t: t, s: s, log: harness.NewDockerLog(t, folder, "generator"), r: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))}
	g.write(1)
	g.caughtUp() // its first start is over: from now on it knows what is new
	begin := time.Now()
	for range kills {
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.write(lines / kills)
		}()
		time.Sleep(harness.Random(10*time.Millisecond, 800*time.Millisecond))
		s.Kill()
		s.Restart()
		<-done
		if t.Failed() {
			return
		}
	}
	g.caughtUp()
	missing, doubled := g.compare()
	t.Logf("%d lines in %v, %d kills, %s: missing %d, doubled %d", g.next, time.Since(begin).Round(time.Second), kills, g.summary(), missing, doubled)
	if missing > 0 || doubled > 0 {
		t.Errorf("missing %d, doubled %d", missing, doubled)
	}
	for what, n := range g.done {
		if n == 0 {
			t.Errorf("there was never a %s", what)
		}
	}
	harness.CheckDatabase(t, s.Database())
}

// generator writes numbered lines.
type generator struct {
	t     testing.TB
	s     *harness.Service
	log   *harness.DockerLog
	r     *rand.Rand
	keeps bool // it does nothing that loses lines which were not read
	next  int
	last  map[string]int // line of each stream
	done  map[string]int // rotations by kind
}

// What happens to a log. Before what loses lines that were not read, all must
// have been.
const (
	rotated    = "rotation"
	compressed = "rotation with compression"
	copied     = "copytruncate"
	truncated  = "truncation"
	recreated  = "container made anew"
)

func (g *generator) write(n int) {
	if g.last == nil {
		g.last, g.done = map[string]int{}, map[string]int{rotated: 0, compressed: 0, copied: 0, truncated: 0, recreated: 0}
	}
	const fileLines = 700 // between two rotations, on average
	for range n {
		g.line()
		switch what := g.r.IntN(6 * fileLines); what {
		case 0, 1:
			g.log.Rotate(false)
			g.done[rotated]++
		case 2, 3:
			g.log.Rotate(true)
			g.done[compressed]++
		case 4, 5:
			g.log.CopyTruncate()
			g.done[copied]++
		case 6, 7:
			if !g.keeps && g.r.IntN(5) == 0 {
				g.lose(what == 6)
			}
		case 8, 9, 10, 11:
			g.log.Flush()
			time.Sleep(time.Duration(g.r.IntN(10)) * time.Millisecond)
		}
		if g.log.Files() >= 60 { // Docker would throw the oldest one away
			g.caughtUp()
			g.log.DropFiles()
		}
		if g.t.Failed() {
			return
		}
	}
	// The rarest ones happen in each run.
	switch {
	case g.keeps:
	case g.done[truncated] == 0 && g.next > n:
		g.lose(true)
	case g.done[recreated] == 0 && g.next > 2*n:
		g.lose(false)
	}
	g.log.Flush()
}

// lose does what loses lines that were not read, when all were.
func (g *generator) lose(truncate bool) {
	g.caughtUp()
	if truncate {
		g.log.Truncate()
		g.done[truncated]++
	} else {
		g.log.Recreate()
		g.done[recreated]++
	}
}

// line writes a line, of which some belong to the one before and some are long.
func (g *generator) line() {
	stream := "stdout"
	if g.r.IntN(3) == 0 {
		stream = "stderr"
	}
	text := fmt.Sprintf("2026-01-02 15:04:05,%03d INFO shop.orders: order n=%d accepted for user %x in %d ms", g.next%1000, g.next, g.r.Uint32(), g.r.IntN(900))
	switch g.r.IntN(100) {
	case 0, 1, 2, 3:
		text = fmt.Sprintf("    at step n=%d of %x", g.next, g.r.Uint32())
	case 4:
		text += strings.Repeat(" and so on", g.r.IntN(5000))
	}
	g.log.Write(stream, text)
	g.last[stream] = g.next
	g.next++
}

// caughtUp waits until the last line of each stream is stored, and so all before
// it. The log viewer may be killed and started meanwhile.
func (g *generator) caughtUp() {
	g.log.Flush()
	begin := time.Now()
	for stream, n := range g.last {
		for {
			r, err := g.s.Try(harness.Request{Path: fmt.Sprintf("/api/logs?limit=1&search=%%22n%%3D%d%%20%%22&stream=%s", n, stream)})
			if err == nil && r.Status == http.StatusOK && !strings.Contains(r.Body, `"logs":[]`) {
				break
			}
			if time.Since(begin) > time.Minute {
				g.t.Errorf("line %d of %s is not stored after a minute", n, stream)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// compare reads everything that is stored.
func (g *generator) compare() (missing, doubled int) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.s.URL+"/api/logs/export?format=ndjson&limit=1000000", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("X-API-Key", harness.Key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	number := regexp.MustCompile(`\bn=(\d+)`)
	seen := make([]uint8, g.next)
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var e struct{ Message string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			g.t.Fatal(err)
		}
		for _, m := range number.FindAllStringSubmatch(e.Message, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n >= len(seen) {
				g.t.Fatalf("line %s was never written", m[1])
			}
			seen[n]++
		}
	}
	if err := lines.Err(); err != nil || res.StatusCode != http.StatusOK {
		g.t.Fatalf("export: %d, %v", res.StatusCode, err)
	}
	for n, times := range seen {
		if times == 0 {
			if missing++; missing < 5 {
				g.t.Logf("line %d is missing", n)
			}
		} else if times > 1 {
			if doubled++; doubled < 5 {
				g.t.Logf("line %d is there %d times", n, times)
			}
		}
	}
	return missing, doubled
}

func (g *generator) summary() string {
	return fmt.Sprintf("%d rotations, %d with compression, %d copytruncates, %d truncations, %d containers made anew",
		g.done[rotated], g.done[compressed], g.done[copied], g.done[truncated], g.done[recreated])
}

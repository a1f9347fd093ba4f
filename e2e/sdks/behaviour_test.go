//go:build sdks

package sdks

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// SDKs do not send twice, so what was answered with 200 must be there, and what
// was not must not disturb what comes after it.
func TestNothingAnsweredIsLostWhenTheServiceDies(t *testing.T) {
	s := harness.Start(t, "error-tracker", "RATE_LIMIT=1000000", "KEEP_OCCURRENCES=100000")
	w := newWire(t, s)
	sdks := []struct {
		name string
		args []string
	}{
		{"python", []string{python("new"), "python/shop.py", "load"}},
		{"python-old", []string{python("old"), "python/shop.py", "load"}},
		{"node", []string{"node", "node/shop.mjs", "load"}},
		{"go", []string{".cache/shop-go", "load"}},
	}
	ids := make([]string, len(sdks))
	var wait sync.WaitGroup
	var ends []io.Closer
	for i, sdk := range sdks {
		id, dsn := newProject(t, s, w, sdk.name, 0)
		ids[i] = id
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		cmd := command(ctx, dsn, sdk.args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		end, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
		wait.Go(func() {
			if err := cmd.Wait(); err != nil {
				t.Errorf("%s: %v\n%.2000s", sdk.name, err, out.String())
			}
		})
	}
	waitFor(t, w, ids, 20) // all of them are at work
	for round := range 4 {
		time.Sleep(harness.Random(200*time.Millisecond, 600*time.Millisecond))
		if round == 1 {
			if code, _ := s.Stop(); code != 0 {
				t.Errorf("exit code %d after SIGTERM", code)
			}
		} else {
			s.Kill()
		}
		time.Sleep(100 * time.Millisecond)
		s.Restart()
	}
	waitFor(t, w, ids, 20)
	for _, end := range ends {
		_ = end.Close()
	}
	wait.Wait()
	for i, sdk := range sdks {
		kept := w.answered(ids[i])
		all := events(t, s, sdk.name)
		missing := 0
		for _, id := range kept {
			if _, ok := all[id]; !ok {
				missing++
			}
		}
		if missing > 0 {
			t.Errorf("%s: %d of %d events that were answered with 200 are lost", sdk.name, missing, len(kept))
		}
		t.Logf("%s: %d events were answered with 200, %d are stored", sdk.name, len(kept), len(all))
	}
	t.Logf("3 kills and 1 restart; answers %v", w.codes)
	if w.codes[http.StatusServiceUnavailable] == 0 {
		t.Error("no SDK met a 503")
	}
}

// waitFor waits until each project has n answers more.
func waitFor(t *testing.T, w *wire, ids []string, n int) {
	t.Helper()
	for _, id := range ids {
		want := len(w.answered(id)) + n
		for begin := time.Now(); len(w.answered(id)) < want; time.Sleep(10 * time.Millisecond) {
			if time.Since(begin) > 30*time.Second {
				t.Fatalf("project %s: %d answers, want %d", id, len(w.answered(id)), want)
			}
		}
	}
}

// A limit makes the SDKs silent about errors without an error of theirs, and
// what they left out is told as soon as they may speak of it.
func TestLimitsMakeSDKsSilent(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	w := newWire(t, s)
	for _, sdk := range []struct {
		name string
		run  func(*testing.T, string) []string
	}{
		{"python", program(python("new"), "python/shop.py", "plain")}, {"python-old", program(python("old"), "python/shop.py", "plain")},
		{"node", program("node", "node/shop.mjs")}, {"go", program(".cache/shop-go")},
	} {
		id, dsn := newProject(t, s, w, sdk.name, 1)
		sent := sdk.run(t, dsn)
		all, kept := events(t, s, sdk.name), w.answered(id)
		if len(sent) != 2 || len(all) != 1 || len(kept) != 1 {
			t.Errorf("%s: %d events sent, %d answered with 200, %d stored; want 2, 1 and 1", sdk.name, len(sent), len(kept), len(all))
		}
	}
	if w.codes[http.StatusTooManyRequests] == 0 {
		t.Errorf("no SDK met a 429: %v", w.codes)
	}
}

// After a 429 an SDK keeps events back, and says so; people see it.
func TestWhatSDKsKeepBackIsShown(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	w := newWire(t, s)
	for _, sdk := range []struct {
		name string
		run  func(*testing.T, string) []string
	}{
		{"python", program(python("new"), "python/shop.py", "limited")}, {"python-old", program(python("old"), "python/shop.py", "limited")},
		{"node", program("node", "node/shop.mjs", "limited")}, // Go's says it each half minute, and with the next event that it may send
	} {
		id, dsn := newProject(t, s, w, sdk.name, 1)
		sdk.run(t, dsn)
		var health struct {
			Totals map[string]int64
			Counts map[string][]struct {
				What  string
				Count int64
			}
		}
		if err := s.Get("/api/ingest?window=hour&project=" + id).JSON(&health); err != nil {
			t.Fatal(err)
		}
		lost := fmt.Sprint(health.Counts["lost"])
		if health.Totals["accepted"] != 1 || health.Totals["limited"] != 1 || lost != "[{error: ratelimit_backoff 3}]" {
			t.Errorf("%s: totals %v, lost %s; want 1 accepted, 1 limited, 3 lost by ratelimit_backoff", sdk.name, health.Totals, lost)
		}
		page := s.Get("/ingest?window=hour&project=" + id)
		if page.Status != http.StatusOK || !strings.Contains(page.Body, `<td dir="auto">error: ratelimit_backoff</td><td class="num">3</td>`) {
			t.Errorf("%s: the page (%d) does not show it", sdk.name, page.Status)
		}
	}
}

// What is too large costs that event and no other.
func TestTooLargeCostsOneEvent(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	w := newWire(t, s)
	for _, sdk := range []struct {
		name string
		run  func(*testing.T, string) []string
	}{
		{"node", program("node", "node/shop.mjs", "huge")},
		{"go", program(".cache/shop-go", "huge")},
	} {
		_, dsn := newProject(t, s, w, sdk.name, 0)
		sent := sdk.run(t, dsn)
		all := events(t, s, sdk.name)
		if len(sent) != 3 || len(all) != 2 {
			t.Errorf("%s: %d events sent, %d stored, want 3 and 2", sdk.name, len(sent), len(all))
		}
		for _, e := range all {
			if strings.HasPrefix(e.Message, "huge") {
				t.Errorf("%s: the large event is stored", sdk.name)
			}
		}
	}
	if w.codes[http.StatusRequestEntityTooLarge] != 2 {
		t.Errorf("answers %v, want two 413", w.codes)
	}
}

// A page that reports through the relay loses nothing while the error tracker is dead.
func TestTheTunnelKeepsEventsForADeadErrorTracker(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	w := newWire(t, s)
	_, dsn := newProject(t, s, w, "shop", 0)
	dsn = strings.Replace(dsn, w.URL[len("http://"):], s.URL[len("http://"):], 1)
	tunnel := newTunnel(t, s.URL)
	s.Kill()
	sent := openPage(t, url.Values{"dsn": {dsn}, "tunnel": {tunnel}})
	if len(sent) != 2 {
		t.Fatalf("the page sent %d events, want 2", len(sent))
	}
	s.Restart()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		there := events(t, s, "shop")
		if _, first := there[sent[0]]; first {
			if _, second := there[sent[1]]; second && len(there) == 2 {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d events arrived", len(there), len(sent))
		}
	}
}

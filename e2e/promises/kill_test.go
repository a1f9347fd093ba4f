package promises

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// soakNumber is the number in an environment variable, over all four services;
// otherwise the few of every run of the suite.
func soakNumber(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 4 {
		t.Fatalf("%s = %q, want a number of at least 4", variable, text)
	}
	return n
}

// A1: killed at a random moment under load.
func TestKillsLoseAndDoubleNothing(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		const perDatabase = 25 // what is read back grows
		all, acknowledged := soakNumber(t, "SOAK_ROUNDS", 4*4)/4, 0
		var restarts []time.Duration
		for done := 0; done < all; {
			s := m.start(t)
			l := newLoad(m, s)
			if m.shelf != nil {
				m.shelf.Forget()
			}
			for n := 0; n < perDatabase && done < all; n++ {
				l.begin(6)
				time.Sleep(harness.Random(20*time.Millisecond, 300*time.Millisecond))
				s.Kill()
				l.end()
				if n%5 == 0 {
					harness.CheckDatabase(t, s.Database())
				}
				begin := time.Now()
				s.Restart()
				restarts = append(restarts, time.Since(begin))
				l.sendAgain(t)
				done++
				if n%5 == 4 || n == perDatabase-1 || done == all {
					if l.verify(t); t.Failed() {
						t.Fatalf("stopped after round %d", done)
					}
				}
			}
			acknowledged += len(l.acknowledged)
			if code, _ := s.Stop(); code != 0 {
				t.Errorf("exit code %d after SIGTERM", code)
			}
			harness.CheckDatabase(t, s.Database())
		}
		if acknowledged < 5*all {
			t.Fatalf("%d items acknowledged in %d rounds: there was no load", acknowledged, all)
		}
		harness.Note(t, "A1", m.name, "%d kills, %d items acknowledged: lost 0, doubled 0, damaged 0; restart to healthy p50 %v, p99 %v", all, acknowledged,
			harness.Percentile(restarts, 50).Round(time.Millisecond), harness.Percentile(restarts, 99).Round(time.Millisecond))
	})
}

package e2e

import (
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A few rounds for every run of the suite; the soak target does many more.
func TestNothingAcknowledgedIsLostByKillsUnderLoad(t *testing.T) {
	killRounds(t, 30)
}

// killRounds kills the service under load at random moments. After each kill
// the file must be sound, every acknowledged report there, and every event
// counted once however often it was sent.
func killRounds(t *testing.T, rounds int) {
	t.Helper()
	s := harness.Start(t, "error-tracker", "RATE_LIMIT=1000000", "KEEP_OCCURRENCES=50")
	load := harness.NewLoad(s, 8)
	var restarts []time.Duration
	checkEvery := 1 + rounds/100 // the check reads the whole file, which grows
	for round := range rounds {
		load.Start()
		time.Sleep(harness.Random(20*time.Millisecond, 500*time.Millisecond))
		s.Kill()
		load.Stop()
		if round%checkEvery == 0 {
			harness.CheckDatabase(t, s.Database())
		}
		start := time.Now()
		s.Restart()
		restarts = append(restarts, time.Since(start))
		lost, doubled := load.Verify(t)
		if t.Failed() {
			t.Fatalf("stopped after round %d: %d lost, %d counted twice", round+1, lost, doubled)
		}
	}
	acknowledged := load.Acknowledged()
	if acknowledged < int64(rounds) {
		t.Fatalf("only %d reports were acknowledged in %d rounds: there was no load", acknowledged, rounds)
	}
	t.Logf("%d rounds, %d acknowledged reports: 0 lost, 0 counted twice; restart to healthy p50 %v, p99 %v",
		rounds, acknowledged, harness.Percentile(restarts, 50), harness.Percentile(restarts, 99))
	if code, _ := s.Stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	harness.CheckDatabase(t, s.Database())
}

func TestSIGTERMUnderLoadCutsNoRequest(t *testing.T) {
	s := harness.Start(t, "error-tracker", "RATE_LIMIT=1000000")
	load := harness.NewLoad(s, 8)
	for range 3 {
		load.Start()
		time.Sleep(300 * time.Millisecond)
		code, took := s.Stop()
		load.Stop()
		if code != 0 || took > 10*time.Second {
			t.Errorf("SIGTERM under load: exit code %d after %v, want 0 within 10 s", code, took)
		}
		t.Logf("stopped under load in %v", took.Round(time.Millisecond))
		s.Restart()
		load.Verify(t)
	}
	if load.Acknowledged() < 100 {
		t.Errorf("only %d reports were acknowledged: there was no load", load.Acknowledged())
	}
}

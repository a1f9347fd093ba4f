package logs

import (
	"testing"
	"time"
)

func TestWordsAboutALife(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	tests := map[string]struct {
		life         Lifecycle
		words        string
		loop, failed bool
	}{
		"running":                  {Lifecycle{Phase: Running, StartedAt: ago(time.Hour)}, "running", false, false},
		"running after a bad end":  {Lifecycle{Phase: Running, StartedAt: ago(time.Hour), ExitKnown: true, ExitCode: 1, OOMKilled: true}, "running", false, false},
		"restarted before we came": {Lifecycle{Phase: Running, StartedAt: ago(time.Hour), RestartCount: 57}, "running: 57 restarts so far", false, false},
		"one restart":              {Lifecycle{Phase: Running, StartedAt: ago(time.Second), Restarts: 1, RestartCount: 1, ExitKnown: true, ExitCode: 2}, "running: 1 restart in 10 min, last exit 2", false, false},
		"two restarts":             {Lifecycle{Phase: Restarting, StartedAt: ago(time.Second), Restarts: 2, ExitKnown: true, ExitCode: 2}, "restarting: 2 restarts in 10 min, last exit 2", false, true},
		"crash loop, down":         {Lifecycle{Phase: Restarting, StartedAt: ago(time.Second), Restarts: 7, ExitKnown: true, ExitCode: 1}, "crash loop: 7 restarts in 10 min, last exit 1", true, true},
		"crash loop, up":           {Lifecycle{Phase: Running, StartedAt: ago(time.Second), Restarts: 7, ExitKnown: true, ExitCode: 137, OOMKilled: true}, "crash loop: 7 restarts in 10 min, last exit 137, out of memory", true, false},
		"its code was not seen":    {Lifecycle{Phase: Running, StartedAt: ago(time.Second), Restarts: 3}, "crash loop: 3 restarts in 10 min", true, false},
		"up again for good":        {Lifecycle{Phase: Running, StartedAt: ago(6 * time.Minute), Restarts: 7, ExitKnown: true, ExitCode: 1}, "running: 7 restarts in 10 min, last exit 1", false, false},
		"given up":                 {Lifecycle{Phase: Exited, Restarts: 5, RestartCount: 5, ExitKnown: true, ExitCode: 1}, "exited (1): 5 restarts in 10 min", false, true},
		"done":                     {Lifecycle{Phase: Exited, ExitKnown: true}, "exited (0)", false, false},
		"killed for its memory":    {Lifecycle{Phase: Exited, ExitKnown: true, ExitCode: 137, OOMKilled: true}, "exited (137): out of memory", false, true},
		"never started":            {Lifecycle{Phase: Created}, "created", false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.life.Words(now); got != tt.words {
				t.Errorf("words are %q, want %q", got, tt.words)
			}
			if got := tt.life.CrashLoop(now); got != tt.loop {
				t.Errorf("crash loop is %v", got)
			}
			if got := tt.life.Failed(); got != tt.failed {
				t.Errorf("failed is %v", got)
			}
		})
	}
}

func TestRestartsAreForgottenAfterTheWindow(t *testing.T) {
	var r Restarts
	at := time.Date(2026, 11, 20, 12, 0, 30, 0, time.UTC)
	for i := range 25 { // more minutes than there is room for
		r.Add(2, at.Add(time.Duration(i)*time.Minute))
	}
	last := at.Add(24 * time.Minute)
	for after, want := range map[time.Duration]int{0: 20, time.Minute: 18, 9 * time.Minute: 2, 10 * time.Minute: 0, 100 * time.Hour: 0, -time.Minute: 18} {
		if got := r.Count(last.Add(after)); got != want {
			t.Errorf("%s later there are %d restarts, want %d", after, got, want)
		}
	}
	r.Add(1, time.Unix(-90, 0)) // a clock that is wrong
	if got := r.Count(time.Unix(-80, 0)); got != 1 {
		t.Errorf("before 1970 there are %d", got)
	}
}

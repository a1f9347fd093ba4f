package docker

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// engine writes the config of a container when its life changes, as Docker does:
// a running container has ExitCode 0 whatever its last end was, a restart is
// counted when it ends, and what somebody stops and starts counts from 0.
type engine struct {
	w            *world
	c            *writer
	name         string
	started      time.Time
	finished     time.Time
	restarts     int
	raw          string // instead of State
	manuallyDone bool
}

func (e *engine) save(running, restarting, oom bool, code int) {
	e.w.t.Helper()
	state := json.RawMessage(e.raw)
	if e.raw == "" {
		state, _ = json.Marshal(map[string]any{
			"Running": running, "Paused": false, "Restarting": restarting, "OOMKilled": oom, "Dead": false, "Pid": 0,
			"ExitCode": code, "Error": "", "StartedAt": e.started, "FinishedAt": e.finished, "Health": nil,
		})
	}
	config, err := json.Marshal(map[string]any{
		"ID": e.c.id, "Name": "/" + e.name, "Created": e.w.birth(), "State": state, "RestartCount": e.restarts,
		"HasBeenManuallyStopped": e.manuallyDone, "Config": map[string]any{"Image": "shop:1"},
	})
	must(e.w.t, err)
	path := filepath.Join(e.w.dir, e.c.id, configFile)
	must(e.w.t, os.WriteFile(path+".tmp", config, 0o600))
	must(e.w.t, os.Rename(path+".tmp", path))
}

func (w *world) birth() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func (e *engine) start() { e.started = time.Now().UTC(); e.save(true, false, false, 0) }

func (e *engine) fail(code int, oom bool) {
	e.finished = time.Now().UTC()
	e.restarts++
	e.save(true, true, oom, code)
}

func (e *engine) stop(code int, byHand bool) {
	e.finished, e.manuallyDone = time.Now().UTC(), byHand
	e.save(false, false, false, code)
}

// startAgain is docker start.
func (e *engine) startAgain() { e.restarts, e.manuallyDone = 0, false; e.start() }

func (w *world) life(s *Source, name string) *logs.Lifecycle {
	for _, c := range s.Status().Containers {
		if c.Name == name {
			return c.Life
		}
	}
	return nil
}

// sees waits until the source says so about the container.
func (w *world) sees(s *Source, name, words string) {
	w.t.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		got = "unknown"
		if l := w.life(s, name); l != nil {
			got = l.Words(time.Now())
		}
		if got == words {
			return
		}
	}
	w.t.Fatalf("in 20 s never: %q; it is %q", words, got)
}

func TestCrashLoopsAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := &engine{w: w, c: w.container(1, "payments", nil), name: "payments"}
	e.c.write("stderr", "FATAL")
	e.start()
	s, stop := w.start(Options{TailBytes: 1 << 20})
	defer stop()
	w.sees(s, "payments", "running")
	e.fail(1, false)
	w.sees(s, "payments", "restarting: 1 restart in 10 min, last exit 1")
	e.start()
	w.sees(s, "payments", "running: 1 restart in 10 min, last exit 1")
	e.fail(1, false)
	e.start()
	e.fail(137, true)
	w.sees(s, "payments", "crash loop: 3 restarts in 10 min, last exit 137, out of memory")
	if l := w.life(s, "payments"); !l.ExitedAt.Equal(e.finished) || l.RestartCount != 3 {
		t.Errorf("its life is %+v, want the end at %s", l, e.finished)
	}
	e.start()
	w.sees(s, "payments", "crash loop: 3 restarts in 10 min, last exit 137, out of memory")
	e.stop(143, true)
	w.sees(s, "payments", "exited (143): 3 restarts in 10 min")
	// The log is read all the while.
	w.expect("FATAL")
}

// What somebody does by hand is no restart.
func TestStartsByHandAreNoRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := &engine{w: w, c: w.container(1, "web", nil), name: "web"}
	e.start()
	s, stop := w.start(Options{})
	defer stop()
	for range 4 {
		w.sees(s, "web", "running")
		e.stop(137, true)
		w.sees(s, "web", "exited (137)")
		e.startAgain()
	}
	w.sees(s, "web", "running")
	// Something that is not Docker starts it again each time that it fails.
	for range 3 {
		e.stop(1, false)
		w.eventually("exited", func() bool { l := w.life(s, "web"); return l != nil && l.Phase == logs.Exited })
		e.startAgain()
		w.eventually("running", func() bool { l := w.life(s, "web"); return l != nil && l.Phase == logs.Running })
	}
	w.sees(s, "web", "crash loop: 3 restarts in 10 min, last exit 1")
}

// What is not known is not claimed, and takes nothing else away.
func TestNothingIsClaimedOfALifeThatIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"no state": "null", "a list": `[1,2]`, "a text": `"running"`, "an object of others": `{"Running":"yes"}`,
		"a number too large": `{"Running":true,"ExitCode":1e400}`, "no time": `{"Running":true,"StartedAt":"soon"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			e := &engine{w: w, c: w.container(1, "web", nil), name: "web", raw: state}
			e.c.write("stdout", "hello")
			e.start()
			s, stop := w.start(Options{TailBytes: 1 << 20})
			defer stop()
			w.expect("hello")
			if l := w.life(s, "web"); l != nil {
				t.Errorf("of %s it says %+v", state, l)
			}
			e.raw = ""
			e.start()
			w.sees(s, "web", "running")
			must(t, os.WriteFile(filepath.Join(w.dir, e.c.id, "other"), nil, 0o600)) // the folder changes
			must(t, os.WriteFile(filepath.Join(w.dir, e.c.id, configFile), []byte("{"), 0o600))
			must(t, os.WriteFile(filepath.Join(w.dir, e.c.id, "another"), nil, 0o600))
			w.sees(s, "web", "unknown")
		})
	}
}

func TestObservationsOfStrangeConfigs(t *testing.T) {
	at := func(s string) string { return fmt.Sprintf(`{"Running":true,"StartedAt":%q}`, s) }
	for state, want := range map[string]struct {
		ok      bool
		phase   logs.Phase
		started bool
	}{
		at("2026-01-01T00:00:00Z"):             {true, logs.Running, true},
		at("0001-01-01T00:00:00Z"):             {true, logs.Running, false},
		at("1999-01-01T00:00:00Z"):             {true, logs.Running, false},
		`{}`:                                   {true, logs.Created, false},
		`{"Dead":true}`:                        {true, logs.Dead, false},
		`{"Running":true,"Paused":true}`:       {true, logs.Paused, false},
		`{"Running":true,"Restarting":true}`:   {true, logs.Restarting, false},
		`{"StartedAt":"2026-01-01T00:00:00Z"}`: {true, logs.Exited, true},
		``:                                     {false, "", false},
	} {
		o, ok := observe(json.RawMessage(state), json.RawMessage("1"), false)
		if ok != want.ok || ok && (o.phase != want.phase || o.started.IsZero() == want.started) {
			t.Errorf("%s is %+v, %v", state, o, ok)
		}
	}
	for _, count := range []string{"-1", "1000000001", "1e30", `"7"`, "[]"} {
		if o, ok := observe(json.RawMessage(`{"Running":true}`), json.RawMessage(count), false); ok {
			t.Errorf("a count of %s is believed: %+v", count, o)
		}
	}
}

// What happened while nobody looked is not said to have happened just now.
func TestAGapIsNoBurstOfRestarts(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(n int, started time.Time) observation {
		return observation{phase: logs.Running, restarts: n, started: started}
	}
	var none *history
	h := none.with(at(57, now.Add(-time.Second)), now)
	if l := h.lifecycle(now); l.Restarts != 0 || l.RestartCount != 57 {
		t.Errorf("the first look gives %+v", l)
	}
	if l := h.with(at(60, now), now.Add(time.Second)).lifecycle(now.Add(time.Second)); l.Restarts != 3 {
		t.Errorf("3 more in a second give %+v", l)
	}
	later := now.Add(11 * time.Minute)
	if l := h.with(at(99, later), later).lifecycle(later); l.Restarts != 0 {
		t.Errorf("after a gap of 11 minutes there are %+v", l)
	}
	if !strings.Contains(h.lifecycle(now).Words(now), "57 restarts so far") {
		t.Error(h.lifecycle(now).Words(now))
	}
}

// heard is a listener to turns, with the messages that were in the store by then.
type heard struct {
	mu   sync.Mutex
	w    *world
	said []string
}

func (h *heard) turned(t logs.Turn) {
	what := "stopped"
	if t.Started {
		what = "started"
	}
	if t.ExitKnown {
		what += fmt.Sprintf(" (%d, oom %v)", t.ExitCode, t.OOMKilled)
	}
	line := fmt.Sprintf("%s %s, restarts %d, after %d lines", t.Container, what, t.RestartCount, len(h.w.messages()))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, line)
}

func (h *heard) wants(lines ...string) {
	h.w.t.Helper()
	var said []string
	h.w.eventually(fmt.Sprintf("%d turns", len(lines)), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		said = slices.Clone(h.said)
		return len(said) >= len(lines)
	})
	if diff := cmp.Diff(lines, said); diff != "" {
		h.w.t.Fatalf("turns (-want +got):\n%s", diff)
	}
}

func TestStopsAndStartsAreToldAfterTheLinesUntilThen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := &heard{w: w}
	e := &engine{w: w, c: w.container(1, "payments", nil), name: "payments"}
	e.c.write("stdout", "begin")
	e.start()
	_, stop := w.start(Options{TailBytes: 1 << 20, Turned: h.turned})
	defer stop()
	w.expect("begin")
	// The last line is an entry that is still open when the container is seen to have stopped.
	e.c.write("stdout", "working")
	e.c.write("stderr", "Traceback (most recent call last):\n", "  File \"a.py\", line 1, in f\n", "ValueError: no token\n")
	e.fail(1, false)
	h.wants("payments stopped (1, oom false), restarts 1, after 3 lines")
	e.start()
	h.wants("payments stopped (1, oom false), restarts 1, after 3 lines", "payments started, restarts 1, after 3 lines")
	e.stop(137, true)
	// One that is made meanwhile is told too, one that ended long ago is not.
	old := &engine{w: w, c: w.container(2, "old", nil), name: "old", started: time.Now().Add(-2 * time.Hour), finished: time.Now().Add(-time.Hour)}
	old.save(false, false, false, 1)
	w.eventually("137", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.said) == 3 })
	fresh := &engine{w: w, c: w.container(3, "fresh", nil), name: "fresh"}
	fresh.start()
	h.wants("payments stopped (1, oom false), restarts 1, after 3 lines", "payments started, restarts 1, after 3 lines",
		"payments stopped (137, oom false), restarts 1, after 3 lines", "fresh started, restarts 0, after 3 lines")
}

func TestTurnsOfStrangeHistories(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	running := &history{last: observation{phase: logs.Running, started: at(-100)}, at: at(-5)}
	stopped := &history{last: observation{phase: logs.Exited, started: at(-100), finished: at(-50), hasExited: true}, at: at(-5)}
	for name, test := range map[string]struct {
		h    *history
		o    observation
		want []string
	}{
		"nothing changed":           {running, running.last, nil},
		"the first look":            {nil, observation{started: at(-1)}, nil},
		"a look after a long time":  {&history{last: running.last, at: at(-601)}, observation{started: at(-1)}, nil},
		"it started again unseen":   {running, observation{started: at(-1), finished: at(-2), restarts: 4}, []string{"stopped -2 unknown 4", "started -1 unknown 4"}},
		"it ran for a moment":       {stopped, observation{started: at(-4), finished: at(-3), hasExited: true}, []string{"started -4 unknown 0", "stopped -3 known 0"}},
		"it ended long before that": {running, observation{started: at(-100), finished: at(-700), hasExited: true}, nil},
		"its clock went back":       {stopped, observation{started: at(-200), finished: at(-150)}, nil},
	} {
		var got []string
		for _, turn := range test.h.turns("web", test.o, now) {
			what, known := "stopped", "unknown"
			if turn.Started {
				what = "started"
			}
			if turn.ExitKnown {
				known = "known"
			}
			got = append(got, fmt.Sprintf("%s %.0f %s %d", what, turn.At.Sub(now).Seconds(), known, turn.RestartCount))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

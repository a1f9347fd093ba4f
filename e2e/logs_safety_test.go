package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A copy that is made while lines come in is whole: what was acknowledged before
// is in it and is found, and the service runs on it.
func TestABackupOfLogsUnderLoadIsWhole(t *testing.T) {
	s, _ := startLogs(t)
	var acknowledged atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			var body strings.Builder
			for k := range 500 {
				fmt.Fprintf(&body, `{"container":"load","message":"line %d of batch%d at 10.0.0.%d"}`+"\n", k, i, k%256)
			}
			r, err := s.Try(harness.Request{Method: http.MethodPost, Path: "/api/logs", Body: body.String()})
			if err != nil || r.Status != http.StatusAccepted {
				t.Errorf("send: %d %.200s %v", r.Status, r.Body, err)
				return
			}
			acknowledged.Add(500)
		}
	}()
	eventually(t, "some blocks", func() bool { return acknowledged.Load() > 30_000 })
	before := acknowledged.Load()
	folder := t.TempDir()
	out, code := s.Run("--backup", filepath.Join(folder, "log-viewer.db"))
	close(stop)
	<-done
	if code != 0 {
		t.Fatalf("--backup exits %d: %s", code, out)
	}
	harness.CheckDatabase(t, filepath.Join(folder, "log-viewer.db"))
	r := harness.StartIn(t, folder, "log-viewer", "LOG_SOURCES="+t.TempDir())
	total := int64(searchLogs(t, r, "container=load&count=1").Total)
	if total < before || total > acknowledged.Load() || total%500 != 0 {
		t.Errorf("the copy has %d lines; %d were acknowledged before it and %d after, in batches of 500", total, before, acknowledged.Load())
	}
	for _, search := range []string{"batch0", `"line 77 of batch3 at"`, fmt.Sprintf("batch%d", before/500-1)} {
		if p := searchLogs(t, r, "search="+strings.NewReplacer(" ", "+", `"`, "%22").Replace(search)); p.Total == 0 {
			t.Errorf("%s is not found in the copy", search)
		}
	}
	t.Logf("%d lines before, %d in the copy", before, total)
}

func TestADamagedLogDatabaseIsRefusedAndKept(t *testing.T) {
	s, _ := startLogs(t)
	if code, _ := s.Stop(); code != 0 {
		t.Fatal("stop failed")
	}
	text := strings.Repeat("this is not a database\n", 1000)
	if err := os.WriteFile(s.Database(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := s.Run()
	if code != 1 || !strings.Contains(out, s.Database()) {
		t.Errorf("start on a damaged file exits %d: %s, want 1 and the path", code, out)
	}
	if now, err := os.ReadFile(s.Database()); err != nil || string(now) != text {
		t.Errorf("the damaged file was changed (%v)", err)
	}
}

// Neither the key nor what lines and searches say gets into the service's own log,
// but for the value that a refused request is refused for, at debug level.
func TestSecretsOfTheLogViewerAreNotInItsLog(t *testing.T) {
	s, folder := startLogs(t, "LOG_LEVEL=debug")
	c := newContainer(t, folder, "c1", "secret-holder")
	c.write("stdout", "password=canary-line-71f2")
	s.Post("/api/logs", `{"container":"x","message":"token canary-line-71f2"}`)
	s.Get("/api/logs?search=canary-line-71f2")
	s.Get("/api/logs?search=%22open&container=canary-line-71f2")
	s.Get("/?search=canary-line-71f2")
	s.Do(harness.Request{Path: "/api/logs?api_key=" + harness.Key, NoKey: true})
	s.Do(harness.Request{Method: http.MethodPost, Path: "/sign-in", NoKey: true, Body: "key=" + harness.Key + "&return=/", Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
	eventually(t, "the line of the container", func() bool { return searchLogs(t, s, "container=secret-holder").Total == 1 })
	time.Sleep(100 * time.Millisecond)
	s.Stop()
	for _, secret := range []string{harness.Key, "canary-line-71f2"} {
		if i := strings.Index(s.Log(), secret); i >= 0 {
			t.Errorf("the log holds %q: …%q", secret, s.Log()[max(0, i-80):i])
		}
	}
	if !strings.Contains(strings.ToLower(s.Log()), `"level":"debug"`) {
		t.Error("the service did not log at debug level: this test saw too little")
	}
	files, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files of the database: %v, %v", files, err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err != nil || strings.Contains(string(text), harness.Key) {
			t.Errorf("%s holds the key (%v)", f, err)
		}
	}
}

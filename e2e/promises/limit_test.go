//go:build soak

package promises

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// limit64 are the settings with which a service that may have more by default
// runs in 64 MiB, and so all four in as much as the smallest machines have.
var limit64 = map[string][]string{"log-viewer": {"MEMORY_LIMIT=48MB"}, "metrics-collector": {"MAX_SERIES=20000"}}

// B7: each service runs under load and attack within its memory limit. The kernel
// would kill it otherwise.
func TestServicesRunWithinTheirMemoryLimits(t *testing.T) {
	if !harness.NeedRoot(t, "make a control group") {
		return
	}
	each(t, func(t *testing.T, m *model) { runWithin(t, m, memoryLimits[m.name]) })
}

// B7 on a small machine.
func TestServicesRunWithin64MB(t *testing.T) {
	if !harness.NeedRoot(t, "make a control group") {
		return
	}
	each(t, func(t *testing.T, m *model) { runWithin(t, m, 64<<20, limit64[m.name]...) })
}

// runWithin gives a service so many bytes of memory, sixteen clients and four
// attackers with bodies that become large.
func runWithin(t *testing.T, m *model, bytes int64, settings ...string) {
	group, limit, current := controlGroup(t, m.name)
	if err := os.WriteFile(filepath.Join(group, limit), []byte(strconv.FormatInt(bytes, 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	m.settings = append(m.settings, settings...)
	s := m.attachedIn(t, t.TempDir())
	if !s.RestartUnder("/bin/sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(group, "cgroup.procs")) {
		t.Fatal("it does not start in the group")
	}
	length := time.Duration(soakNumber(t, "SOAK_LIMIT_SECONDS", 20)) * time.Second
	bomb := squeezed(t, io.LimitReader(zeros{}, 256<<20))
	var bombs atomic.Int64
	var attackers sync.WaitGroup
	l := newLoad(m, s)
	l.begin(16)
	for range 4 {
		attackers.Go(func() {
			for begin := time.Now(); time.Since(begin) < length && s.Running(); {
				r := m.put(1_000_000)
				r.Body, r.Header["Content-Encoding"] = bomb, "gzip"
				if got, err := s.Try(r); err == nil && (got.Status == http.StatusRequestEntityTooLarge || got.Status == http.StatusBadRequest) {
					bombs.Add(1)
				}
			}
		})
	}
	attackers.Wait()
	l.end()
	if !s.Running() {
		t.Fatal("it was killed")
	}
	_, peak := s.Memory()
	text, err := os.ReadFile(filepath.Join(group, current))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.acknowledged) < 100 || bombs.Load() < 10 {
		t.Errorf("%d items and %d bombs: there was no load", len(l.acknowledged), bombs.Load())
	}
	harness.Note(t, "B7", m.name, "%v of load and bombs in a limit of %d MiB (%s): %d items, %d bombs refused, not killed; peak of its own %.1f MB", length, bytes>>20, strings.TrimSpace(string(text)), len(l.acknowledged), bombs.Load(), float64(peak)/1e6)
	s.Kill()
}

// controlGroup makes a group, of version 1 or 2.
func controlGroup(t *testing.T, name string) (folder, limit, current string) {
	t.Helper()
	root, limit, current := "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.failcnt"
	if _, err := os.Stat(root); err != nil {
		root, limit, current = "/sys/fs/cgroup", "memory.max", "memory.events"
	}
	folder = filepath.Join(root, fmt.Sprintf("monlight-e2e-%d-%s", os.Getpid(), name))
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for begin := time.Now(); os.Remove(folder) != nil; time.Sleep(50 * time.Millisecond) {
			if time.Since(begin) > 5*time.Second {
				t.Errorf("%s stays", folder)
				return
			}
		}
	})
	return folder, limit, current
}

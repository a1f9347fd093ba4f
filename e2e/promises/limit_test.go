//go:build soak

package promises

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// B7: each service runs under load within its memory limit. The kernel would
// kill it otherwise.
func TestServicesRunWithinTheirMemoryLimits(t *testing.T) {
	if !harness.NeedRoot(t, "make a control group") {
		return
	}
	each(t, func(t *testing.T, m *model) {
		group, limit, current := controlGroup(t, m.name)
		if err := os.WriteFile(filepath.Join(group, limit), []byte(strconv.FormatInt(memoryLimits[m.name], 10)), 0o600); err != nil {
			t.Fatal(err)
		}
		s := m.attachedIn(t, t.TempDir())
		if !s.RestartUnder("/bin/sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(group, "cgroup.procs")) {
			t.Fatal("it does not start in the group")
		}
		length := time.Duration(soakNumber(t, "SOAK_LIMIT_SECONDS", 20)) * time.Second
		l := newLoad(m, s)
		l.begin(16)
		time.Sleep(length)
		l.end()
		if !s.Running() {
			t.Fatal("it was killed")
		}
		_, peak := s.Memory()
		text, err := os.ReadFile(filepath.Join(group, current))
		if err != nil {
			t.Fatal(err)
		}
		if len(l.acknowledged) < 100 {
			t.Error("there was no load")
		}
		harness.Note(t, "B7", m.name, "%v of load in a limit of %d MiB (%s): %d items, not killed; peak of its own %.1f MB", length, memoryLimits[m.name]>>20, strings.TrimSpace(string(text)), len(l.acknowledged), float64(peak)/1e6)
		s.Kill()
	})
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

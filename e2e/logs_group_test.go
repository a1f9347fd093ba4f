package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// nobody is a user and a group that own nothing on any host, as in the images.
const nobody = 65532

// Reading the lines of containers does not take root: a group, or an access
// control list, that opens the log files to it is enough. What stays closed,
// the settings of the containers, is done without.
func TestLinesAreReadWithoutRoot(t *testing.T) {
	if !harness.NeedRoot(t, "give files to another group") {
		return
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Fatalf("setpriv is needed (apt-get install util-linux): %v", err)
	}
	folder, data := t.TempDir(), t.TempDir()
	for _, dir := range []string{folder, data} {
		if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // the folder of the test
			t.Fatal(err)
		}
	}
	open := newContainer(t, folder, "a1", "open")
	shut := newContainer(t, folder, "b2", "shut")
	open.write("stdout", "a line for the group")
	shut.write("stdout", "a line for root alone")
	// As "chgrp -R 65532; chmod g+rX" does it: folders and logs, not config.v2.json.
	for path, mode := range map[string]os.FileMode{
		folder: 0o750, filepath.Dir(open.log): 0o750, open.log: 0o640, filepath.Dir(shut.log): 0o750, shut.log: 0o600,
	} {
		if err := os.Chown(path, 0, nobody); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(data, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	s := harness.NewIn(t, data, "log-viewer", "LOG_SOURCES="+folder, "POLL_INTERVAL=100ms")
	if !s.RestartUnder("setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs") {
		t.Fatalf("no start without root:\n%s", s.Log())
	}
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.PID()), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532", "Gid:\t65532\t65532\t65532\t65532", "CapEff:\t0000000000000000"} {
		if !strings.Contains(string(status), want) {
			t.Fatalf("the service runs with more than it was given: no %q in\n%s", want, status)
		}
	}
	eventually(t, "the line", func() bool { return searchLogs(t, s, "search=group").Total == 1 })
	open.write("stdout", "a second one for the group")
	eventually(t, "what is written later", func() bool { return searchLogs(t, s, "search=group").Total == 2 })
	p := searchLogs(t, s, "search=group&limit=1")
	if got := p.Logs[0].Container; got != strings.Repeat("a1", 6) {
		t.Errorf("a container whose settings are closed is called %q, want the first 12 digits of its id", got)
	}
	if n := searchLogs(t, s, "search=alone").Total; n != 0 {
		t.Errorf("%d lines of a file that is closed", n)
	}
	eventually(t, "a word about the file that is closed", func() bool {
		return strings.Contains(s.Log(), `"container log cannot be read"`) && strings.Contains(s.Log(), "b2b2b2b2b2b2-json.log: permission denied")
	})
}

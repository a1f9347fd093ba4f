package promises

import (
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// A2: killed at the K-th system call of each kind that changes files, while it
// starts on what an earlier kill left, takes items, and moves its log into the
// database.
func TestKillsAtEverySystemCall(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		most := soakNumber(t, "SOAK_SYSCALLS", 5)
		s := m.start(t, "GOMAXPROCS=1") // strace counts the calls of each thread for itself
		l := newLoad(m, s)
		killed, survived := map[string]int{}, 0
		for _, name := range []string{"pwrite64", "fsync", "ftruncate", "unlink"} {
			for k := 1; k <= most; k++ {
				if k%2 == 0 {
					_, _ = s.Stop() // a start on a database that was closed, and one on what a kill left
				} else {
					s.Kill()
				}
				healthy := s.RestartUnder(tracer(t, "-o", "/dev/null", "-e", "trace="+name, "-e", inject(name, "signal=SIGKILL", k))...)
				for n := 0; healthy && n < 20; n++ {
					if !l.one() {
						break
					}
				}
				over := false
				if s.Running() { // the last calls are those of its end
					code, _ := s.Stop()
					over = code == 0
				}
				if over { // it had no K-th call
					survived++
				} else {
					killed[name]++
				}
				s.Restart()
				l.sendAgain(t)
				if over {
					break
				}
			}
			if l.verify(t); t.Failed() {
				t.Fatalf("stopped after kills at %s", name)
			}
		}
		s.Kill()
		harness.CheckDatabase(t, s.Database())
		if killed["pwrite64"] < min(most, 3) || killed["fsync"] < min(most, 3) {
			t.Errorf("killed only at %v: the test saw too little", killed)
		}
		if n := len(l.acknowledged); n < 20 {
			t.Errorf("%d items were acknowledged: the test saw too little", n)
		}
		harness.Note(t, "A2", m.name, "killed at %d pwrite64, %d fsync, %d ftruncate, %d unlink: lost 0 of %d, doubled 0, damaged 0", killed["pwrite64"], killed["fsync"], killed["ftruncate"], killed["unlink"], len(l.acknowledged))
	})
}

// A2 for copies: a backup that is killed at the K-th call that changes files, the
// rename that puts it in its place included, leaves the backup before or a whole
// new one.
func TestABackupIsKilledAtEverySystemCall(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		found, elsewhere := m.found, []string(nil)
		if m.shelf != nil { // what is delivered is in no copy: nothing is, but by the restored one
			m.shelf.Close(true)
			own := harness.NewShelf(t)
			found, elsewhere = foundOnShelf(own), []string{"ERROR_TRACKER_URL=" + own.URL, "METRICS_COLLECTOR_URL=" + own.URL}
		}
		s := m.start(t)
		l := newLoad(m, s)
		for range 20 {
			l.one()
		}
		dir := t.TempDir()
		copied := filepath.Join(dir, m.name+".db")
		if out, code := s.Run("--backup", copied); code != 0 {
			t.Fatalf("--backup exits %d: %s", code, out)
		}
		first := slices.Clone(l.acknowledged)
		for range 20 {
			l.one()
		}
		killed := map[string]int{}
		for _, name := range []string{"pwrite64", "fsync", "rename,renameat,renameat2", "unlink,unlinkat"} {
			for k := 1; k <= soakNumber(t, "SOAK_SYSCALLS", 5); k++ {
				_, code := s.RunUnder(tracer(t, "-o", "/dev/null", "-e", "trace="+name, "-e", inject(name, "signal=SIGKILL", k)), "--backup", copied)
				if out, code := s.Run("--verify-backup", copied); code != 0 {
					t.Fatalf("after a kill at %s number %d the backup is not whole: %s", name, k, out)
				}
				if code == 0 {
					break // it had no K-th call
				}
				killed[name]++
			}
		}
		restored := m.startIn(t, dir, elsewhere...)
		compare(t, m.name, first, found(t, restored))
		if killed["pwrite64"] < 3 || killed["fsync"] < 1 || killed["rename,renameat,renameat2"] < 1 {
			t.Errorf("killed only at %v: the test saw too little", killed)
		}
		harness.Note(t, "A2", m.name, "a backup killed at %d pwrite64, %d fsync, %d rename, %d unlink: whole each time, %d items of the first one there", killed["pwrite64"], killed["fsync"], killed["rename,renameat,renameat2"], killed["unlink,unlinkat"], len(first))
	})
}

// A5: the disk fails to sync. The client hears of it, nothing is acknowledged
// that is not there, and what is sent again counts once.
func TestAFailedSyncIsNoFalseAnswer(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		refused, kept := whileItFails(t, m, "fsync", "EIO", []int{3, 4, 5, 6}, func(status int) bool { return status >= 500 })
		harness.Note(t, "A5", m.name, "%d items met EIO at fsync and were answered with an error; of %d acknowledged lost 0; sent again: doubled 0", refused, kept)
	})
}

// A4: the disk says in the middle of a write that it is full, as one does that
// others fill, too. That is a 503, and nothing of it stays.
func TestAWriteThatFindsNoRoomIsRefused(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		refused, kept := whileItFails(t, m, "pwrite64", "ENOSPC", []int{16, 24, 32, 40, 48, 56}, func(status int) bool { return status == http.StatusServiceUnavailable })
		harness.Note(t, "A4", m.name, "%d items met ENOSPC in a write and were answered with 503; of %d acknowledged lost 0; sent again: doubled 0", refused, kept)
	})
}

// whileItFails lets one call of a kind fail, the k-th of each thread, and wants
// the items that meet it to be refused. It returns how many were, and how many
// were acknowledged and found.
func whileItFails(t *testing.T, m *model, call, failure string, ks []int, refusal func(status int) bool) (refused, kept int) {
	s := m.start(t, "GOMAXPROCS=1") // strace counts the calls of each thread for itself
	l := newLoad(m, s)
	for _, k := range ks {
		s.Kill()
		if !s.RestartUnder(tracer(t, "-o", "/dev/null", "-e", "trace="+call, "-e", inject(call, "error="+failure, k))...) {
			s.Restart() // the disk failed while it started: it refused, and starts when the disk works
			continue
		}
		for range 12 {
			r, err := s.Try(m.put(l.next))
			l.mu.Lock()
			n := l.next
			l.next++
			switch {
			case err == nil && (r.Status == m.accepted[0] || r.Status == m.accepted[len(m.accepted)-1]):
				l.acknowledged = append(l.acknowledged, n)
			case err == nil && refusal(r.Status): // says that it is not known
				refused++
				l.unknown = append(l.unknown, n)
			default:
				t.Errorf("an item while %s gives %s: %d %s, %v", call, failure, r.Status, r.Body, err)
			}
			l.mu.Unlock()
		}
		s.Kill()
		s.Restart()
		l.sendAgain(t)
		l.verify(t)
	}
	if refused == 0 {
		t.Errorf("no item met %s at %s: the test saw nothing", failure, call)
	}
	s.Kill()
	harness.CheckDatabase(t, s.Database())
	return refused, len(l.acknowledged)
}

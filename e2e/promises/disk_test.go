package promises

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A4: somebody fills the disk. What comes in is refused with 503 and a time,
// reading goes on, and as soon as there is room again it is taken, without a
// restart. Nothing that was acknowledged before, meanwhile or after is lost.
func TestAFullDiskIsRefusedAndLeftBehind(t *testing.T) {
	if !harness.NeedRoot(t, "mount a small disk") {
		return
	}
	each(t, func(t *testing.T, m *model) {
		disk := harness.Disk(t, "24m")
		if m.shelf != nil {
			m.shelf.Close(true)
		}
		s := m.startIn(t, disk)
		l := newLoad(m, s)
		for range 20 {
			l.one()
		}
		filler := filepath.Join(disk, "filler")
		harness.Fill(t, filler)
		refused := 0
		for begin := time.Now(); refused < 20 && time.Since(begin) < 20*time.Second; {
			if l.one() {
				continue // there may be room in the log, and free space is looked at now and then
			}
			refused++
			if r := s.Do(m.put(l.next - 1)); r.Status == 503 && r.Header.Get("Retry-After") == "" {
				t.Errorf("503 without Retry-After: %s", r.Body)
			}
		}
		if refused < 20 {
			t.Errorf("%d items were taken on a full disk, %d refused", len(l.acknowledged), refused)
		}
		for _, path := range []string{"/health", "/", "/metrics"} {
			if r := s.Get(path); r.Status != 200 {
				t.Errorf("GET %s on a full disk: %d %.200s", path, r.Status, r.Body)
			}
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for !l.one() {
			if time.Since(begin) > 20*time.Second {
				t.Fatal("nothing is taken 20 s after there is room again")
			}
			time.Sleep(10 * time.Millisecond)
		}
		took := time.Since(begin)
		l.sendAgain(t)
		l.verify(t)
		s.Kill()
		harness.CheckDatabase(t, s.Database())
		harness.Note(t, "A4", m.name, "refused with 503 and Retry-After, reads went on, room to the first 2xx %v; lost 0, doubled 0, other 5xx 0", took.Round(10*time.Millisecond))
	})
}

// damage is what can happen to a database file.
type damage struct {
	name string
	do   func(file []byte) []byte
}

func over(at int, with ...byte) func([]byte) []byte {
	return func(file []byte) []byte { copy(file[at:], with); return file }
}

// A6: the file is damaged. The service does not start, says which file it is and
// what to do, and changes nothing.
func TestDamagedDatabasesAreRefused(t *testing.T) {
	ones := bytes.Repeat([]byte{0xff}, 200)
	damages := []damage{
		{"text", func([]byte) []byte { return bytes.Repeat([]byte("not a database\n"), 3000) }},
		{"header", over(3, 'X')},
		{"page size", over(16, 0, 7)},
		{"schema page", over(100, ones...)},
		{"half of the file", func(file []byte) []byte { return file[:len(file)/2] }},
		{"the header only", func(file []byte) []byte { return file[:100] }},
		{"zeros", func(file []byte) []byte { return make([]byte, len(file)) }},
		{"every page", func(file []byte) []byte {
			for at := 8192; at < len(file); at += 4096 {
				copy(file[at:], ones)
			}
			return file
		}},
	}
	each(t, func(t *testing.T, m *model) {
		s := m.start(t)
		l := newLoad(m, s)
		for range 100 {
			l.one()
		}
		if code, _ := s.Stop(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		sound := files(t, s.Dir)
		for _, d := range damages {
			for name := range files(t, s.Dir) {
				if err := os.Remove(filepath.Join(s.Dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(s.Database(), d.do(bytes.Clone(sound[filepath.Base(s.Database())])), 0o600); err != nil {
				t.Fatal(err)
			}
			before, said := contents(t, s.Dir), len(s.Log())
			if s.TryRestart() {
				t.Errorf("%s: it started", d.name)
				s.Kill()
				continue
			}
			log := s.Log()[said:]
			if !strings.Contains(log, s.Database()) || !strings.Contains(log, "backup") || strings.Contains(log, "panic") {
				t.Errorf("%s: it did not say what is damaged and what to do: %.500s", d.name, log)
			}
			if contents(t, s.Dir) != before {
				t.Errorf("%s: the damaged files were changed", d.name)
			}
		}
		harness.Note(t, "A6", m.name, "%d kinds of damage: refused with path and what to do, files left alone; panics 0", len(damages))
	})
}

// A7: a copy that is made under load is whole and has all that was acknowledged before it began.
func TestBackupsUnderLoadAreWhole(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		found, elsewhere := m.found, []string(nil)
		if m.shelf != nil { // what is delivered is in no copy: nothing is, but by the restored one
			m.shelf.Close(true)
			own := harness.NewShelf(t)
			found, elsewhere = foundOnShelf(own), []string{"ERROR_TRACKER_URL=" + own.URL, "METRICS_COLLECTOR_URL=" + own.URL}
		}
		s := m.start(t)
		l := newLoad(m, s)
		l.begin(4)
		for range 3 {
			time.Sleep(150 * time.Millisecond)
			l.mu.Lock()
			before := slices.Clone(l.acknowledged)
			l.mu.Unlock()
			dir := t.TempDir()
			copied := filepath.Join(dir, m.name+".db")
			if out, code := s.Run("--backup", copied); code != 0 {
				t.Fatalf("--backup exits %d: %s", code, out)
			}
			harness.CheckDatabase(t, copied)
			restored := m.startIn(t, dir, elsewhere...)
			compare(t, m.name, before, found(t, restored))
			restored.Kill()
			if len(before) == 0 {
				t.Error("nothing was acknowledged before the copy")
			}
		}
		l.end()
		harness.Note(t, "A7", m.name, "3 copies under load, restored and read back: all that was acknowledged before is there, damaged 0, failed 0")
	})
}

// B11: SIGTERM under load. It ends soon, with 0, and what was answered is there.
func TestStopsUnderLoadAreClean(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		s := m.start(t)
		l := newLoad(m, s)
		var longest time.Duration
		for range 2 {
			l.begin(6)
			time.Sleep(200 * time.Millisecond)
			code, took := s.Stop()
			l.end()
			if code != 0 || took > 10*time.Second {
				t.Errorf("SIGTERM under load: exit code %d after %v, want 0 within 10 s", code, took)
			}
			longest = max(longest, took)
			harness.CheckDatabase(t, s.Database())
			s.Restart()
			l.sendAgain(t)
			l.verify(t)
		}
		if len(l.acknowledged) < 20 {
			t.Error("there was no load")
		}
		harness.Note(t, "B11", m.name, "exit 0 after at most %v under load; of %d acknowledged lost 0, doubled 0", longest.Round(time.Millisecond), len(l.acknowledged))
	})
}

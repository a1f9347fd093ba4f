package promises

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// A3: the power fails. What a service writes is recorded; from the record
// images of its disk are rebuilt as they may be after a power cut at a random
// moment: what was synced is there, of everything since then a random part,
// torn at sectors. A service started on such an image has every item that was
// acknowledged before the cut, once, also after its clients have sent the
// others again.
func TestPowerCutsLoseNothing(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		all := soakNumber(t, "SOAK_CUTS", 4*4) / 4
		const perRecord = 25
		sum := cutResult{}
		for done := 0; done < all; done += perRecord {
			r := newRecord(t, m)
			sum.add(r.cuts(t, min(perRecord, all-done)))
			if t.Failed() {
				t.Fatalf("stopped after %d cuts", done+perRecord)
			}
		}
		if sum.torn == 0 || sum.acknowledged == 0 {
			t.Errorf("%+v: the test saw too little", sum)
		}
		harness.Note(t, "A3", m.name, "%d power cuts, %d of them with unsynced writes, %d acknowledged items checked: lost 0, doubled 0, damaged 0", sum.cuts, sum.torn, sum.acknowledged)
	})
}

// The same for the setting that gives up the promise: it shows that the
// rebuilt images see a difference.
func TestPowerCutsWithoutSyncsDoLose(t *testing.T) {
	m := models(t)[2]
	r := newRecord(t, m, "DURABILITY=normal")
	lossy := 0
	const cuts = 5
	for n := range cuts {
		image := r.image(t, len(r.calls)*(n+1)/(cuts+1))
		s := m.startIn(t, image.dir)
		found := m.found(t, s)
		if slices.ContainsFunc(image.acknowledged, func(n int) bool { return found[n] == 0 }) {
			lossy++
		}
		s.Kill()
		harness.CheckDatabase(t, s.Database())
	}
	if lossy == 0 {
		t.Error("without syncs no cut lost an acknowledged item: the images are too kind")
	}
	harness.Note(t, "A3", m.name, "for comparison with DURABILITY=normal: %d of %d cuts lost acknowledged items, damaged 0", lossy, cuts)
}

type cutResult struct{ cuts, torn, acknowledged int }

func (c *cutResult) add(o cutResult) {
	c.cuts += o.cuts
	c.torn += o.torn
	c.acknowledged += o.acknowledged
}

// record is what a service did to its files.
type record struct {
	m        *model
	settings []string
	database string
	base     map[string][]byte // the files before, all synced
	calls    []call            // of its files, and its answers
	sent     int
}

func newRecord(t *testing.T, m *model, settings ...string) *record {
	t.Helper()
	s := m.start(t, settings...)
	l := newLoad(m, s)
	for range 20 {
		l.one()
	}
	if code, _ := s.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	r := &record{m: m, settings: settings, database: s.Database(), base: files(t, s.Dir)}
	if m.shelf != nil {
		m.shelf.Close(true) // so that what the relay takes stays on its disk
	}
	trace := filepath.Join(t.TempDir(), "trace")
	if !s.RestartUnder(tracer(t, "-o", trace, "-y", "-xx", "-s", "70000", "--seccomp-bpf", "-e", "trace=openat,write,pwrite64,ftruncate,fsync,fdatasync,unlink,unlinkat")...) {
		t.Fatal("the service does not start under strace")
	}
	l.begin(4)
	for begin := time.Now(); l.count() < 300 && time.Since(begin) < 20*time.Second; {
		time.Sleep(20 * time.Millisecond)
	}
	l.end()
	if code, _ := s.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for _, text := range l.odd {
		t.Errorf("answered with %s", text)
	}
	r.sent = l.next
	syncs := 0
	for _, c := range readTrace(t, trace) {
		if c.fd >= 0 && of(r.database, c.path) && c.name != "write" || c.answered() >= 0 || (c.create || strings.HasPrefix(c.name, "unlink")) && of(r.database, c.path) {
			r.calls = append(r.calls, c)
		}
		if c.name == "fdatasync" && of(r.database, c.path) {
			t.Fatal("SQLite calls fdatasync: the test has to learn it")
		}
		if c.name == "fsync" {
			syncs++
		}
	}
	if len(r.calls) < 30 || syncs < 2 {
		t.Fatalf("only %d calls and %d syncs were recorded", len(r.calls), syncs)
	}
	return r
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func (r *record) cuts(t *testing.T, n int) cutResult {
	t.Helper()
	var sum cutResult
	for i := range n {
		at := 1 + rand.IntN(len(r.calls))
		if i%2 == 0 {
			at = 1 + len(r.calls)/2 + rand.IntN(len(r.calls)/2) // when much is acknowledged
		}
		image := r.image(t, at)
		if r.m.shelf != nil {
			r.m.shelf.Forget()
			r.m.shelf.Close(false)
		}
		s := r.m.startIn(t, image.dir, r.settings...)
		before := image.acknowledged
		if r.m.shelf == nil { // those were there before the record, and stay
			for n := range 20 {
				before = append(before, n)
			}
		}
		compare(t, r.m.name, before, r.m.found(t, s))
		l := newLoad(r.m, s)
		for n := 20; n < r.sent && len(l.unknown) < 30; n++ {
			if !slices.Contains(image.acknowledged, n) {
				l.unknown = append(l.unknown, n)
			}
		}
		l.sendAgain(t)
		compare(t, r.m.name, append(l.acknowledged, before...), r.m.found(t, s))
		s.Kill()
		harness.CheckDatabase(t, s.Database())
		if t.Failed() {
			t.Fatalf("cut before call %d of %d", image.at, len(r.calls))
		}
		sum.cuts++
		sum.acknowledged += len(image.acknowledged)
		if image.pending > 0 {
			sum.torn++
		}
		if err := os.RemoveAll(image.dir); err != nil {
			t.Fatal(err)
		}
	}
	return sum
}

// image is a folder as it may be after a power cut.
type image struct {
	dir          string
	at           int // the call before which the power failed
	acknowledged []int
	pending      int // writes that were not synced
}

// sector is what a disk writes whole.
const sector = 512

// image rebuilds the files as they may be when the power fails before call at.
func (r *record) image(t *testing.T, at int) image {
	t.Helper()
	line := r.calls[at-1].begin
	im := image{dir: t.TempDir(), at: at}
	content := map[string][]byte{}
	for name, text := range r.base {
		content[name] = slices.Clone(text)
	}
	for i, c := range r.calls[:at] {
		if n := c.answered(); n >= 0 {
			im.acknowledged = append(im.acknowledged, n)
			continue
		}
		name := filepath.Base(c.path)
		if strings.HasSuffix(name, "-shm") || c.name == "fsync" || c.end > 0 && c.result < 0 {
			continue
		}
		synced := r.synced(i, c, at, line)
		if !synced {
			im.pending++
		}
		switch c.name {
		case "openat":
			if _, there := content[name]; !there && c.create && (synced || rand.IntN(2) == 0) {
				content[name] = nil
			}
		case "unlink", "unlinkat":
			if synced || rand.IntN(2) == 0 {
				delete(content, name)
			}
		case "ftruncate":
			if synced || rand.IntN(2) == 0 {
				content[name] = resize(content[name], c.offset)
			}
		case "pwrite64":
			content[name] = write(content[name], c, synced)
		}
	}
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(im.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return im
}

// synced tells whether a sync that began after call i had returned was over
// before the power failed. A sync of a file keeps its name and length, too.
func (r *record) synced(i int, c call, at, line int) bool {
	if c.end == 0 {
		return false
	}
	for _, s := range r.calls[i+1 : at] {
		if s.name != "fsync" || s.begin < c.end || s.end == 0 || s.end > line || s.result != 0 {
			continue
		}
		if s.path == c.path || strings.HasPrefix(c.name, "unlink") {
			return true
		}
	}
	return false
}

func resize(text []byte, length int64) []byte {
	if int64(len(text)) >= length {
		return text[:length]
	}
	return append(text, make([]byte, length-int64(len(text)))...)
}

// write puts in what was written, or, unsynced, none, all, or some sectors of it.
func write(text []byte, c call, synced bool) []byte {
	fate := rand.IntN(4)
	if !synced && fate == 0 {
		return text
	}
	if end := c.offset + int64(len(c.data)); int64(len(text)) < end {
		text = resize(text, end)
	}
	for from := 0; from < len(c.data); {
		to := min(len(c.data), from+sector-int((c.offset+int64(from))%sector))
		if synced || fate == 1 || rand.IntN(2) == 0 {
			copy(text[c.offset+int64(from):], c.data[from:to])
		}
		from = to
	}
	return text
}

package docker

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
	"github.com/monlight/monlight/shared/errs"
)

// The tests wait far more than they work, so they do it at the same time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// world is a folder of containers and a store.
type world struct {
	t     testing.TB
	dir   string
	store *logstest.Memory
}

func newWorld(t testing.TB) *world {
	return &world{t: t, dir: t.TempDir(), store: logstest.NewMemory()}
}

// writer is a container that writes its log.
type writer struct {
	w    *world
	id   string
	file *os.File
	at   time.Time
	max  int // rotated files that are kept
}

func id64(n int) string { return fmt.Sprintf("%064x", n+1) }

func (w *world) container(n int, name string, labels map[string]string) *writer {
	w.t.Helper()
	id := id64(n)
	must(w.t, os.MkdirAll(filepath.Join(w.dir, id), 0o755))
	config, _ := json.Marshal(map[string]any{
		"ID": id, "Name": "/" + name, "Created": time.Now().UTC(),
		"Config": map[string]any{"Image": "shop:1", "Labels": labels},
	})
	must(w.t, os.WriteFile(filepath.Join(w.dir, id, configFile), config, 0o600))
	c := &writer{w: w, id: id, at: time.Now().UTC(), max: 5}
	c.open()
	w.t.Cleanup(func() { c.file.Close() })
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *writer) path() string { return filepath.Join(c.w.dir, c.id, logName(c.id)) }

func (c *writer) open() {
	f, err := os.OpenFile(c.path(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	must(c.w.t, err)
	c.file = f
}

func (c *writer) record(stream, text string) []byte {
	c.at = c.at.Add(time.Millisecond)
	b, _ := json.Marshal(struct {
		Log    string    `json:"log"`
		Stream string    `json:"stream"`
		Time   time.Time `json:"time"`
	}{text, stream, c.at})
	return append(b, '\n')
}

func (c *writer) write(stream string, lines ...string) {
	c.w.t.Helper()
	var b []byte
	for _, line := range lines {
		b = append(b, c.record(stream, line+"\n")...)
	}
	_, err := c.file.Write(b)
	must(c.w.t, err)
}

func (c *writer) raw(text string) {
	c.w.t.Helper()
	_, err := c.file.WriteString(text)
	must(c.w.t, err)
}

// rotate is what Docker does at max-size, with compression or without.
func (c *writer) rotate(compress bool) {
	c.w.t.Helper()
	c.file.Close()
	c.shift()
	must(c.w.t, os.Rename(c.path(), c.path()+".1"))
	c.open()
	if compress {
		data, err := os.ReadFile(c.path() + ".1")
		must(c.w.t, err)
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(data)
		must(c.w.t, z.Close())
		must(c.w.t, os.WriteFile(c.path()+".1.gz", b.Bytes(), 0o640))
		must(c.w.t, os.Remove(c.path()+".1"))
	}
}

func (c *writer) shift() {
	for n := c.max; n >= 1; n-- {
		for _, suffix := range []string{"", ".gz"} {
			from := fmt.Sprintf("%s.%d%s", c.path(), n, suffix)
			if n == c.max {
				_ = os.Remove(from)
			} else {
				_ = os.Rename(from, fmt.Sprintf("%s.%d%s", c.path(), n+1, suffix))
			}
		}
	}
}

// copyTruncate is what logrotate does with copytruncate.
func (c *writer) copyTruncate() {
	c.w.t.Helper()
	c.shift()
	data, err := os.ReadFile(c.path())
	must(c.w.t, err)
	must(c.w.t, os.WriteFile(c.path()+".1", data, 0o640))
	must(c.w.t, os.Truncate(c.path(), 0))
}

func (c *writer) remove() {
	c.file.Close()
	must(c.w.t, os.RemoveAll(filepath.Join(c.w.dir, c.id)))
}

// start runs a source until stop is called, which may happen at any moment.
func (w *world) start(o Options) (s *Source, stop func()) {
	return w.startTo(o, w.store)
}

func (w *world) startTo(o Options, to Appender) (s *Source, stop func()) {
	o.Dir = w.dir
	if o.Poll == 0 {
		o.Poll = 10 * time.Millisecond
	}
	s = New(o, to, w.store)
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
}

// messages returns what the store has, in the order of arrival.
func (w *world) messages() []string {
	entries, _, err := w.store.Since(w.t.Context(), 0, logs.Filter{}, 10_000_000)
	must(w.t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Message)
	}
	return all
}

// eventually waits for a condition that the running source brings about.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("in 20 s never: %s; there is %.2000q", what, w.messages())
}

func (w *world) expect(want ...string) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d entries", len(want)), func() bool { return len(w.messages()) >= len(want) })
	if diff := cmp.Diff(want, w.messages()); diff != "" {
		w.t.Fatalf("messages (-want +got):\n%s", diff)
	}
}

func TestReadsWhatIsThereAndWhatComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.container(1, "web", map[string]string{"com.docker.compose.service": "web", "com.docker.compose.project": "shop"})
	c.write("stdout", "first", `{"level":"warn","msg":"second"}`)
	s, stop := w.start(Options{TailBytes: 1 << 20})
	defer stop()
	w.expect("first", `{"level":"warn","msg":"second"}`)
	c.write("stderr", "Traceback (most recent call last):", `  File "x.py", line 1, in <module>`)
	c.write("stdout", "between")
	c.write("stderr", "ValueError: x", "after")
	w.eventually("5 entries", func() bool { return len(w.messages()) == 5 })
	entries, _, err := w.store.Since(t.Context(), 2, logs.Filter{}, 10)
	must(t, err)
	got := map[string]logs.Entry{}
	for _, e := range entries {
		got[e.Message] = e
	}
	trace := got["Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nValueError: x"]
	if trace.Level != logs.Error || trace.Stream != logs.Stderr || trace.Source != "web" {
		t.Errorf("traceback is %+v; there is %+v", trace, got)
	}
	if between := got["between"]; between.Stream != logs.Stdout || between.Time <= trace.Time {
		t.Errorf("between is %+v", between)
	}
	sources, err := w.store.Sources(t.Context())
	must(t, err)
	want := logs.Source{Name: "web", Labels: logs.Labels{Kind: "docker", Image: "shop:1", Service: "web", Project: "shop"}}
	if len(sources) != 1 || sources[0].Source != want {
		t.Errorf("sources are %+v, want %+v", sources, want)
	}
	st := s.Status()
	if len(st.Containers) != 1 || st.Containers[0].State != Reading || st.Lines != 7 || st.Figures.Containers != 1 {
		t.Errorf("status is %+v", st)
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := []string{"web-1", "web-2", "db", "noisy", "wanted", "viewer"}
	for i, name := range names {
		labels := map[string]string{}
		switch name {
		case "noisy":
			labels[switchLabel] = "false"
		case "wanted":
			labels[switchLabel] = "true"
		}
		w.container(i, name, labels).write("stdout", "I am "+name)
	}
	tests := map[string]struct {
		include, exclude []string
		want             string
	}{
		"all":              {nil, nil, "db wanted web-1 web-2"},
		"one":              {[]string{"db"}, nil, "db wanted"},
		"glob":             {[]string{"web-*"}, nil, "wanted web-1 web-2"},
		"two stars":        {[]string{"*e*-1"}, nil, "wanted web-1"},
		"not in the list":  {[]string{"!web-*"}, nil, "db wanted"},
		"excluded":         {nil, []string{"web-2", "wanted"}, "db web-1"},
		"itself when said": {[]string{"viewer"}, nil, "viewer wanted"},
		"a slash":          {[]string{"/db"}, nil, "db wanted"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sel, err := ParseSelection(tt.include, tt.exclude)
			must(t, err)
			sel.Own = id64(5)
			w := &world{t: t, dir: w.dir, store: logstest.NewMemory()}
			n := len(strings.Fields(tt.want))
			s, stop := w.start(Options{TailBytes: 1 << 20, Selection: sel})
			defer stop()
			w.eventually("entries", func() bool { return len(w.messages()) >= n })
			sources, err := w.store.Sources(t.Context())
			must(t, err)
			var got []string
			for _, s := range sources {
				got = append(got, s.Name)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("read %q, want %q", got, tt.want)
			}
			for _, c := range s.Status().Containers {
				if c.State == Excluded && c.Reason == "" {
					t.Errorf("%s is excluded without a reason", c.Name)
				}
			}
		})
	}
	if _, err := ParseSelection([]string{"a["}, nil); err == nil {
		t.Error("a broken pattern is accepted")
	}
}

func TestFirstSightOfAnOldLogReadsItsTail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.container(1, "web", nil)
	for i := range 1000 {
		c.write("stdout", fmt.Sprintf("line %d", i))
	}
	record := len(c.record("stdout", "line 999\n"))
	_, stop := w.start(Options{TailBytes: int64(3*record) + 5})
	w.expect("line 997", "line 998", "line 999")
	c.write("stdout", "more")
	w.expect("line 997", "line 998", "line 999", "more")
	// What was made since is read from its beginning, also by the next run.
	stop()
	time.Sleep(10 * time.Millisecond)
	d := w.container(2, "new", nil)
	d.write("stdout", strings.Repeat("x", 5000))
	_, stop = w.start(Options{TailBytes: 10})
	defer stop()
	w.expect("line 997", "line 998", "line 999", "more", strings.Repeat("x", 5000))
}

func TestRotationsWhileRunningAndWhileStopped(t *testing.T) {
	t.Parallel()
	rotate := map[string]func(c *writer){
		"renamed":        func(c *writer) { c.rotate(false) },
		"compressed":     func(c *writer) { c.rotate(true) },
		"copy truncated": func(c *writer) { c.copyTruncate() },
		"three times": func(c *writer) {
			c.rotate(false)
			c.write("stdout", "x")
			c.rotate(true)
			c.write("stdout", "y")
			c.rotate(false)
		},
	}
	for name, rotation := range rotate {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/running=%v", name, running), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				c := w.container(1, "web", nil)
				c.write("stdout", "a")
				_, stop := w.start(Options{TailBytes: 1 << 20})
				w.expect("a")
				if !running {
					stop()
				}
				c.write("stdout", "b", "c")
				if running && name == "copy truncated" {
					w.expect("a", "b", "c")
				}
				rotation(c)
				c.write("stdout", "d")
				want := []string{"a", "b", "c", "d"}
				if name == "three times" {
					want = []string{"a", "b", "c", "x", "y", "d"}
				}
				if !running {
					_, stop = w.start(Options{})
				}
				w.expect(want...)
				rotation(c)
				c.write("stdout", "e")
				want = append(want, map[bool][]string{true: {"x", "y", "e"}, false: {"e"}}[name == "three times"]...)
				w.expect(want...)
				stop()
			})
		}
	}
}

func TestRotatedFilesAreReadWhileTheNewOneIsEmpty(t *testing.T) {
	t.Parallel()
	for _, compress := range []bool{false, true} {
		w := newWorld(t)
		c := w.container(1, "web", nil)
		c.write("stdout", "a")
		_, stop := w.start(Options{TailBytes: 1 << 20})
		w.expect("a")
		stop()
		c.write("stdout", "b")
		c.rotate(compress)
		c.write("stdout", "c")
		c.rotate(compress)
		_, stop = w.start(Options{})
		w.expect("a", "b", "c")
		c.write("stdout", "d")
		w.expect("a", "b", "c", "d")
		stop()
	}
}

// A file that is found empty may be filled, copied and emptied again before the
// next look.
func TestFilesThatWereFilledAndEmptiedUnseen(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{true, false} {
		w := newWorld(t)
		c := w.container(1, "web", nil)
		c.write("stdout", "a")
		_, stop := w.start(Options{TailBytes: 1 << 20, NoWatch: true})
		w.expect("a")
		c.copyTruncate()
		time.Sleep(50 * time.Millisecond) // it is seen empty
		if !running {
			stop()
		}
		c.write("stdout", "b")
		c.copyTruncate()
		c.write("stdout", "c")
		c.copyTruncate()
		if !running {
			_, stop = w.start(Options{})
		}
		w.expect("a", "b", "c")
		c.write("stdout", "d")
		w.expect("a", "b", "c", "d")
		stop()
	}
}

// A file that was empty when a run ended is known by its inode alone, and that
// has another text when it was copied and emptied since.
func TestAFileThatWasEmptyWhenARunEndedIsTakenForNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.container(1, "web", nil)
	inAnyOrder := func(want ...string) {
		t.Helper()
		w.eventually(fmt.Sprintf("%d entries", len(want)), func() bool { return len(w.messages()) >= len(want) })
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(w.messages()))); diff != "" {
			t.Fatalf("messages (-want +got):\n%s", diff)
		}
	}
	c.write("stdout", "a")
	c.raw(string(c.record("stderr", "begun in the first file, ")))
	_, stop := w.start(Options{TailBytes: 1 << 20})
	w.expect("a")
	c.copyTruncate()
	w.eventually("the cursor stands in the empty file", func() bool {
		cursors, err := w.store.Cursors(t.Context(), cursorKey(c.id))
		if err != nil || len(cursors) != 1 {
			return false
		}
		st, err := decodeState(cursors[0].State)
		return err == nil && len(st.Files) == 2 && st.Files[1].Len == 0
	})
	stop()
	c.raw(string(c.record("stderr", "ended in the second\n")))
	long := strings.Repeat("b", 1000)
	c.write("stdout", long)
	c.raw(string(c.record("stderr", "begun in the second, ")))
	c.copyTruncate()
	c.write("stdout", "c")
	_, stop = w.start(Options{})
	inAnyOrder("a", long, "c", "begun in the first file, ended in the second")
	stop()
	c.raw(string(c.record("stderr", "ended in the third\n")))
	_, stop = w.start(Options{})
	defer stop()
	inAnyOrder("a", long, "c", "begun in the first file, ended in the second", "begun in the second, ended in the third")
}

// While logrotate copies a file, its beginning is there twice.
func TestCopiesThatAreBeingMadeDoNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.container(1, "web", nil)
	c.write("stdout", "a")
	_, stop := w.start(Options{TailBytes: 1 << 20})
	w.expect("a")
	stop()
	for _, part := range []float64{0, 0.3, 0.9, 1} {
		c.rotate(false)
		c.write("stdout", fmt.Sprint("b", part), fmt.Sprint("c", part))
		c.shift()
		data, err := os.ReadFile(c.path())
		must(t, err)
		must(t, os.WriteFile(c.path()+".1", data[:int(part*float64(len(data)))], 0o640))
		n := len(w.messages())
		_, stop := w.start(Options{})
		w.eventually("two more entries", func() bool { return len(w.messages()) == n+2 })
		must(t, os.WriteFile(c.path()+".1", data, 0o640))
		must(t, os.Truncate(c.path(), 0))
		c.write("stdout", fmt.Sprint("d", part))
		w.eventually("one more entry", func() bool { return len(w.messages()) == n+3 })
		stop()
	}
	w.expect("a", "b0", "c0", "d0", "b0.3", "c0.3", "d0.3", "b0.9", "c0.9", "d0.9", "b1", "c1", "d1")
}

func TestTruncatedAndDeletedAndMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.container(1, "web", nil)
	c.write("stdout", "a", "b")
	_, stop := w.start(Options{TailBytes: 1 << 20})
	w.expect("a", "b")
	must(t, os.Truncate(c.path(), 0))
	c.write("stdout", "c longer than before, and by more than a little, so that the file is larger than it was: "+strings.Repeat("c", 500))
	w.eventually("c", func() bool { return len(w.messages()) == 3 })
	stop()
	must(t, os.Truncate(c.path(), 0))
	c.write("stdout", "d")
	_, stop = w.start(Options{})
	defer stop()
	w.eventually("d", func() bool { return len(w.messages()) == 4 })
	c.write("stdout", "the last words")
	w.eventually("last words", func() bool { return len(w.messages()) == 5 })
	c.remove()
	d := w.container(2, "web", nil)
	d.write("stdout", "the first words")
	w.eventually("first words", func() bool { return len(w.messages()) == 6 })
	w.eventually("the cursor of the removed container is dropped", func() bool {
		cursors, err := w.store.Cursors(t.Context(), cursorKey(c.id))
		return err == nil && len(cursors) == 0
	})
}

func TestOpenEntriesSurviveARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.container(1, "web", nil)
	_, stop := w.start(Options{TailBytes: 1 << 20})
	c.write("stdout", "before")
	c.write("stderr", "Traceback (most recent call last):")
	c.raw(string(c.record("stdout", "a part, ")))
	c.write("stderr", `  File "x.py", line 1, in <module>`)
	w.expect("before")
	stop()
	c.rotate(false)
	c.write("stderr", "ValueError: x")
	c.raw(string(c.record("stdout", "the rest\n")))
	_, stop = w.start(Options{})
	defer stop()
	w.eventually("3 entries", func() bool { return len(w.messages()) == 3 })
	got := w.messages()
	for _, want := range []string{"Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\nValueError: x", "a part, the rest"} {
		if !strings.Contains(strings.Join(got, "\x00"), want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
}

func TestHalfARecordIsReadWhenItIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.container(1, "web", nil)
	_, stop := w.start(Options{TailBytes: 1 << 20})
	defer stop()
	record := c.record("stdout", "né\n")
	half := bytes.IndexByte(record, 0xc3) + 1 // in the middle of a character
	c.write("stdout", "a")
	c.raw(string(record[:half]))
	w.expect("a")
	c.raw(string(record[half:]))
	w.expect("a", "né")
}

// failing refuses batches at random, before or after writing them.
type failing struct {
	*logstest.Memory
	mu   sync.Mutex
	rand *rand.Rand
	full bool
}

func (f *failing) Append(ctx context.Context, b logs.Batch) (int64, error) {
	f.mu.Lock()
	n, full := f.rand.IntN(4), f.full
	f.mu.Unlock()
	unavailable := errs.RetryIn(errs.Unavailable, time.Millisecond, "disk is full")
	if full || n == 0 {
		return 0, unavailable
	}
	first, err := f.Memory.Append(ctx, b)
	if err == nil && n == 1 {
		return 0, unavailable // written, and nobody was told
	}
	return first, err
}

func TestWhatCannotBeWrittenWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.container(1, "web", nil)
	store := &failing{Memory: w.store, rand: rand.New(rand.NewPCG(1, 2))}
	s, stop := w.startTo(Options{TailBytes: 1 << 20}, store)
	defer stop()
	var want []string
	for i := range 200 {
		line := fmt.Sprintf("line %d", i)
		want = append(want, line)
		c.write("stdout", line)
		if i == 100 {
			store.mu.Lock()
			store.full = true
			store.mu.Unlock()
			w.eventually("paused", func() bool { st := s.Status(); return st.Paused && st.PauseError == "disk is full" })
		}
		if i == 150 {
			store.mu.Lock()
			store.full = false
			store.mu.Unlock()
		}
		if i%20 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	w.expect(want...)
	w.eventually("no pause", func() bool { return !s.Status().Paused })
}

func TestHostileFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := filepath.Join(t.TempDir(), "secret")
	record := `{"log":"secret\n","stream":"stdout","time":"2026-01-02T15:04:05Z"}` + "\n"
	must(t, os.WriteFile(secret, []byte(record), 0o600))
	link := w.container(1, "../../etc/\x1b[31mpasswd\n<script>", nil)
	must(t, os.Remove(link.path()))
	must(t, os.Symlink(secret, link.path()))
	fifo := w.container(2, "fifo", nil)
	must(t, os.Remove(fifo.path()))
	makeFIFO(t, fifo.path())
	must(t, os.Symlink(filepath.Dir(secret), filepath.Join(w.dir, "linked-folder")))
	must(t, os.MkdirAll(filepath.Join(w.dir, id64(3)), 0o755))
	must(t, os.Symlink(secret, filepath.Join(w.dir, id64(3), configFile)))
	huge := w.container(4, "huge-config", nil)
	must(t, os.WriteFile(filepath.Join(w.dir, huge.id, configFile), bytes.Repeat([]byte("["), maxConfig+1), 0o600))
	garbage := w.container(5, "garbage", nil)
	long := w.container(6, "long", nil)
	must(t, os.WriteFile(garbage.path()+".1", bytes.Repeat([]byte{0xff, 0, '\n'}, 100_000), 0o600))
	must(t, os.WriteFile(garbage.path()+".2.gz", []byte("no gzip"), 0o600))
	must(t, os.WriteFile(garbage.path()+".99999999999999999999", []byte(record), 0o600))
	s, stop := w.start(Options{TailBytes: 1 << 30})
	defer stop()
	garbage.raw("\x00\x00\x00\n{}\n{\"log\":1}\n\xff\xfe\n" + strings.Repeat("{", 100_000) + "\n")
	garbage.write("stdout", "still alive")
	long.raw(`{"log":"` + strings.Repeat("y", 3<<20) + `\n","stream":"stdout","time":"2026-01-02T15:04:05Z"}` + "\n")
	var parts []byte
	for range 200 {
		parts = append(parts, long.record("stdout", strings.Repeat("z", 16<<10))...)
	}
	long.raw(string(parts) + string(long.record("stdout", "end\n")))
	long.write("stdout", "after the long one")
	huge.write("stdout", "without a name")
	w.eventually("4 entries", func() bool { return len(w.messages()) == 4 })
	all := strings.Join(w.messages(), "\n")
	if strings.Contains(all, "secret") {
		t.Error("a file outside of the folder was read")
	}
	for _, m := range w.messages() {
		if len(m) > logs.MaxMessage {
			t.Errorf("a message of %d bytes", len(m))
		}
		if strings.HasPrefix(m, "zzz") && !strings.HasSuffix(m, " bytes cut]") {
			t.Errorf("a long message ends with %q", m[len(m)-40:])
		}
	}
	st := s.Status()
	if st.Errors < 5 || st.Cut != 1 {
		t.Errorf("figures are %+v", st.Figures)
	}
	for _, c := range st.Containers {
		if strings.ContainsAny(c.Name, "\x1b\n") {
			t.Errorf("name %q has control characters", c.Name)
		}
		if c.ID == huge.id && c.Name != huge.id[:12] {
			t.Errorf("a container without a config is named %q", c.Name)
		}
	}
}

func TestFolderThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dir = filepath.Join(w.dir, "later")
	s, stop := w.start(Options{TailBytes: 1 << 20})
	defer stop()
	w.eventually("an error", func() bool { return s.Status().Error != "" })
	must(t, os.Mkdir(w.dir, 0o755))
	w.container(1, "web", nil).write("stdout", "hello")
	w.expect("hello")
	if e := s.Status().Error; e != "" {
		t.Errorf("still an error: %s", e)
	}
}

func TestOwnID(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	inside := "500 400 0:1 / /proc rw - proc proc rw\n501 400 8:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
	outside := "501 400 0:50 /var/lib/docker/containers/" + id + "/mounts/shm /var/lib/docker/containers/" + id + "/mounts/shm rw - tmpfs shm rw\n"
	if got := ownID(strings.NewReader(inside)); got != id {
		t.Errorf("inside a container: %q", got)
	}
	if got := ownID(strings.NewReader(outside)); got != "" {
		t.Errorf("outside: %q", got)
	}
}

// null takes everything and counts.
type null struct{ entries int64 }

func (n *null) Append(_ context.Context, b logs.Batch) (int64, error) {
	n.entries += int64(len(b.Entries))
	return 1, nil
}

func BenchmarkSource(b *testing.B) {
	dir := b.TempDir()
	const containers, lines = 4, 50_000
	for n := range containers {
		w := &world{t: b, dir: dir, store: logstest.NewMemory()}
		c := w.container(n, fmt.Sprintf("c%d", n), nil)
		var buf bytes.Buffer
		for i := range lines {
			switch i % 4 {
			case 0:
				buf.Write(c.record("stdout", fmt.Sprintf("2026-01-02 15:04:05,123 INFO shop.orders: order %d accepted for \"alice\" in 12.7 ms\n", i)))
			case 1:
				buf.Write(c.record("stdout", fmt.Sprintf("{\"level\":\"info\",\"msg\":\"order accepted\",\"order\":%d,\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"duration\":12.7}\n", i)))
			case 2:
				buf.Write(c.record("stderr", fmt.Sprintf("10.0.0.1 - - [02/Jan/2026:15:04:05 +0000] \"GET /orders/%d HTTP/1.1\" 200 512 \"-\" \"curl/8.5\"\n", i)))
			case 3:
				buf.Write(c.record("stdout", fmt.Sprintf("time=2026-01-02T15:04:05Z level=info msg=\"cache refreshed\" keys=%d took=3ms\n", i)))
			}
		}
		_, err := io.Copy(c.file, &buf)
		must(b, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := &world{t: b, dir: dir, store: logstest.NewMemory()}
		to := &null{}
		s, stop := w.startTo(Options{TailBytes: 1 << 30}, to)
		for s.Figures().Lines < containers*lines {
			time.Sleep(time.Millisecond)
		}
		stop()
	}
	b.ReportMetric(float64(b.N*containers*lines)/b.Elapsed().Seconds(), "lines/s")
}

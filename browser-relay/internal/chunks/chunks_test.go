package chunks

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the protocol's name of a piece
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

func sum(b []byte) string {
	s := sha1.Sum(b) //nolint:gosec // see above
	return hex.EncodeToString(s[:])
}

func open(t *testing.T, dir string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// put stores pieces and returns their names.
func put(t *testing.T, s *Store, pieces ...[]byte) (names []string) {
	t.Helper()
	for _, p := range pieces {
		if err := s.Put(sum(p), bytes.NewReader(p)); err != nil {
			t.Fatal(err)
		}
		names = append(names, sum(p))
	}
	return names
}

func TestPiecesBecomeTheWhole(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "new", "folder"), time.Now)
	pieces := [][]byte{bytes.Repeat([]byte("a"), 1000), []byte("b"), bytes.Repeat([]byte("c"), 500)}
	all := bytes.Join(pieces, nil)
	missing := []string{sum(pieces[1]), strings.Repeat("0", 40), "../../etc/passwd"}
	names := put(t, s, pieces[0], pieces[2])
	if got := s.Missing(append(missing, names...)); len(got) != 3 {
		t.Errorf("missing %v, want %v", got, missing)
	}
	names = put(t, s, pieces...) // some of them again
	w, err := s.Join(t.Context(), names, sum(all))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if w.Size() != int64(len(all)) {
		t.Errorf("%d bytes, want %d", w.Size(), len(all))
	}
	for off := int64(0); off <= w.Size(); off += 83 {
		for _, n := range []int64{0, 1, 700, 5000} {
			got := make([]byte, n)
			k, err := w.ReadAt(got, off)
			want := all[off:min(off+n, w.Size())]
			if !bytes.Equal(got[:k], want) || errors.Is(err, io.EOF) != (int64(len(want)) < n) || err != nil && !errors.Is(err, io.EOF) {
				t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", n, off, k, err)
			}
		}
	}
	if _, err := w.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset was read")
	}
	if _, err := s.Join(t.Context(), names, sum([]byte("another"))); errs.KindOf(err) != errs.Invalid {
		t.Errorf("another checksum: %v", err)
	}
	if _, err := s.Join(t.Context(), []string{missing[1]}, missing[1]); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a piece that is not there: %v", err)
	}
	if err := s.Remove(append(names, missing...)); err != nil || len(s.Missing(names)) != len(names) || s.bytes != 0 {
		t.Errorf("removed: %v, %d bytes are left", err, s.bytes)
	}
}

func TestPutRefuses(t *testing.T) {
	s := open(t, t.TempDir(), time.Now)
	for name, test := range map[string]struct {
		name string
		data io.Reader
		kind errs.Kind
	}{
		"another content":   {sum([]byte("x")), strings.NewReader("y"), errs.Invalid},
		"a path":            {"../x", strings.NewReader("y"), errs.Invalid},
		"capitals":          {strings.ToUpper(sum([]byte("x"))), strings.NewReader("x"), errs.Invalid},
		"more than a piece": {sum([]byte("x")), io.LimitReader(zeros{}, MaxChunk+1), errs.TooLarge},
	} {
		if err := s.Put(test.name, test.data); errs.KindOf(err) != test.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(s.root.Name(), "*"))
	if err != nil || left != nil || s.bytes != 0 {
		t.Errorf("%v are left, %d bytes", left, s.bytes)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestPiecesGoWhenTheyAreOld(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	s := open(t, dir, func() time.Time { return now })
	used, waiting := put(t, s, []byte("used")), put(t, s, []byte("waiting"))
	if err := s.Used(append(used, strings.Repeat("0", 40))); err != nil {
		t.Fatal(err)
	}
	there := func() (n int) { return 2 - len(s.Missing(append(used[:1:1], waiting...))) }
	for _, step := range []struct {
		after time.Duration
		there int
	}{{4 * time.Minute, 2}, {6 * time.Minute, 1}, {59 * time.Minute, 1}, {61 * time.Minute, 0}} {
		begin := now
		now = begin.Add(step.after)
		if err := s.Expire(); err != nil || there() != step.there {
			t.Errorf("after %v there are %d pieces, want %d: %v", step.after, there(), step.there, err)
		}
		now = begin
	}
	if s.bytes != 0 {
		t.Errorf("%d bytes are counted", s.bytes)
	}
}

// What was there before a restart counts, what was cut off by it goes.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, time.Now)
	names := put(t, s, []byte("piece"))
	if err := os.WriteFile(filepath.Join(dir, temporary+"7"), []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, time.Now)
	if again.bytes != int64(len("piece")) || len(again.Missing(names)) != 0 {
		t.Errorf("%d bytes, missing %v", again.bytes, again.Missing(names))
	}
	if _, err := os.Stat(filepath.Join(dir, temporary+"7")); !os.IsNotExist(err) {
		t.Errorf("half a piece is left: %v", err)
	}
}

func TestRoomIsBounded(t *testing.T) {
	now := time.Now()
	s := open(t, t.TempDir(), func() time.Time { return now })
	names := put(t, s, []byte("old"))
	s.bytes = MaxBytes - MaxChunk + 3 // as if others were there
	if err := s.Put(sum([]byte("x")), strings.NewReader("x")); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("beyond the bound: %v", err)
	}
	now = now.Add(2 * MaxAge) // then there is room in place of the old one
	if err := s.Put(sum([]byte("x")), strings.NewReader("x")); err != nil || len(s.Missing(names)) != 1 {
		t.Errorf("%v, %d pieces missing", err, len(s.Missing(names)))
	}
}

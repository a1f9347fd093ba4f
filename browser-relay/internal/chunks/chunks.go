// Package chunks keeps the pieces of uploads in a folder until all are there.
package chunks

import (
	"context"
	"crypto/sha1" //nolint:gosec // the protocol names pieces by it; nothing is trusted because of it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

const (
	// MaxChunk is the largest piece, a power of two as old clients want.
	MaxChunk = 8 << 20
	// MaxBytes bounds all pieces that are kept.
	MaxBytes = 512 << 20
	// MaxAge is how long a piece waits for the others.
	MaxAge = time.Hour
	// afterwards is how long pieces stay when they were used: clients may ask again
	// what became of them.
	afterwards = 5 * time.Minute

	temporary = "part-"
)

// Store keeps pieces, each under the SHA-1 of its content. It is safe for
// concurrent use.
type Store struct {
	root *os.Root
	now  func() time.Time

	mu    sync.Mutex
	bytes int64
	next  int
}

// Open returns the store in a folder, which is made if need be, and drops what an
// earlier run left unfinished. The caller closes it.
func Open(dir string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{root: root, now: now}
	err = s.each(func(info fs.FileInfo) error {
		if strings.HasPrefix(info.Name(), temporary) {
			return root.Remove(info.Name())
		}
		s.bytes += info.Size()
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// Close lets go of the folder.
func (s *Store) Close() error { return s.root.Close() }

// each calls f for all files.
func (s *Store) each(f func(fs.FileInfo) error) error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := f(info); err != nil {
			return err
		}
	}
	return nil
}

// IsName tells whether name is a SHA-1 in lower-case hexadecimal digits, and so
// also a harmless name of a file.
func IsName(name string) bool {
	if len(name) != 2*sha1.Size {
		return false
	}
	for _, c := range []byte(name) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Put stores what r gives under name. It is an Invalid error if that is not its
// SHA-1, TooLarge if it is more than MaxChunk, Unavailable if there is no room.
func (s *Store) Put(name string, r io.Reader) (err error) {
	if !IsName(name) {
		return errs.New(errs.Invalid, "chunk %.50q: its name must be the SHA-1 of its content, in lower-case hexadecimal digits", name)
	}
	if err := s.reserve(MaxChunk); err != nil {
		return err
	}
	size := int64(0)
	defer func() { s.release(MaxChunk - size) }()
	temp := s.temp()
	f, err := s.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			size = 0
			_ = s.root.Remove(temp)
		}
	}()
	h := sha1.New() //nolint:gosec // see above
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(r, MaxChunk+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if n > MaxChunk {
		return errs.New(errs.TooLarge, "chunk %s has more than %d bytes", name, MaxChunk)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != name {
		return errs.New(errs.Invalid, "chunk %s has another SHA-1: %s", name, sum)
	}
	if _, err := s.root.Stat(name); err == nil {
		return s.root.Remove(temp)
	}
	if err := s.root.Rename(temp, name); err != nil {
		return err
	}
	size = n
	return nil
}

func (s *Store) temp() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return fmt.Sprintf("%s%d", temporary, s.next)
}

// reserve makes room, of pieces that are too old if need be.
func (s *Store) reserve(n int64) error {
	if s.take(n) {
		return nil
	}
	if err := s.Expire(); err != nil {
		return err
	}
	if !s.take(n) {
		return errs.RetryIn(errs.Unavailable, time.Minute, "Uploads that are not finished take %d bytes already, try again later", MaxBytes)
	}
	return nil
}

func (s *Store) take(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+n > MaxBytes {
		return false
	}
	s.bytes += n
	return true
}

func (s *Store) release(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= n
}

// Missing returns those of the names that are not there.
func (s *Store) Missing(names []string) []string {
	missing := []string{}
	for _, name := range names {
		if !IsName(name) {
			missing = append(missing, name)
			continue
		}
		if _, err := s.root.Stat(name); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// Remove drops pieces.
func (s *Store) Remove(names []string) error {
	var failed error
	for _, name := range names {
		if !IsName(name) {
			continue
		}
		info, err := s.root.Stat(name)
		if err != nil {
			continue // it is gone
		}
		if err := s.root.Remove(name); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s.release(info.Size())
	}
	return failed
}

// Used says that an upload is complete. Its pieces are dropped soon.
func (s *Store) Used(names []string) error {
	at := s.now().Add(afterwards - MaxAge)
	var failed error
	for _, name := range names {
		if !IsName(name) {
			continue
		}
		if err := s.root.Chtimes(name, at, at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// Expire drops pieces that are older than MaxAge.
func (s *Store) Expire() error {
	var old []string
	err := s.each(func(info fs.FileInfo) error {
		if IsName(info.Name()) && s.now().Sub(info.ModTime()) > MaxAge {
			old = append(old, info.Name())
		}
		return nil
	})
	return errors.Join(err, s.Remove(old))
}

// Whole is the pieces of an upload, one after the other. It implements
// io.ReaderAt.
type Whole struct {
	files []*os.File
	ends  []int64 // where each ends
}

// Join opens the pieces in their order and checks that their SHA-1 together is
// sum. The caller closes the Whole.
func (s *Store) Join(ctx context.Context, names []string, sum string) (_ *Whole, err error) {
	w := &Whole{}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	size := int64(0)
	for _, name := range names {
		if !IsName(name) {
			return nil, errs.New(errs.Invalid, "chunk %.50q is no SHA-1", name)
		}
		f, err := s.root.Open(name)
		if err != nil {
			return nil, errs.Wrap(errs.Conflict, err, "chunk %s is not there any more", name)
		}
		w.files = append(w.files, f)
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		size += info.Size()
		w.ends = append(w.ends, size)
	}
	h := sha1.New() //nolint:gosec // see above
	for _, f := range w.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := io.Copy(h, io.NewSectionReader(f, 0, MaxChunk)); err != nil {
			return nil, err
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return nil, errs.New(errs.Invalid, "the chunks together have SHA-1 %s, not %.50q", got, sum)
	}
	return w, nil
}

// Close lets go of the pieces.
func (w *Whole) Close() {
	for _, f := range w.files {
		_ = f.Close()
	}
}

// Size is the length of all pieces.
func (w *Whole) Size() int64 {
	if len(w.ends) == 0 {
		return 0
	}
	return w.ends[len(w.ends)-1]
}

// ReadAt implements io.ReaderAt.
func (w *Whole) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("chunks: negative offset")
	}
	i := sort.Search(len(w.ends), func(i int) bool { return w.ends[i] > off })
	for ; i < len(w.files) && n < len(p); i++ {
		start := int64(0)
		if i > 0 {
			start = w.ends[i-1]
		}
		want := min(int64(len(p)-n), w.ends[i]-off)
		k, err := w.files[i].ReadAt(p[n:n+int(want)], off-start)
		n += k
		off += int64(k)
		if err != nil && (!errors.Is(err, io.EOF) || int64(k) < want) {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

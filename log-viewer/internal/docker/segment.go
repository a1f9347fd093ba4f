package docker

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	maxSiblings = 100      // rotated files of one container that are looked at
	maxUnzipped = 16 << 30 // bytes that are read from one compressed file
)

// segment is one of the files that the log of a container consists of.
type segment struct {
	name   string
	age    int // 0 is the file that is written, 1 the one before it
	file   *os.File
	unzip  *gzip.Reader // nil for a plain file
	rest   []byte       // of a compressed file: read, but not consumed
	offset int64        // consumed, uncompressed
	base   int64        // position of its first byte in the whole log
	id     ident
	empty  bool // it was when it was found, and nothing was read since
	final  bool // nobody writes to it any more
	broken error
}

// openSegment opens a log file at its beginning.
func openSegment(root *os.Root, name string) (*segment, error) {
	f, err := openRegular(root, name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &segment{name: name, file: f}
	s.id.Inode = inodeOf(info)
	if strings.HasSuffix(name, ".gz") {
		s.final = true
		if s.unzip, err = gzip.NewReader(f); err != nil {
			f.Close()
			return nil, err
		}
	}
	s.id = ident{Inode: s.id.Inode, Sum: sum(nil)}
	if _, err := s.identify(); err != nil {
		f.Close()
		return nil, err
	}
	s.empty = s.id.Len == 0
	return s, nil
}

func (s *segment) close() { s.file.Close() }

// end is the position behind what was consumed.
func (s *segment) end() int64 { return s.base + s.offset }

// identify notes the beginning of the file, as long as that grows. It returns
// false when the file now begins otherwise: it was truncated and written anew.
func (s *segment) identify() (same bool, err error) {
	if s.unzip != nil && s.offset > 0 {
		return true, nil
	}
	return s.id.learn(s.region)
}

// region reads from a place of the file, without consuming anything. Of a
// compressed file it reads the beginning only, as long as nothing is consumed.
func (s *segment) region(at, n int) ([]byte, error) {
	if s.unzip != nil {
		if s.offset > 0 {
			return nil, nil
		}
		s.fill(at + n)
		return s.rest[min(at, len(s.rest)):min(at+n, len(s.rest))], nil
	}
	buf := make([]byte, n)
	n, err := s.file.ReadAt(buf, int64(at))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return buf[:n], err
}

// fill unzips until n bytes wait to be consumed, or there are no more.
func (s *segment) fill(n int) {
	for len(s.rest) < n && s.broken == nil && s.offset < maxUnzipped {
		have := len(s.rest)
		s.rest = slices.Grow(s.rest, n-have)[:n]
		m, err := s.unzip.Read(s.rest[have:])
		s.rest = s.rest[:have+m]
		s.broken = err
	}
}

// is tells how sure it is that this is the file that id names: 0 no, 1 a copy
// or a compressed one, 2 the same file.
func (s *segment) is(id ident) int {
	if id.Len == 0 { // it was empty: there is only the inode
		if s.id.Inode == id.Inode && s.unzip == nil {
			return 2
		}
		return 0
	}
	if !id.matches(s.region) {
		return 0
	}
	if s.id.Inode == id.Inode && s.unzip == nil {
		return 2
	}
	return 1
}

// read reads on from the first byte that is not consumed. It returns 0 bytes at
// the end. The data may be used until the next call.
func (s *segment) read(buf []byte) ([]byte, error) {
	if s.unzip == nil {
		n, err := s.file.ReadAt(buf, s.offset)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return buf[:n], err
	}
	s.fill(len(buf))
	if len(s.rest) == 0 && s.broken != nil && !errors.Is(s.broken, io.EOF) {
		return nil, s.broken
	}
	return s.rest[:min(len(buf), len(s.rest))], nil
}

// consume moves on by n of the bytes that read returned.
func (s *segment) consume(n int) {
	s.offset += int64(n)
	if s.unzip != nil {
		s.rest = s.rest[n:]
	}
}

// skip moves to an offset. In a compressed file that takes reading.
func (s *segment) skip(offset int64, buf []byte) error {
	if s.unzip == nil {
		s.offset = offset
		return nil
	}
	for s.offset < offset {
		data, err := s.read(buf)
		if err != nil {
			return err
		}
		if len(data) == 0 {
			return io.ErrUnexpectedEOF
		}
		s.consume(int(min(int64(len(data)), offset-s.offset)))
	}
	return nil
}

// size is the size of the file, 0 when that is not known.
func (s *segment) size() int64 {
	info, err := s.file.Stat()
	if err != nil || s.unzip != nil {
		return 0
	}
	return info.Size()
}

// firstTime returns the time of the first record that has one, 0 when none of
// the first findEnd bytes has.
func (s *segment) firstTime(d *decoder) int64 {
	for n := 4 << 10; n <= findEnd; n *= 4 {
		data, err := s.region(0, n)
		if err != nil {
			return 0
		}
		for line := range lines(data) {
			if r, ok := d.decode(line); ok && r.time != 0 {
				return r.time
			}
		}
		if len(data) < n {
			return 0
		}
	}
	return 0
}

// rotation is a file of a container's log by its name.
type rotation struct {
	name    string
	age     int // 0 is the file that is written, 1 the one before it
	inode   uint64
	changed int64 // Unix nanoseconds; 0 of the file that is written
}

// same tells whether the files have the same names.
func (r rotation) same(other rotation) bool { return r.name == other.name && r.inode == other.inode }

// rotations lists the files of a log, the oldest first.
func rotations(root *os.Root, id string) ([]rotation, error) {
	dir, err := root.Open(id)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(10 * maxSiblings)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	base := logName(id)
	var all []rotation
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), base)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		age := 0
		if suffix != "" {
			number, ok := strings.CutPrefix(strings.TrimSuffix(suffix, ".gz"), ".")
			n, err := strconv.Atoi(number)
			if !ok || err != nil || n < 1 || n > 1_000_000 {
				continue
			}
			age = n
		}
		info, err := e.Info()
		if err != nil {
			continue // renamed while we looked; see chain
		}
		r := rotation{name: id + "/" + e.Name(), age: age, inode: inodeOf(info)}
		if age > 0 {
			r.changed = info.ModTime().UnixNano()
		}
		all = append(all, r)
	}
	// Where a file is there plain and compressed, it is being compressed: the plain one is whole.
	slices.SortFunc(all, func(a, b rotation) int {
		if a.age != b.age {
			return b.age - a.age
		}
		return strings.Compare(a.name, b.name)
	})
	all = slices.CompactFunc(all, func(a, b rotation) bool { return a.age == b.age })
	if len(all) > maxSiblings {
		all = all[len(all)-maxSiblings:]
	}
	return all, nil
}

func logName(id string) string { return id + "-json.log" }

package docker

import (
	"compress/gzip"
	"errors"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	maxSiblings = 100      // rotated files of one container that are looked at
	maxUnzipped = 16 << 30 // bytes that are read from one compressed file
	identBytes  = 1024     // of the beginning of a file, by which it is known again
)

// ident is how a file is known again: by its inode, and by its beginning, since
// inodes are used again and copies have others.
type ident struct {
	Inode uint64 `json:"inode"`
	Sum   uint64 `json:"sum"` // of the first Len bytes
	Len   int    `json:"len"`
}

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
	s.id.Sum = sum(nil)
	if _, err := s.identify(); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *segment) close() { s.file.Close() }

// end is the position behind what was consumed.
func (s *segment) end() int64 { return s.base + s.offset }

// identify notes the beginning of the file, as long as that grows. It returns
// false when the file now begins otherwise: it was truncated and written anew.
func (s *segment) identify() (same bool, err error) {
	var head [identBytes]byte
	var n int
	if s.unzip != nil {
		if s.offset > 0 || len(s.rest) > 0 {
			return true, nil
		}
		n, err = io.ReadFull(s.unzip, head[:])
		s.rest = append(s.rest, head[:n]...)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
	} else {
		n, err = s.file.ReadAt(head[:], 0)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return true, err
	}
	if n < s.id.Len || sum(head[:s.id.Len]) != s.id.Sum {
		return false, nil
	}
	if n > s.id.Len {
		s.id.Len, s.id.Sum = n, sum(head[:n])
	}
	return true, nil
}

func sum(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return h.Sum64()
}

// begins tells whether the file begins with what id has seen.
func (s *segment) begins(id ident) bool {
	if id.Len == 0 || id.Len > identBytes {
		return false
	}
	if s.unzip != nil {
		return s.offset == 0 && len(s.rest) >= id.Len && sum(s.rest[:id.Len]) == id.Sum
	}
	var head [identBytes]byte
	n, _ := s.file.ReadAt(head[:id.Len], 0)
	return n == id.Len && sum(head[:n]) == id.Sum
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
	if !s.begins(id) {
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
	n := copy(buf, s.rest)
	for n < len(buf) && n >= len(s.rest) && s.broken == nil && s.offset < maxUnzipped {
		m, err := s.unzip.Read(buf[n:])
		n += m
		s.broken = err
	}
	if n > len(s.rest) {
		s.rest = append(s.rest[:0], buf[:n]...)
	}
	if n > 0 || s.broken == nil || errors.Is(s.broken, io.EOF) {
		return buf[:n], nil
	}
	return nil, s.broken
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

// firstTime returns the time of the first record, 0 when there is none.
func (s *segment) firstTime(d *decoder, buf []byte) int64 {
	if s.offset != 0 {
		return 0
	}
	data, err := s.read(buf)
	if err != nil {
		return 0
	}
	for line := range lines(data) {
		if r, ok := d.decode(line); ok && r.time != 0 {
			return r.time
		}
	}
	return 0
}

// rotation is a file of a container's log by its name.
type rotation struct {
	name  string
	age   int // 0 is the file that is written, 1 the one before it
	inode uint64
}

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
		all = append(all, rotation{name: id + "/" + e.Name(), age: age, inode: inodeOf(info)})
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

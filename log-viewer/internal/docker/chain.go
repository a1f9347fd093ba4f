package docker

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// chain is the files of one container's log, open, the oldest first. Those that
// nobody takes are closed by close.
type chain []*segment

// errMoving says that the files of a log were renamed all the time. Later they
// will not be.
var errMoving = errors.New("log is being rotated")

// openChain opens the files of a log as they stand at one moment. Those that are
// broken are left out. When the one that is written may not be read, that is the error.
func openChain(root *os.Root, id string) (chain, error) {
	const attempts = 10 // each rotation in between costs one
	for range attempts {
		before, err := rotations(root, id)
		if err != nil {
			return nil, err
		}
		var c chain
		same := true
		for _, r := range before {
			s, err := openSegment(root, r.name)
			if r.age == 0 && errors.Is(err, fs.ErrPermission) {
				c.close()
				return nil, err
			}
			if err != nil {
				continue // gone, which the second list shows, or broken
			}
			same = same && s.id.Inode == r.inode
			s.age = r.age
			if r.age > 0 && s.empty { // nothing is in it, or nothing yet: a copy is being made
				s.close()
				continue
			}
			c = append(c, s)
		}
		c = c.withoutCopy()
		if after, err := rotations(root, id); err == nil && same && slices.EqualFunc(before, after, rotation.same) {
			return c, nil
		}
		c.close()
	}
	return nil, errMoving
}

// withoutCopy leaves out the copy that is being made of the file that is written,
// before that is emptied: it is not complete, and what it holds is still there.
func (c chain) withoutCopy() chain {
	n := len(c)
	if n < 2 || c[n-1].age > 0 || c[n-1].is(c[n-2].id) == 0 {
		return c
	}
	c[n-2].close()
	return append(c[:n-2], c[n-1])
}

func (c chain) close() {
	for _, s := range c {
		if s != nil {
			s.close()
		}
	}
}

// take removes a segment from the chain, whose closing then is the caller's.
func (c chain) take(i int) *segment {
	s := c[i]
	c[i] = nil
	return s
}

// find returns the index of the file that id names, -1 when it is not there.
// The file itself goes before a copy.
func (c chain) find(id ident) int {
	best, at := 0, -1
	for i, s := range c {
		if how := s.is(id); how > best {
			best, at = how, i
		}
	}
	return at
}

// after returns the index of the first file whose first record is newer than
// time, -1 when there is none.
func (c chain) after(time int64, d *decoder) int {
	for i, s := range c {
		if t := s.firstTime(d); t > time {
			return i
		}
	}
	return -1
}

package docker

import (
	"io/fs"
	"os"
	"slices"
)

// chain is the files of one container's log, open, the oldest first. Those that
// nobody takes are closed by close.
type chain []*segment

// openChain opens the files of a log as they stand at one moment.
func openChain(root *os.Root, id string) (chain, error) {
	const attempts = 5 // each rotation in between costs one
	for try := range attempts {
		before, err := rotations(root, id)
		if err != nil {
			return nil, err
		}
		var c chain
		clean := true
		for _, r := range before {
			s, err := openSegment(root, r.name)
			if err != nil {
				clean = false
				continue
			}
			if s.id.Inode != r.inode {
				clean = false
			}
			s.age = r.age
			c = append(c, s)
		}
		after, err := rotations(root, id)
		if err == nil && (clean || try == attempts-1) && slices.Equal(before, after) {
			return c, nil
		}
		if try == attempts-1 {
			return c, nil
		}
		c.close()
	}
	return nil, fs.ErrNotExist
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

// after returns the index of the first file whose first record is not older than time, -1
// when there is none.
func (c chain) after(time int64, d *decoder, buf []byte) int {
	for i, s := range c {
		if t := s.firstTime(d, buf); t != 0 && t >= time {
			return i
		}
	}
	return -1
}

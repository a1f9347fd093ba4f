package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// atEnd is called when no complete record is left in the file. It goes on to the
// next file when the log was rotated, and back to the beginning when it was
// truncated. rest is the size of an incomplete record.
func (f *follower) atEnd(rest int, now time.Time) (more bool, err error) {
	s := f.seg
	if s.empty && rest == 0 {
		if other, err := f.between(); other || err != nil {
			return other, err
		}
	}
	if !s.final {
		f.lag = max(0, s.size()-s.offset)
		info, err := f.root.Lstat(f.id + "/" + logName(f.id))
		if err != nil {
			if missing(err) && !f.gone {
				return false, nil // between the two steps of a rotation, or being removed
			}
			if !f.gone {
				return false, err
			}
		} else if !info.Mode().IsRegular() || inodeOf(info) == s.id.Inode || info.Size() == 0 && f.newest(s) {
			// An empty new file says nothing yet: whoever writes may still have
			// the old one open.
			return false, nil
		}
		s.final = true
		if err == nil {
			return true, nil // what was written before the rotation
		}
	}
	if rest > 0 {
		f.lastRecord(rest, now)
	}
	if f.gone {
		if _, err := f.root.Lstat(f.id); missing(err) {
			return false, nil
		}
	}
	return f.next()
}

// newest tells whether s is the file that was rotated away last.
func (f *follower) newest(s *segment) bool {
	all, err := rotations(f.root, f.id)
	if err != nil {
		return true
	}
	for _, r := range all {
		if r.inode == s.id.Inode {
			return r.age <= 1
		}
	}
	return false // compressed or removed, by somebody who knows that it is complete
}

// lastRecord takes the end of a file that has no newline.
func (f *follower) lastRecord(rest int, now time.Time) {
	data, err := f.seg.read((*f.buf)[:min(rest, len(*f.buf))])
	if err != nil {
		return
	}
	f.record(data, f.seg.end(), now)
	f.seg.consume(len(data))
	f.moved = true
}

// next goes on to the file that was written after the present one.
func (f *follower) next() (more bool, err error) {
	c, err := openChain(f.root, f.id)
	if err != nil {
		if missing(err) {
			return false, nil
		}
		return false, err
	}
	defer c.close()
	at := c.find(f.seg.id)
	if at >= 0 {
		at++
	} else if at = c.after(f.lastTime, f.dec); at < 0 {
		at = len(c) - 1
	}
	if at < 0 || at >= len(c) {
		return false, nil
	}
	f.count.Rotations.Add(1)
	f.change(c.take(at))
	return true, nil
}

// change makes s the file that is read.
func (f *follower) change(s *segment) {
	if f.seg.id.Len > 0 {
		f.older = append(f.older, fileState{f.seg.id, f.seg.base})
	}
	s.base = f.seg.end()
	for i, k := range f.known {
		if k.Len == 0 && i == 0 {
			// It was empty, and its inode does not tell what became of it: it may have been
			// copied and emptied since. Nothing was read of whatever follows now.
			s.base, f.known = max(s.base, k.Base), nil
			break
		}
		if k.Len > 0 && s.is(k.ident) > 0 { // where the last run has seen it begin
			s.base = k.Base
			f.known = f.known[i+1:]
			break
		}
	}
	f.seg.close()
	f.seg = s
	f.moved, f.skipping, f.until = true, false, 0
}

// truncated goes on when the file was emptied and perhaps written anew. What
// was not read yet may stand in a copy, as logrotate makes one.
func (f *follower) truncated() (more bool, err error) {
	f.count.Truncations.Add(1)
	c, err := openChain(f.root, f.id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	defer c.close()
	old := f.seg
	if at := c.find(old.id); at >= 0 && c[at].age > 0 {
		copied := c.take(at)
		copied.base, copied.final = old.base, true
		if err := copied.skip(old.offset, *f.buf); err != nil {
			f.warn(fmt.Errorf("%s: %w", copied.name, err))
			copied.offset = old.offset
		}
		old.close()
		f.seg, f.moved = copied, true
		return true, nil
	}
	f.older = append(f.older, fileState{old.id, old.base})
	old.base, old.offset, old.empty = old.end(), 0, true
	old.id = ident{Inode: old.id.Inode, Sum: sum(nil)}
	f.moved, f.skipping, f.until = true, false, 0
	return old.size() > 0, nil
}

// between looks for files that were begun and ended since the present one was
// found empty, and goes on with the first one.
func (f *follower) between() (found bool, err error) {
	now, err := rotations(f.root, f.id)
	if err != nil {
		return false, err
	}
	if len(now) > 0 && slices.Equal(now, f.listed) {
		return false, nil
	}
	f.listed = now
	c, err := openChain(f.root, f.id)
	if err != nil {
		return false, err
	}
	defer c.close()
	at := -1
	if n := len(f.older); n > 0 {
		at = c.find(f.older[n-1].ident)
	}
	switch {
	case at >= 0:
		at++
	case f.lastTime > 0:
		at = c.after(f.lastTime, f.dec)
	default: // nothing was there before
		at = 0
	}
	if at < 0 || at >= len(c) || c[at].is(f.seg.id) > 0 {
		return false, nil
	}
	base := f.seg.base
	f.seg.close()
	f.seg = c.take(at)
	f.seg.base, f.moved = base, true
	f.count.Rotations.Add(1)
	return true, nil
}

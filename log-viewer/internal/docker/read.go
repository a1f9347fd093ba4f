package docker

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/multiline"
)

// read reads a chunk. more tells whether there is something left to read.
func (f *follower) read(now time.Time) (more bool, err error) {
	if !f.seg.final {
		if same, err := f.seg.identify(); err == nil && (!same || f.seg.size() < f.seg.offset) {
			return f.truncated()
		}
	}
	data, err := f.seg.read((*f.buf)[:chunkBytes])
	if err != nil {
		return f.fail(err)
	}
	used := f.records(data, now)
	if used == 0 && len(data) == chunkBytes { // a long record
		if len(*f.buf) < maxRecord {
			*f.buf = make([]byte, maxRecord)
		}
		if data, err = f.seg.read(*f.buf); err != nil {
			return f.fail(err)
		}
		if used = f.records(data, now); used == 0 && len(data) == maxRecord {
			if !f.skipping {
				f.count.Errors.Add(1)
			}
			f.skipping, used = true, len(data)
			f.seg.consume(used)
		}
	}
	if used > 0 {
		f.moved = true
		f.lag = max(0, f.seg.size()-f.seg.offset)
		return true, nil
	}
	return f.atEnd(len(data), now)
}

// fail gives up on a file that cannot be read. A compressed one is passed over,
// since what is broken in it stays broken.
func (f *follower) fail(err error) (more bool, _ error) {
	if f.seg.unzip == nil {
		return false, err
	}
	f.count.Errors.Add(1)
	f.lastErr = fmt.Sprintf("%s: %v", f.seg.name, err)
	return f.next()
}

// records takes the complete records of data, and returns how long they are.
func (f *follower) records(data []byte, now time.Time) int {
	used := 0
	for line := range lines(data) {
		f.record(line, f.seg.end(), now)
		f.seg.consume(len(line) + 1)
		used += len(line) + 1
	}
	f.count.Bytes.Add(int64(used))
	return used
}

func (f *follower) record(line []byte, pos int64, now time.Time) {
	if f.skipping {
		f.skipping = false
		return
	}
	r, ok := f.dec.decode(line)
	if !ok {
		if len(bytes.TrimSpace(line)) > 0 {
			f.count.Errors.Add(1)
		}
		return
	}
	s := &f.streams[r.stream]
	if r.time != 0 {
		f.lastTime = r.time
	}
	if pos < s.done {
		return
	}
	f.readAt = now
	at := f.lastTime
	if at == 0 {
		at = now.UnixNano()
	}
	if r.whole && !s.part.open {
		f.line(s, string(cutReturn(r.text)), pos, at, now)
		return
	}
	p := &s.part
	if !p.open {
		*p = part{open: true, text: p.text[:0], pos: pos, time: at}
	}
	p.touched = now
	n := min(len(r.text), max(0, logs.MaxMessage-maxMark-len(p.text)))
	p.text = append(p.text, r.text[:n]...)
	p.lost += len(r.text) - n
	if r.whole {
		f.endPart(s, now)
	}
}

// maxMark is the most bytes of the mark that a message was cut.
const maxMark = 64

// endPart takes the parts of a line as a line.
func (f *follower) endPart(s *stream, now time.Time) {
	p := &s.part
	p.open = false
	text := string(bytes.ToValidUTF8(cutReturn(p.text), nil))
	if p.lost > 0 {
		f.count.Cut.Add(1)
		text += fmt.Sprintf(" … [%d bytes cut]", p.lost)
	}
	f.line(s, text, p.pos, p.time, now)
	const keep = 64 << 10
	if cap(p.text) > keep {
		p.text = nil
	}
}

func (f *follower) line(s *stream, text string, pos, at int64, now time.Time) {
	f.count.Lines.Add(1)
	if len(text) > logs.MaxMessage { // in one record
		f.count.Cut.Add(1)
		kept := logs.MaxMessage - maxMark
		text = string(bytes.ToValidUTF8([]byte(text[:kept]), nil)) + fmt.Sprintf(" … [%d bytes cut]", len(text)-kept)
	}
	s.asm.Add(multiline.Line{Text: text, Time: at, Pos: pos}, now)
}

// cutReturn removes the carriage return that terminals put before a newline.
func cutReturn(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}

// tick hands over what has waited for long enough.
func (f *follower) tick(now time.Time) {
	for i := range f.streams {
		s := &f.streams[i]
		if s.part.open && now.Sub(s.part.touched) >= holdPart {
			f.endPart(s, now)
			f.moved = true
		}
		if due, ok := s.asm.Due(); ok && !now.Before(due) {
			s.asm.Flush()
			f.moved = true
		}
	}
}

// due returns when tick has something to do; ok is false when it has not.
func (f *follower) due() (at time.Time, ok bool) {
	for i := range f.streams {
		s := &f.streams[i]
		if due, open := s.asm.Due(); open && (!ok || due.Before(at)) {
			at, ok = due, true
		}
		if s.part.open {
			if due := s.part.touched.Add(holdPart); !ok || due.Before(at) {
				at, ok = due, true
			}
		}
	}
	return at, ok
}

// flush hands over everything, because nothing more will come.
func (f *follower) flush(now time.Time) {
	for i := range f.streams {
		s := &f.streams[i]
		if s.part.open {
			f.endPart(s, now)
		}
		s.asm.Flush()
	}
}

// atEnd is called when no complete record is left in the file. It goes on to the
// next file when the log was rotated, and back to the beginning when it was
// truncated. rest is the size of an incomplete record.
func (f *follower) atEnd(rest int, now time.Time) (more bool, err error) {
	s := f.seg
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
		} else if !info.Mode().IsRegular() || inodeOf(info) == s.id.Inode || info.Size() == 0 {
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
	} else if at = c.after(f.lastTime, f.dec, *f.buf); at < 0 {
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
	f.older = append(f.older, fileState{f.seg.id, f.seg.base})
	s.base = f.seg.end()
	for i, k := range f.known {
		if s.is(k.ident) > 0 { // where the last run has seen it begin
			s.base = k.Base
			f.known = f.known[i+1:]
			break
		}
	}
	f.seg.close()
	f.seg = s
	f.moved, f.skipping = true, false
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
		if err := copied.skip(old.offset, *f.buf); err != nil || copied.unzip == nil && copied.size() < old.offset {
			copied.offset = old.offset // all of the copy was read
		}
		copied.id.Len, copied.id.Sum = old.id.Len, old.id.Sum
		old.close()
		f.seg, f.moved = copied, true
		return true, nil
	}
	f.older = append(f.older, fileState{old.id, old.base})
	old.base, old.offset = old.end(), 0
	old.id.Len, old.id.Sum = 0, sum(nil)
	if _, err := old.identify(); err != nil {
		return false, err
	}
	f.moved, f.skipping = true, false
	return old.size() > 0, nil
}

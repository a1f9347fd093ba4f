package docker

import (
	"bytes"
	"fmt"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/multiline"
)

// read reads a chunk. more tells whether there is something left to read.
func (f *follower) read(now time.Time) (more bool, err error) {
	data, same, err := f.chunk(chunkBytes)
	if err != nil {
		return f.fail(err)
	}
	if !same {
		return f.truncated()
	}
	if f.seg.empty && len(data) > 0 {
		if other, err := f.between(); other || err != nil {
			return other, err
		}
		f.seg.empty = false
	}
	used := f.records(data, now)
	if used == 0 && len(data) == chunkBytes { // a long record
		if data, same, err = f.chunk(maxRecord); err != nil {
			return f.fail(err)
		}
		if !same {
			return f.truncated()
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

// chunk reads up to n bytes. same is false when the file was truncated before.
func (f *follower) chunk(n int) (data []byte, same bool, err error) {
	if len(*f.buf) < n {
		*f.buf = make([]byte, n)
	}
	data, err = f.seg.read((*f.buf)[:n])
	if err != nil || f.seg.final {
		return data, true, err
	}
	// Afterwards, because before says nothing about what was read.
	if same, err = f.seg.identify(); err != nil {
		return nil, true, err
	}
	return data, same && f.seg.size() >= f.seg.offset, nil
}

// fail gives up on a file that cannot be read. A compressed one is passed over,
// since what is broken in it stays broken.
func (f *follower) fail(err error) (more bool, _ error) {
	if f.seg.unzip == nil {
		return false, err
	}
	f.count.Errors.Add(1)
	f.warn(fmt.Errorf("%s: %w", f.seg.name, err))
	return f.next()
}

func (f *follower) warn(err error) { f.warning = err }

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
	if pos < s.done || f.until != 0 && r.time <= f.until {
		return
	}
	f.until = 0
	f.readAt = now
	at := f.lastTime
	if at == 0 {
		at = now.UnixNano()
	}
	if r.whole && !s.part.open {
		f.line(s, string(cutReturn(r.text)), 0, pos, at, now)
		return
	}
	p := &s.part
	if !p.open {
		*p = part{open: true, text: p.text[:0], pos: pos, time: at}
	}
	p.touched = now
	n := min(len(r.text), logs.MaxMessage-len(p.text))
	p.text = append(p.text, r.text[:n]...)
	p.lost += len(r.text) - n
	if r.whole {
		f.endPart(s, now)
	}
}

// endPart takes the parts of a line as a line.
func (f *follower) endPart(s *stream, now time.Time) {
	p := &s.part
	p.open = false
	f.line(s, string(bytes.ToValidUTF8(cutReturn(p.text), nil)), p.lost, p.pos, p.time, now)
	const keep = 64 << 10
	if cap(p.text) > keep {
		p.text = nil
	}
}

// line takes a line, of which lost bytes were left out.
func (f *follower) line(s *stream, text string, lost int, pos, at int64, now time.Time) {
	f.count.Lines.Add(1)
	if lost > 0 || len(text) > logs.MaxMessage {
		f.count.Cut.Add(1)
		text = logs.Cut(text, lost)
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

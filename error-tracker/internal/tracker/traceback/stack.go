package traceback

import (
	"slices"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// stack collects the frames of one exception in the order of the text. It
// keeps both ends of a long one, so that a text of a million frames costs no
// more memory than one of MaxFrames.
type stack struct {
	callerFirst bool // the text has the outermost caller first, as Python does
	head        []event.Frame
	tail        []event.Frame // a ring once it is full
	next        int           // where the oldest frame of a full ring is
	n           int           // frames seen
}

// usualFrames is how many frames most stacks have at most.
const usualFrames = 16

func (s *stack) limits() (head, tail int) {
	if s.callerFirst {
		return MaxOuter, MaxInner
	}
	return MaxInner, MaxOuter
}

func (s *stack) add(f event.Frame) {
	f.Function = clean(f.Function, MaxName)
	f.Module = clean(f.Module, MaxName)
	f.Filename = clean(f.Filename, MaxPath)
	f.AbsPath = clean(f.AbsPath, MaxPath)
	head, tail := s.limits()
	s.n++
	switch {
	case s.head == nil:
		s.head = append(make([]event.Frame, 0, usualFrames), f)
	case len(s.head) < head:
		s.head = append(s.head, f)
	case len(s.tail) < tail:
		s.tail = append(s.tail, f)
	default:
		s.tail[s.next] = f
		s.next = (s.next + 1) % tail
	}
}

// last is the frame that was added last, or nil.
func (s *stack) last() *event.Frame {
	switch {
	case len(s.tail) > 0:
		return &s.tail[(s.next+len(s.tail)-1)%len(s.tail)]
	case len(s.head) > 0:
		return &s.head[len(s.head)-1]
	}
	return nil
}

// text is what was kept, in the order of the text. The caller must not change
// it: of a stack that fits into its head it is the head itself, because copies
// of frames are most of what parsing allocates.
func (s *stack) text() []event.Frame {
	if len(s.tail) == 0 {
		return slices.Clip(s.head)
	}
	all := make([]event.Frame, 0, len(s.head)+len(s.tail))
	all = append(all, s.head...)
	all = append(all, s.tail[s.next:]...)
	return append(all, s.tail[:s.next]...)
}

// frames is what was kept, outermost caller first.
func (s *stack) frames() []event.Frame {
	all := s.text()
	if !s.callerFirst {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	return all
}

// omitted counts the frames that were not kept.
func (s *stack) omitted() int { return s.n - len(s.head) - len(s.tail) }

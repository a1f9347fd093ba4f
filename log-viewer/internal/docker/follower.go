package docker

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/multiline"
)

// Limits of reading.
const (
	chunkBytes = 256 << 10 // read at once
	maxRecord  = 2 << 20   // bytes of one record; a longer one is skipped
	holdPart   = time.Minute
)

// follower reads the log of one container.
type follower struct {
	container
	root    *os.Root
	dec     *decoder
	buf     *[]byte // shared by all
	count   *counters
	emit    func(*follower, logs.Stream, multiline.Entry)
	streams [2]stream

	seg      *segment    // the file that is read; nil as long as there is none
	listed   []rotation  // as between saw the files last
	older    []fileState // files before it that hold the beginning of open entries
	known    []fileState // files after it, as the last run knew them
	skipping bool        // the rest of a record that is too long or was begun in the middle
	lastTime int64       // of the last record
	until    int64       // records up to this time were read before, as far as one can know; 0 is none

	fromStart bool   // a log without a cursor is read from its beginning
	announced bool   // the store knows the labels
	gone      bool   // the container is not there any more
	dirty     bool   // there may be something to read
	moved     bool   // the cursor may be another than the store's
	cursor    []byte // as it was written last
	lag       int64
	readAt    time.Time // of the last record
	lastErr   string
	life      *history    // nil before the first look
	turns     []logs.Turn // that were not told yet
	turnedAt  time.Time   // when the first of them was seen
	alive     bool        // life is what the config says now
	warning   error       // of a file that was passed over
}

// stream is one of the two outputs of a container.
type stream struct {
	asm  *multiline.Assembler
	done int64 // records before this position were written by the last run
	part part
}

// part is the beginning of a line whose end was not read yet.
type part struct {
	open    bool
	text    []byte
	lost    int // bytes behind MaxMessage
	pos     int64
	time    int64
	touched time.Time
}

func newFollower(c container, root *os.Root, dec *decoder, buf *[]byte, count *counters, emit func(*follower, logs.Stream, multiline.Entry)) *follower {
	f := &follower{container: c, root: root, dec: dec, buf: buf, count: count, emit: emit, dirty: true}
	for i := range f.streams {
		f.streams[i].asm = multiline.New(func(e multiline.Entry) { emit(f, logs.Stream(i), e) })
	}
	return f
}

// start opens the log where the last run stopped. A log that has no cursor is
// read from its beginning, or from the last tail bytes of its newest file.
func (f *follower) start(cursor []byte, tail int64) error {
	c, err := openChain(f.root, f.id)
	if err != nil {
		return err
	}
	defer c.close()
	if len(c) == 0 {
		return fs.ErrNotExist // a cursor is kept until there is a file again
	}
	f.cursor = cursor
	if len(cursor) > 0 {
		st, err := decodeState(cursor)
		if err == nil {
			return f.resume(c, st)
		}
		f.warn(err)
	}
	f.moved = true
	if f.fromStart {
		f.seg = c.take(0)
		return nil
	}
	f.seg = c.take(len(c) - 1)
	if before := len(c) - 2; before >= 0 {
		f.older = []fileState{{c[before].id, -1}}
	}
	if size := f.seg.size(); size > tail {
		f.seg.offset = size - tail
		var before [1]byte
		_, err := f.seg.file.ReadAt(before[:], f.seg.offset-1)
		f.skipping = err != nil || before[0] != '\n'
	}
	return nil
}

// resume goes on from the state of the last run. A file that was truncated since
// shows when it is read.
func (f *follower) resume(c chain, st state) error {
	f.lastTime = st.Time
	first := st.first()
	from := 0
	for i, file := range st.Files {
		if file.Base <= first {
			from = i
		}
	}
	for i := from; i < len(st.Files); i++ {
		at := -1
		if st.Files[i].Len == 0 && i > 0 { // it was empty: what is it now?
			if before := c.find(st.Files[i-1].ident); before >= 0 && before+1 < len(c) {
				at = before + 1
			}
		}
		if at < 0 {
			at = c.find(st.Files[i].ident)
		}
		if at < 0 {
			continue
		}
		f.seg = c.take(at)
		f.seg.base = st.Files[i].Base
		f.seg.empty = st.Files[i].Len == 0
		f.older, f.known = slices.Clone(st.Files[:i]), st.Files[i+1:]
		f.streams[0].done, f.streams[1].done = st.Pos[0], st.Pos[1]
		return f.seg.skip(max(0, first-st.Files[i].Base), *f.buf)
	}
	// The file is gone, or was truncated while nobody looked.
	f.moved = true
	f.count.Missed.Add(1)
	at := c.after(st.Time, f.dec)
	if at < 0 { // perhaps it is still there, but not the same any more
		at, f.until = len(c)-1, st.Time
	}
	f.seg = c.take(at)
	f.seg.base = max(st.Pos[0], st.Pos[1], st.Files[len(st.Files)-1].Base)
	f.older = slices.Clone(st.Files)
	return nil
}

// state is what a later run needs to go on from here.
func (f *follower) state() state {
	st := state{Version: stateVersion, Time: f.lastTime}
	_, _ = f.seg.identify() // it may have grown; an error shows when it is read
	for i := range f.streams {
		st.Pos[i] = f.streams[i].first(f.seg.end())
	}
	first := st.first()
	all := append(f.older, fileState{f.seg.id, f.seg.base})
	keep := len(all) - 1
	// What a file is that was empty, the one before it tells.
	for keep > 0 && (all[keep].Base > first || all[keep].Len == 0) {
		keep--
	}
	f.older = all[keep : len(all)-1]
	st.Files = all[keep:]
	return st
}

// first is the position of the first record of the stream that was not handed
// over, when all was read up to end.
func (s *stream) first(end int64) int64 {
	pos := max(end, s.done)
	if s.part.open {
		pos = min(pos, s.part.pos)
	}
	if open, ok := s.asm.Open(); ok {
		pos = min(pos, open)
	}
	return pos
}

func (f *follower) close() {
	if f.seg != nil {
		f.seg.close()
		f.seg = nil
	}
}

// missing tells whether an error means that something is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

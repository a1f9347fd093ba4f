package server

import (
	"context"
	"runtime/debug"
	"time"
)

// A started service has done what only a start needs after restFirst; from then
// on it is looked at every restEvery.
const (
	restFirst = 2 * time.Second
	restEvery = 10 * time.Second
)

// rest gives memory back: what the start or the last requests left in the heap,
// once, when there is nothing to do; and the pages of the program, again and again,
// because all that were ever needed add up to most of it, and few are needed now. It
// returns when ctx is done.
func (e *Edge) rest(ctx context.Context) error {
	var answered int64
	swept := false
	for wait := restFirst; ; wait = restEvery {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		quiet := e.answered.Load() == answered
		answered = e.answered.Load()
		if quiet && !swept {
			debug.FreeOSMemory()
		}
		swept = quiet
		dropProgramPages()
	}
}

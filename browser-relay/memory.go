package main

import (
	"runtime/debug"
	"sync"

	"github.com/monlight/monlight/shared/server"
)

// memory is what the garbage collector is told when the environment leaves it
// open: it fits the 64 MiB of the compose file.
var memory = server.Memory{Limit: 40 << 20, GCPercent: 75}

// thriftPercent is the same for a running upload of a source map.
const thriftPercent = 25

// thrifty has the garbage collector leave less garbage while something long is at
// work that makes little of it. It leaves GOGC of the environment alone. It is safe
// for concurrent use.
type thrifty struct {
	percent int
	lookup  func(string) (string, bool)

	mu      sync.Mutex
	running int
	before  int
}

// Begin is called when something begins; the caller calls done once when it ended.
func (t *thrifty) Begin() (done func()) {
	if _, set := t.lookup("GOGC"); set {
		return func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running++; t.running == 1 {
		t.before = debug.SetGCPercent(t.percent)
	}
	return t.end
}

func (t *thrifty) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running--; t.running == 0 {
		debug.SetGCPercent(t.before)
	}
}

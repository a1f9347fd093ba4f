package server

import (
	"context"
	"runtime/debug"
	"time"
)

// settleAfter is when a started service has done what only a start needs.
const settleAfter = 2 * time.Second

// Settle gives back, once, what only the start of a service needed: parsed
// templates' leftovers, migrations, the pages of the program that set everything
// up. It is one of Options.Jobs, and returns when it is done or ctx is.
func Settle(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-time.After(settleAfter):
		debug.FreeOSMemory()
		dropStartPages()
	}
	return nil
}

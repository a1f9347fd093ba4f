package server_test

import (
	"context"
	"math"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monlight/monlight/shared/server"
)

func TestMemoryLimitsAreDefaultsThatFollow(t *testing.T) {
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetMemoryLimit(limit); debug.SetGCPercent(percent) })
	unset := func(string) (string, bool) { return "", false }
	set := func(string) (string, bool) { return "1", true }
	m := server.Memory{Limit: 1 << 40, GCPercent: 70}

	debug.SetMemoryLimit(math.MaxInt64)
	m.Apply(set)
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("with GOMEMLIMIT the limit became %d", got)
	}
	m.Apply(unset)
	if got, gc := debug.SetMemoryLimit(-1), debug.SetGCPercent(100); got != 1<<40 || gc != 70 {
		t.Errorf("limit %d and GOGC %d, want %d and 70", got, gc, 1<<40)
	}
	synctest.Test(t, func(t *testing.T) {
		var more atomic.Int64
		more.Store(5)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Follow(unset, more.Load)(ctx) }()
		synctest.Wait()
		if got := debug.SetMemoryLimit(-1); got != 1<<40+5 {
			t.Errorf("limit %d, want 5 more than %d", got, 1<<40)
		}
		more.Store(7)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := debug.SetMemoryLimit(-1); got != 1<<40+7 {
			t.Errorf("limit %d, want 7 more than %d", got, 1<<40)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

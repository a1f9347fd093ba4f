package server

import (
	"context"
	"net"
	"syscall"
	"time"
)

// A client that vanishes without a word, because its machine or the network is
// gone, is noticed by the kernel only. When nothing is said it is asked after
// goneIdle, and then each goneStep, until it has been silent for goneAfter. When
// something was sent to it, it has goneAfter to say that it came, or to take it at
// all. At the worst both times add up: something is sent just before the end of
// the first. The usual limits are 2.5 and 15 minutes.
const (
	goneIdle  = 5 * time.Second
	goneStep  = time.Second
	goneAfter = 9 * time.Second
)

// listen opens an address for clients.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	l := net.ListenConfig{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: goneIdle, Interval: goneStep, Count: int((goneAfter - goneIdle) / goneStep)},
		Control: func(_, _ string, c syscall.RawConn) error {
			return limitUnanswered(c, goneAfter) // connections inherit it
		},
	}
	l.SetMultipathTCP(false) // its sockets know no limit for what is not confirmed
	return l.Listen(ctx, "tcp", addr)
}

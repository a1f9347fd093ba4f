package server

import (
	"syscall"
	"time"
)

// userTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not have.
const userTimeout = 18

// limitUnanswered ends connections whose other side does not confirm for d what
// was sent to it. A kernel that does not know that is no error.
func limitUnanswered(c syscall.RawConn, d time.Duration) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(d.Milliseconds()))
	})
}

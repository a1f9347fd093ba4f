package server

import (
	"context"
	"net"
	"net/http"
	"time"
)

// stoppingKey is the context key of the channel that is closed when the service
// begins to stop.
type stoppingKey struct{}

// LongLived prepares a response that takes longer than the server's time limits,
// such as an event stream: it lifts the limit on writing. The handler must then set a write deadline before each write (with
// [http.ResponseController.SetWriteDeadline]) and leave when the returned context
// is done: the client has gone or the service begins to stop. Call cancel at the
// end.
func LongLived(w http.ResponseWriter, r *http.Request) (ctx context.Context, cancel context.CancelFunc, err error) {
	// net/http itself lifts the limit on reading when the request is read.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		return nil, nil, err
	}
	ctx, cancel = context.WithCancel(r.Context())
	if stopping, ok := ctx.Value(stoppingKey{}).(<-chan struct{}); ok {
		go func() {
			select {
			case <-stopping:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel, nil
}

// connKey is the context key of the connection of a request.
type connKey struct{}

// Unhurried lets the client of r take nothing for as long as d, as one does that
// works on what it downloads, where others are taken for gone after some seconds.
// It holds for the rest of the connection. The write deadline of the handler is a
// limit of its own.
func Unhurried(r *http.Request, d time.Duration) {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		return
	}
	if t, ok := c.Conn.(*net.TCPConn); ok {
		if raw, err := t.SyscallConn(); err == nil {
			_ = limitUnanswered(raw, d) // fails on a connection that is closed
		}
	}
}

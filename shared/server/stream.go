package server

import (
	"context"
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

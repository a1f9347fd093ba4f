package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

const (
	healthTimeout      = 2 * time.Second
	healthcheckTimeout = 5 * time.Second
)

// HealthFunc returns further members of GET /health, or an error when the service
// cannot do its work. Anybody may call it at any rate, so it must be cheap; calls
// at the same time share one result.
type HealthFunc func(ctx context.Context) (map[string]any, error)

// health answers GET /health.
type health struct {
	check HealthFunc
	log   *slog.Logger
	calls singleflight.Group
	ill   atomic.Bool // the last check failed
}

// Health returns the handler of /health: 200 {"status":"ok"} and the members of
// f, which may be nil, or 503 {"status":"unavailable"} when f fails or takes more
// than 2 s. The log tells when that changes, not each time.
func Health(log *slog.Logger, f HealthFunc) http.Handler {
	if f == nil {
		f = func(context.Context) (map[string]any, error) { return nil, nil }
	}
	h := &health{check: f, log: log}
	return problem.Handler(log, h.serve)
}

func (h *health) serve(w http.ResponseWriter, r *http.Request) error {
	extra, err := h.result(r.Context())
	if ill := err != nil; h.ill.Swap(ill) != ill {
		h.log.WarnContext(r.Context(), "health changed", "healthy", !ill, "err", err)
	}
	body := map[string]any{"status": "ok"}
	status := http.StatusOK
	if err != nil {
		body["status"], status = "unavailable", http.StatusServiceUnavailable
		if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind != errs.Internal {
			body["detail"] = e.Text
		}
	}
	for name, value := range extra {
		if _, ok := body[name]; !ok {
			body[name] = value
		}
	}
	return problem.JSON(w, status, body)
}

// result is that of a check that runs now, perhaps for another client.
func (h *health) result(ctx context.Context) (map[string]any, error) {
	// The result is shared, so it must not depend on one client staying.
	ctx = context.WithoutCancel(ctx)
	done := h.calls.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		return callHealth(ctx, h.check)
	})
	timeout := time.NewTimer(healthTimeout)
	defer timeout.Stop()
	select {
	case res := <-done:
		extra, _ := res.Val.(map[string]any)
		return extra, res.Err
	case <-timeout.C:
		return nil, errors.New("health check took too long")
	}
}

// callHealth runs f; singleflight would end the process after a panic.
func callHealth(ctx context.Context, f HealthFunc) (extra map[string]any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("health check panicked: %v", p)
		}
	}()
	return f(ctx)
}

// Healthcheck asks the service that listens on addr (the value of ADDR, "" for
// the default) for its health, from the same machine. It returns the exit code: 0
// when the answer is 200, else 1.
func Healthcheck(ctx context.Context, addr string) int {
	if addr == "" {
		addr = defaultAddr
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 1
	}
	// A wildcard is every address of the machine, so also the loopback one.
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	if checkHealth(ctx, net.JoinHostPort(host, port)) != nil {
		return 1
	}
	return 0
}

// checkHealth returns an error unless GET /health on addr is answered with 200.
// It speaks HTTP by hand: http.Client alone is 0.4 MB of code.
func checkHealth(ctx context.Context, addr string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing depends on it
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(c, "GET /health HTTP/1.1\r\nHost: "+addr+"\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return nil
}

// Package upstream speaks to the services behind the relay: the error tracker
// and the metrics collector.
package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/outbound"
)

const (
	timeout = 5 * time.Second // of a request, with its whole answer
	// maxAnswer is read of an answer; a longer one is none of our services'.
	maxAnswer = 64 << 10
	// maxPassed is the longest answer that is passed on to a page.
	maxPassed = 4 << 10
	// maxConns bounds the connections to one service.
	maxConns = 64
)

// Service is where a service is and its key.
type Service struct {
	URL *url.URL
	Key config.Secret
}

// Client sends parcels over pooled connections.
type Client struct {
	http     *http.Client
	services map[relay.Target]Service
	single   atomic.Int64 // until then (Unix seconds) the error tracker takes no batches
}

// New returns a client of the two services.
func New(errorTracker, metricsCollector Service) *Client {
	return &Client{
		http:     outbound.NewClient(outbound.Options{Policy: outbound.Settings, Timeout: timeout, MaxAnswer: maxAnswer, Conns: maxConns}),
		services: map[relay.Target]Service{relay.ToErrors: errorTracker, relay.ToMetrics: metricsCollector, relay.ToEnvelopes: errorTracker},
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Send implements relay.Upstream.
func (c *Client) Send(ctx context.Context, p relay.Parcel) relay.Result {
	if p.Target == relay.ToEnvelopes {
		return c.sendEnvelope(ctx, p)
	}
	s := c.services[p.Target]
	address := s.URL.String() + "/api/errors"
	if p.Target == relay.ToMetrics {
		address = s.URL.String() + "/api/metrics?partial=1"
	}
	res, body, failed := c.post(ctx, s, address, p) //nolint:bodyclose // post has read and closed it
	if res == nil {
		return failed
	}
	return judge(p.Target, res, body)
}

// post sends a body and reads the answer. Without an answer res is nil.
func (c *Client) post(ctx context.Context, s Service, address string, p relay.Parcel) (res *http.Response, body []byte, failed relay.Result) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(p.Body))
	if err != nil {
		return nil, nil, relay.Result{Outcome: relay.Misconfigured, Detail: err.Error()}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-API-Key", s.Key.Reveal())
	if p.Key != "" {
		req.Header.Set("Idempotency-Key", p.Key)
	}
	return c.do(req)
}

// do sends a request and reads the answer. Without one res is nil.
func (c *Client) do(req *http.Request) (res *http.Response, body []byte, failed relay.Result) {
	req.Header.Set("User-Agent", "monlight-browser-relay")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, nil, relay.Result{Outcome: relay.Down, Detail: reason(err)}
	}
	defer res.Body.Close() //nolint:errcheck // read as far as wanted
	body, err = io.ReadAll(res.Body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, nil, relay.Result{Outcome: relay.Down, Detail: fmt.Sprintf("status %d with more than %d bytes", res.StatusCode, maxAnswer)}
	} else if err != nil {
		return nil, nil, relay.Result{Outcome: relay.Down, Detail: reason(err)}
	}
	return res, body, relay.Result{}
}

// judge says what an answer means.
func judge(t relay.Target, res *http.Response, body []byte) relay.Result {
	r := relay.Result{Detail: fmt.Sprintf("status %d", res.StatusCode)}
	if d := detail(body); d != "" {
		r.Detail += ": " + d
	}
	code := res.StatusCode
	if code == http.StatusOK || code == http.StatusCreated || code == http.StatusAccepted && t == relay.ToMetrics {
		// What is not JSON comes from somebody else: a proxy's page, for example.
		if !json.Valid(body) || len(body) == 0 || body[0] != '{' {
			r.Outcome, r.Detail = relay.Down, fmt.Sprintf("status %d with an answer that is no JSON object", code)
			return r
		}
		r.Outcome, r.Created, r.Detail = relay.Delivered, code == http.StatusCreated, ""
		if len(body) <= maxPassed {
			r.Body = body
		}
		return r
	}
	if r.Outcome = outcomeOf(code); r.Outcome == relay.Busy {
		r.RetryAfter = retryAfter(res.Header.Get("Retry-After"))
	}
	return r
}

// outcomeOf is what a status other than success means.
func outcomeOf(code int) relay.Outcome {
	switch {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable, code == http.StatusRequestTimeout:
		return relay.Busy
	case code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
		return relay.Down
	case code >= 500:
		return relay.Failing
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code < 400:
		return relay.Misconfigured
	}
	return relay.Refused
}

// detail is what one of our services says about an error.
func detail(body []byte) string {
	var d struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &d) != nil {
		return ""
	}
	return relay.Cut(d.Detail, 300)
}

// retryAfter reads seconds; our services send nothing else.
func retryAfter(s string) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > 86400 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// reason is an error without the URL in it.
func reason(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return "no answer in time"
		}
		err = e.Err
	}
	return err.Error()
}

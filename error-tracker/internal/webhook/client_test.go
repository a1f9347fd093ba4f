package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/outbound"
)

const (
	key  = tracker.Secret("mlwh_canary-key-1f0c")
	path = "/services/T0/B0/canary-path-55ab"
)

var alert = tracker.Mail{ID: 3, ProjectID: 7, MessageID: "created.abc", Kind: "created", Text: `{"id":"created.abc","text":"ü"}`}

// hooks gives each project the same webhook.
type hooks struct {
	hook tracker.Webhook
	err  error
}

func (h hooks) Of(context.Context, int64) (tracker.Webhook, error) { return h.hook, h.err }

// to returns a client whose project has its webhook at url.
func to(url string, private bool) *Client {
	return New(Options{Hooks: hooks{hook: tracker.Webhook{URL: tracker.Secret(url), Key: key}}, Private: private, Version: "1.2.3", Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
}

func receiver(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// failure is why a client did not deliver. It fails the test when it tells the
// path of the webhook or its key.
func failure(t *testing.T, err error) *alerting.DeliveryError {
	t.Helper()
	e, ok := errors.AsType[*alerting.DeliveryError](err)
	if !ok {
		t.Fatalf("error %v, want an *alerting.DeliveryError", err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error tells a secret: %v", err)
	}
	return e
}

func TestAPostIsSigned(t *testing.T) {
	var got *http.Request
	var body []byte
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	if err := to(url+path, true).Send(t.Context(), alert); err != nil {
		t.Fatal(err)
	}
	// By openssl: printf '1800000000.{"id":"created.abc","text":"ü"}' | openssl dgst -sha256 -hmac mlwh_canary-key-1f0c
	const want = "sha256=7556898eeeafd5b769cbfe6758ac75650cf2bb8eae0a4e1819546309b6de7363"
	if got.Method != http.MethodPost || got.URL.Path != path || string(body) != alert.Text ||
		got.Header.Get("X-Monlight-Timestamp") != "1800000000" || got.Header.Get("X-Monlight-Signature") != want {
		t.Errorf("%s %s %v\n%s\nwant the signature %s", got.Method, got.URL.Path, got.Header, body, want)
	}
	if got.Header.Get("Content-Type") != "application/json; charset=utf-8" || got.Header.Get("User-Agent") != "Monlight-error-tracker/1.2.3" {
		t.Errorf("headers %v", got.Header)
	}
}

func TestWithoutAKeyNothingIsSigned(t *testing.T) {
	signed := true
	url := receiver(t, func(_ http.ResponseWriter, r *http.Request) { signed = r.Header.Get("X-Monlight-Signature") != "" })
	c := New(Options{Hooks: hooks{hook: tracker.Webhook{URL: tracker.Secret(url), Operator: true}}})
	if err := c.Send(t.Context(), alert); err != nil || signed {
		t.Errorf("the operator's webhook without a key: %v, signed %t", err, signed)
	}
}

// What people put into the settings of a project leads to the internet only,
// unless the operator says otherwise, and to the metadata of a cloud never.
func TestProjectsDoNotLeadInside(t *testing.T) {
	var called atomic.Int64
	inside := receiver(t, func(http.ResponseWriter, *http.Request) { called.Add(1) })
	_, port, err := net.SplitHostPort(strings.TrimPrefix(inside, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "192.168.1.1", "100.64.0.1"} {
		e := failure(t, to("http://"+host+":"+port+path, false).Send(t.Context(), alert))
		if !errors.Is(e, outbound.ErrRefused) || !strings.Contains(e.Error(), "ALERT_WEBHOOK_PRIVATE") || !e.Target {
			t.Errorf("%s: %v, want it refused", host, e)
		}
	}
	if called.Load() != 0 {
		t.Fatalf("%d posts arrived inside", called.Load())
	}
	if err := to(inside+path, true).Send(t.Context(), alert); err != nil || called.Load() != 1 {
		t.Errorf("allowed by the operator: %v, %d posts", err, called.Load())
	}
	operators := New(Options{Hooks: hooks{hook: tracker.Webhook{URL: tracker.Secret(inside), Operator: true}}})
	if err := operators.Send(t.Context(), alert); err != nil || called.Load() != 2 {
		t.Errorf("named by the operator: %v, %d posts", err, called.Load())
	}
	for _, host := range []string{"169.254.169.254", "[fd00:ec2::254]", "0.0.0.0"} {
		if e := failure(t, to("http://"+host+path, true).Send(t.Context(), alert)); !errors.Is(e, outbound.ErrRefused) {
			t.Errorf("%s, private allowed: %v, want it refused", host, e)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var called atomic.Int64
	inside := receiver(t, func(http.ResponseWriter, *http.Request) { called.Add(1) })
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside, http.StatusTemporaryRedirect)
	})
	e := failure(t, to(url+path, true).Send(t.Context(), alert))
	if called.Load() != 0 || !strings.Contains(e.Error(), "307") || e.Permanent {
		t.Errorf("%d posts at the other end, %v", called.Load(), e)
	}
}

func TestAnswersAreJudged(t *testing.T) {
	for status, permanent := range map[int]bool{400: true, 401: false, 403: false, 404: false, 410: true, 413: true, 422: true, 429: false, 500: false, 503: false} {
		url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<script>alert(1)</script>\x1b[31m\nno such hook: %s %s", r.URL.Path, strings.Repeat("x", 10_000))
		})
		e := failure(t, to(url+path, true).Send(t.Context(), alert))
		if e.Permanent != permanent || e.Target == permanent || e.Down {
			t.Errorf("%d: %+v", status, e)
		}
		if text := e.Error(); len(text) > maxErrorText+40 || strings.ContainsAny(text, "\x1b\n") || !strings.Contains(text, fmt.Sprint(status)) || !strings.Contains(text, "no such hook: …") {
			t.Errorf("%d: text %q", status, text)
		}
	}
}

// An answer that does not end is left, and does not fill the memory.
func TestAnswersHaveAnEnd(t *testing.T) {
	var sent atomic.Int64
	endless := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			piece := bytes.Repeat([]byte("x"), 64<<10)
			for sent.Load() < 1<<30 && r.Context().Err() == nil {
				n, err := w.Write(piece)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		}
	}
	if err := to(receiver(t, endless(200))+path, true).Send(t.Context(), alert); err != nil {
		t.Errorf("a good answer without end: %v", err)
	}
	failure(t, to(receiver(t, endless(500))+path, true).Send(t.Context(), alert))
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%d bytes of the answers were taken", n)
	}
}

func TestSilenceIsLeft(t *testing.T) {
	url := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if e := failure(t, to(url+path, true).Send(ctx, alert)); !strings.Contains(e.Error(), "no answer in time") || !e.Target {
		t.Errorf("%+v", e)
	}
	c := to(url, true)
	if c.projects.Timeout != postTimeout || c.setting.Timeout != postTimeout {
		t.Errorf("time limits %v and %v, want %v", c.projects.Timeout, c.setting.Timeout, postTimeout)
	}
	c = to(url+path, true)
	c.projects.Timeout = 100 * time.Millisecond // the client's own limit may be noticed before that of the context
	if e := failure(t, c.Send(t.Context(), alert)); e.Err.Error() != "no answer in time" {
		t.Errorf("%+v", e)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := "http://" + l.Addr().String()
	l.Close()
	if e := failure(t, to(away+path, true).Send(t.Context(), alert)); !strings.Contains(e.Error(), "refused") || !e.Target {
		t.Errorf("nobody there: %+v", e)
	}
}

func TestWithoutAWebhookNothingIsPosted(t *testing.T) {
	for _, h := range []hooks{{}, {err: errs.New(errs.NotFound, "project 7 not found")}} {
		if e := failure(t, New(Options{Hooks: h}).Send(t.Context(), alert)); !e.Permanent {
			t.Errorf("%+v", e)
		}
	}
	if e := failure(t, New(Options{Hooks: hooks{err: errors.New("disk")}}).Send(t.Context(), alert)); e.Permanent {
		t.Errorf("the store fails: %+v", e)
	}
}

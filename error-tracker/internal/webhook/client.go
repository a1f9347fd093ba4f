// Package webhook posts alerts to the webhooks of projects.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/outbound"
)

const (
	postTimeout  = 10 * time.Second // one post, answer included
	maxAnswer    = 2 << 10          // bytes of an answer that are read, of a failure only
	maxErrorText = 300              // bytes of it that are kept
	minEcho      = 6                // a path from so many bytes on is taken out of what is kept
)

// Header fields of a post. The signature is "sha256=" and the HMAC-SHA256, in hex,
// of the time stamp, a full stop and the body, by the key of the webhook.
const (
	TimestampHeader = "X-Monlight-Timestamp" // Unix seconds of this attempt
	SignatureHeader = "X-Monlight-Signature"
)

// Hooks finds the webhook of a project; [tracker.Webhooks] does.
type Hooks interface {
	Of(ctx context.Context, project int64) (tracker.Webhook, error)
}

// Options describe a client.
type Options struct {
	Hooks   Hooks
	Private bool // webhooks of projects may be on this machine and in private networks
	Version string
	Now     func() time.Time // for the time stamps; nil is time.Now
}

// Client posts what has been composed, to where the webhook of its project is by
// now. It may be used by several goroutines.
type Client struct {
	hooks             Hooks
	agent             string
	now               func() time.Time
	projects, setting *http.Client // for webhooks of projects, and for the one of the settings
}

// New returns a client. It does not connect.
func New(o Options) *Client {
	if o.Now == nil {
		o.Now = time.Now
	}
	policy := outbound.Public
	if o.Private {
		policy = outbound.Settings
	}
	way := func(p outbound.Policy) *http.Client {
		return outbound.NewClient(outbound.Options{Policy: p, Timeout: postTimeout, MaxAnswer: maxAnswer})
	}
	return &Client{hooks: o.Hooks, agent: "Monlight-error-tracker/" + o.Version, now: o.Now, projects: way(policy), setting: way(outbound.Settings)}
}

// String names the channel for log lines.
func (c *Client) String() string { return "webhook" }

// Close does nothing: no connection is kept.
func (c *Client) Close() error { return nil }

// Send posts m, within 10 seconds and ctx. It has arrived when the answer is one
// of 2xx. The error is an *alerting.DeliveryError, which tells nothing of the URL
// but its host.
func (c *Client) Send(ctx context.Context, m tracker.Mail) error {
	hook, err := c.hooks.Of(ctx, m.ProjectID)
	switch {
	case errs.KindOf(err) == errs.NotFound, err == nil && hook.URL == "":
		return &alerting.DeliveryError{Stage: "webhook", Permanent: true, Err: errors.New("the project has no webhook any more")}
	case err != nil:
		return &alerting.DeliveryError{Stage: "webhook", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(hook.URL), strings.NewReader(m.Text))
	if err != nil {
		return &alerting.DeliveryError{Stage: "webhook", Permanent: true, Err: errors.New("its URL is none")}
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", c.agent)
	if hook.Key != "" {
		stamp := strconv.FormatInt(c.now().Unix(), 10)
		req.Header.Set(TimestampHeader, stamp)
		req.Header.Set(SignatureHeader, Signature(hook.Key, stamp, m.Text))
	}
	client := c.projects
	if hook.Operator {
		client = c.setting
	}
	res, err := client.Do(req)
	if err != nil {
		return &alerting.DeliveryError{Stage: "connect", Target: true, Err: reason(err)}
	}
	defer res.Body.Close()
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	return refused(res, req.URL)
}

// Signature is the value of SignatureHeader for a time stamp and a body.
func Signature(key tracker.Secret, stamp, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(mac, stamp+"."+body) // a hash takes everything
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// reason is why there was no answer, without the URL that net/http puts before it.
func reason(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return errors.New("no answer in time")
		}
		err = u.Err
	}
	if errors.Is(err, outbound.ErrRefused) {
		return fmt.Errorf("%w; ALERT_WEBHOOK_PRIVATE=true allows addresses of this machine and of private networks", err)
	}
	return err
}

// Statuses by which a receiver says that it will not take this post at any later
// attempt either. With all others, somebody may mend it: a path that is not there
// yet, a key that ran out.
var permanent = []int{http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

// refused is what an answer that is not of 2xx means.
func refused(res *http.Response, to *url.URL) error {
	e := &alerting.DeliveryError{Stage: "webhook", Permanent: slices.Contains(permanent, res.StatusCode)}
	e.Target = !e.Permanent
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		e.Err = fmt.Errorf("status %d: redirects are not followed", res.StatusCode)
		return e
	}
	said, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // what came is shown, whatever ended it
	text := printable(string(said))
	// Some say what they were asked for, which is a secret.
	for _, secret := range []string{to.RequestURI(), to.EscapedPath(), to.Path, to.RawQuery} {
		if len(secret) >= minEcho {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	text = strings.TrimSpace(text[:min(len(text), maxErrorText)])
	if text == "" {
		text = http.StatusText(res.StatusCode)
	}
	e.Err = fmt.Errorf("status %d: %s", res.StatusCode, strings.ToValidUTF8(text, ""))
	return e
}

// printable is s as one line without control characters.
func printable(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r <= 0x9f {
			return ' '
		}
		return r
	}, s)), " ")
}

package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

// unknownClient stands for the address of a browser that was not kept: so that the
// error tracker does not take ours for it.
const unknownClient = "unknown"

// maxLimits bounds the header with limits that is passed on.
const maxLimits = 1000

// address is the line before an envelope in a parcel.
type address struct {
	Project string `json:"project"`
	Key     string `json:"key"`
	SDK     string `json:"sdk,omitempty"`
	Origin  string `json:"origin,omitempty"`
	Client  string `json:"client,omitempty"`
}

// Envelope implements relay.Encoder.
func (Encoder) Envelope(e *relay.Envelope) ([]byte, error) {
	line, err := json.Marshal(address{e.Project, e.Key, e.SDK.String(), e.Origin, e.Client})
	if err != nil {
		return nil, err
	}
	return append(append(line, '\n'), e.Body...), nil
}

// sendEnvelope passes an envelope on. Where it goes is our own setting: of what the
// page said only the number of the project gets into the address.
func (c *Client) sendEnvelope(ctx context.Context, p relay.Parcel) relay.Result {
	line, envelope, _ := bytes.Cut(p.Body, []byte("\n"))
	var a address
	if err := json.Unmarshal(line, &a); err != nil || strings.Trim(a.Project, "0123456789") != "" {
		return relay.Result{Outcome: relay.Refused, Detail: "an envelope without an address"}
	}
	s := c.services[relay.ToEnvelopes]
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL.String()+"/api/"+a.Project+"/envelope/", bytes.NewReader(envelope))
	if err != nil {
		return relay.Result{Outcome: relay.Misconfigured, Detail: err.Error()}
	}
	auth := "Sentry sentry_version=7, sentry_key=" + a.Key
	if a.SDK != "" {
		auth += ", sentry_client=" + a.SDK
	}
	req.Header.Set("X-Sentry-Auth", auth)
	req.Header.Set("Content-Type", "application/x-sentry-envelope")
	if a.Origin != "" {
		req.Header.Set("Origin", a.Origin)
	}
	if a.Client == "" {
		a.Client = unknownClient
	}
	req.Header.Set("X-Forwarded-For", a.Client)
	res, body, failed := c.do(req) //nolint:bodyclose // do has read and closed it
	if res == nil {
		return failed
	}
	return judgeEnvelope(res, body)
}

// judgeEnvelope says what an answer to an envelope means. A key that the error tracker
// does not know is the page's fault, not ours.
func judgeEnvelope(res *http.Response, body []byte) relay.Result {
	code := res.StatusCode
	r := judge(relay.ToEnvelopes, res, body)
	r.Status, r.Limits = code, headerText(res.Header.Get("X-Sentry-Rate-Limits"))
	if code == http.StatusUnauthorized || code == http.StatusForbidden {
		r.Outcome = relay.Refused
	}
	if code == http.StatusTooManyRequests {
		r.Outcome = relay.Limited
	}
	if r.Outcome == relay.Refused || r.Outcome == relay.Limited {
		if d := detail(body); d != "" {
			r.Detail = d
		} else {
			r.Detail = fmt.Sprintf("the error tracker answered %d", code)
		}
	}
	return r
}

// headerText is text as it may stand in a header.
func headerText(s string) string {
	if len(s) > maxLimits || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		return ""
	}
	return s
}

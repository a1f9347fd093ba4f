// Package postmark delivers mails by the HTTP API of Postmark.
package postmark

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	api "github.com/keighl/postmark"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/outbound"
)

const (
	mailTimeout  = 30 * time.Second // one call, answer included
	maxAnswer    = 64 << 10         // bytes of an answer that are read
	maxErrorText = 300              // bytes of its message that are kept
	defaultURL   = "https://api.postmarkapp.com"
)

// Options says on whose behalf mails are sent.
type Options struct {
	Token config.Secret     // server token
	Mail  alerting.Settings // sender and header fields of the mails
	URL   string            // of the API; empty for Postmark's own
}

// Client sends mails, one call for each.
type Client struct {
	token string
	mail  alerting.Settings
	url   string
	http  *http.Client
}

// New returns a client. It does not connect.
func New(o Options) (*Client, error) {
	token := o.Token.Reveal()
	if token == "" {
		return nil, errors.New("token is empty")
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("token has characters that do not belong in a header")
	}
	if o.Mail.From.Addr == "" {
		return nil, errors.New("mails have no sender address")
	}
	if o.URL == "" {
		o.URL = defaultURL
	}
	out, err := way(o.URL)
	if err != nil {
		return nil, err
	}
	return &Client{token: token, mail: o.Mail, url: strings.TrimRight(o.URL, "/"), http: outbound.NewClient(out)}, nil
}

// way says how the API is called: on the internet, unless it is called elsewhere
// or by a proxy, which whoever runs us has named and which may be beside us.
func way(to string) (outbound.Options, error) {
	o := outbound.Options{Policy: outbound.Public, Timeout: mailTimeout, MaxAnswer: maxAnswer, Conns: 1}
	u, err := url.Parse(to)
	if err != nil {
		return o, err
	}
	if o.Proxy, err = http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil {
		return o, fmt.Errorf("HTTP_PROXY or HTTPS_PROXY: %w", err)
	}
	if o.Proxy != nil || to != defaultURL {
		o.Policy = outbound.Settings
	}
	return o, nil
}

// String names the service for log lines.
func (c *Client) String() string { return "postmark" }

// Close closes the idle connection, if there is one. The client may be used again.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Send delivers m, within 30 seconds and ctx. The error is an
// *alerting.DeliveryError. After one without a status from Postmark the mail
// may or may not have been taken.
func (c *Client) Send(ctx context.Context, m tracker.Mail) error {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	call := &call{ctx: ctx, next: c.http.Transport}
	client := api.Client{
		ServerToken: c.token,
		BaseURL:     c.url,
		HTTPClient:  &http.Client{Transport: call, CheckRedirect: c.http.CheckRedirect},
	}
	answer, err := client.SendEmail(c.email(m))
	return classify(ctx, call.status, answer, err)
}

func (c *Client) email(m tracker.Mail) api.Email {
	headers := []api.Header{
		{Name: "Message-ID", Value: "<" + m.MessageID + ">"},
		{Name: "X-PM-KeepID", Value: "true"}, // else Postmark makes a Message-ID of its own
	}
	for _, h := range c.mail.Headers(m) {
		headers = append(headers, api.Header{Name: h.Name, Value: h.Value})
	}
	return api.Email{
		From:     c.mail.From.Header(),
		To:       m.Recipient,
		Subject:  oneLine(m.Subject),
		Tag:      "alert-" + m.Kind,
		TextBody: m.Text,
		HtmlBody: m.HTML,
		Headers:  headers,
	}
}

// Codes by which Postmark says that the token, the sender or the account is at
// fault, and not the mail: the operator can mend that, so the mail is kept.
var accountCodes = []int64{
	10,  // bad or missing token
	400, // sender signature not found
	401, // sender signature not confirmed
	405, // out of credits
	412, // account pending
	413, // account may not send
}

// classify tells what became of a mail from the status and body of the answer;
// status is 0 if there was none.
func classify(ctx context.Context, status int, answer api.EmailResponse, err error) error {
	if status == http.StatusOK && err == nil && answer.ErrorCode == 0 {
		return nil
	}
	e := &alerting.DeliveryError{Stage: "postmark"}
	switch {
	case status == 0:
		e.Down, e.Err = true, err
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			e.Err = errors.New("no answer in time")
		}
		return e
	case slices.Contains(accountCodes, answer.ErrorCode), status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Down = true
	case status == http.StatusUnprocessableEntity:
		e.Permanent = true
	case status == http.StatusTooManyRequests, status >= 500, status < 400:
		// Overloaded, broken, or not Postmark at all: a proxy's login page, a redirect.
		e.Down = true
	case status >= 400 && answer.ErrorCode != 0:
		e.Permanent = true // 413: the mail is too large, and the like
	default:
		e.Down = true
	}
	text := oneLine(answer.Message[:min(len(answer.Message), maxErrorText)])
	if text == "" && status < 400 && err != nil {
		text = "answer is not of the form that Postmark sends"
	}
	e.Err = fmt.Errorf("status %d, error code %d: %s", status, answer.ErrorCode, text)
	return e
}

// call is one request by the library, which knows no contexts.
type call struct {
	ctx    context.Context
	next   http.RoundTripper
	status int // of the answer; 0 while there is none
}

// RoundTrip implements http.RoundTripper.
func (c *call) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(r.WithContext(c.ctx))
	if err != nil {
		return nil, err
	}
	c.status = res.StatusCode
	return res, nil
}

// oneLine is s without control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// Package outbound makes the connections that a service opens itself: to
// http and https addresses, and to mail servers. Each address is judged when the
// connection to it is made, whatever it was called and whatever the name meant
// before; no redirect is followed, and an answer has an end.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// ErrRefused is the error of an address that the policy does not allow.
var ErrRefused = errors.New("not an address that is called")

const (
	maxHeaderBytes = 16 << 10 // of an answer
	keepIdle       = 50 * time.Second
)

// Policy says which addresses may be called.
type Policy int

const (
	// Settings is for what the operator's settings name: also addresses of this
	// machine and of private networks, since that is where the services live.
	Settings Policy = iota
	// Public is for everything else: addresses of the internet only.
	Public
)

// Options describe a client.
type Options struct {
	Policy    Policy
	Timeout   time.Duration // of a request with its whole answer; half of it for connecting
	MaxAnswer int64         // bytes of a body; reading more fails with an *http.MaxBytesError
	Conns     int           // connections to one host, which are kept and used again; 0 keeps none and sets no limit

	// Proxy is a proxy that the operator's settings name, nil for none. It is what
	// gets called then: the proxy resolves the names, and Policy is about the proxy.
	Proxy *url.URL
}

// NewClient returns a client for http and https. Redirects are not followed:
// they are the answer.
func NewClient(o Options) *http.Client {
	t := &http.Transport{
		DialContext:            NewDialer(o.Policy, o.Timeout/2).DialContext,
		TLSHandshakeTimeout:    o.Timeout / 2,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // so that MaxAnswer counts what is read
		DisableKeepAlives:      o.Conns == 0,
		MaxIdleConnsPerHost:    o.Conns,
		MaxConnsPerHost:        o.Conns,
		IdleConnTimeout:        keepIdle,
	}
	if o.Proxy != nil {
		t.Proxy = http.ProxyURL(o.Proxy)
	}
	return &http.Client{
		Timeout:   o.Timeout,
		Transport: &bounded{t, o.MaxAnswer},
		// A redirect would carry keys to where it likes.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded ends answers that are too long.
type bounded struct {
	next  *http.Transport
	limit int64
}

// CloseIdleConnections is called by that of [http.Client].
func (b *bounded) CloseIdleConnections() { b.next.CloseIdleConnections() }

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = http.MaxBytesReader(nil, res.Body, b.limit)
	return res, nil
}

// NewDialer returns a dialer that resolves a name once and connects to what it
// meant then, if p allows that address.
func NewDialer(p Policy, timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		// It is called with the address itself, between making the socket and
		// connecting it: no name can mean something else afterwards.
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return p.check(address)
		},
	}
}

// check returns ErrRefused when address, a number with a port, may not be called.
func (p Policy) check(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrRefused, address)
	}
	switch k := kindOf(a.Addr()); {
	case k == forbidden:
		return fmt.Errorf("%w: %s is for use on a link, of many, or of no machine", ErrRefused, a.Addr())
	case k == internal && p != Settings:
		return fmt.Errorf("%w: %s is not on the internet", ErrRefused, a.Addr())
	}
	return nil
}

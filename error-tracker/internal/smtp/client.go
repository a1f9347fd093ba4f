// Package smtp delivers mails to a mail server: the operator's relay or
// provider. It speaks the part of RFC 5321 that a submitting client needs, with
// a time limit on every step and a bound on everything it reads.
package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/shared/config"
	"github.com/monlight/monlight/shared/outbound"
)

// Time limits. A slow server is cut off; the mail is tried again later.
const (
	dialTimeout = 10 * time.Second
	stepTimeout = 30 * time.Second // one command and its reply, or the TLS handshake
	mailTimeout = 60 * time.Second // everything for one mail, connecting included
	quitTimeout = 2 * time.Second
	maxIdle     = 20 * time.Second // a connection that waited longer is not used again
	maxPerConn  = 50               // mails on one connection; servers have such limits too
)

// Options says which server to use and how.
type Options struct {
	Host     string
	Port     int
	Username string // empty: no authentication
	Password config.Secret
	TLS      Policy
	Mail     alerting.Settings // sender and header fields of the mails

	// TLSConfig is what TLS starts from, nil for the system's certificate
	// authorities. Server name, lowest version and checking are set by the client.
	TLSConfig *tls.Config
}

// Client sends mails over one connection that it keeps for the next mail.
// It may be used by several goroutines; they take turns.
type Client struct {
	o      Options
	policy Policy
	dial   func(ctx context.Context, network, address string) (net.Conn, error)

	mu   sync.Mutex
	conn *session // nil when there is none
}

// New checks o and returns a client. It does not connect.
func New(o Options) (*Client, error) {
	o.Host = strings.TrimSpace(o.Host)
	switch {
	case o.Host == "":
		return nil, errors.New("SMTP host is empty")
	case strings.ContainsAny(o.Host, " \t\r\n/:@") && net.ParseIP(o.Host) == nil:
		return nil, fmt.Errorf("SMTP host is %q, want a host name or address without port", o.Host)
	case o.Port < 1 || o.Port > 65535:
		return nil, fmt.Errorf("SMTP port is %d, want 1 to 65535", o.Port)
	case strings.ContainsRune(o.Username+o.Password.Reveal(), 0):
		return nil, errors.New("SMTP user name or password has a zero byte")
	}
	if o.Mail.From.Addr == "" {
		return nil, errors.New("mails have no sender address")
	}
	if o.Username == "" || o.Password.IsZero() {
		o.Username = "" // both or none
	}
	policy, err := o.TLS.resolve(o.Host, o.Port, o.Username != "")
	if err != nil {
		return nil, err
	}
	return &Client{o: o, policy: policy, dial: outbound.NewDialer(outbound.Settings, dialTimeout).DialContext}, nil
}

// Policy is what the client was told, or chose, about TLS. It is never Auto.
func (c *Client) Policy() Policy { return c.policy }

// String names the server for log lines: "smtp mail.example.com:587".
func (c *Client) String() string {
	return "smtp " + net.JoinHostPort(c.o.Host, strconv.Itoa(c.o.Port))
}

// Send delivers m, within 60 seconds and ctx. The error is an
// *alerting.DeliveryError. After an error that is not a refusal the mail may or
// may not have been taken.
func (c *Client) Send(ctx context.Context, m tracker.Mail) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()

	message := compose(m, c.o.Mail, newBoundary())
	if c.conn != nil && c.conn.stale(time.Now()) {
		c.close()
	}
	used := c.conn != nil
	for {
		if c.conn == nil {
			s, err := c.connect(ctx)
			if err != nil {
				return err
			}
			c.conn = s
		}
		err := c.conn.deliver(ctx, c.o.Mail.From.Addr, m.Recipient, message)
		if err == nil {
			return nil
		}
		broken := c.conn.broken
		if broken {
			c.close()
		}
		// A server may close an idle connection at any time. That says nothing
		// about the mail, as long as it had not begun: try once on a new one.
		if d, ok := errors.AsType[*alerting.DeliveryError](err); used && broken && ok && d.Stage == "mail" && ctx.Err() == nil {
			used = false
			continue
		}
		return err
	}
}

// Close ends the connection, if there is one. The client may be used again.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
	return nil
}

func (c *Client) close() {
	if c.conn != nil {
		c.conn.quit()
		c.conn = nil
	}
}

// connect dials the server and goes as far as a mail may be sent.
func (c *Client) connect(ctx context.Context) (*session, error) {
	nc, err := c.dial(ctx, "tcp", net.JoinHostPort(c.o.Host, strconv.Itoa(c.o.Port)))
	if err != nil {
		return nil, down("connect", err)
	}
	s := newSession(nc)
	if err := c.open(ctx, s); err != nil {
		s.quit()
		return nil, err
	}
	return s, nil
}

func (c *Client) open(ctx context.Context, s *session) error {
	if c.o.Port == implicitTLSPort {
		if err := s.startTLS(ctx, c.tlsConfig()); err != nil {
			return down("tls", err)
		}
	}
	if err := s.greeting(ctx); err != nil {
		return err
	}
	if err := s.hello(ctx); err != nil {
		return err
	}
	if !s.secure && c.policy != None {
		_, offered := s.extensions["STARTTLS"]
		switch {
		case offered:
			if err := s.upgrade(ctx, c.tlsConfig()); err != nil {
				return err
			}
			if err := s.hello(ctx); err != nil { // what was said before may be forged
				return err
			}
		case c.policy == Required:
			return down("starttls", errors.New("server does not offer STARTTLS, and TLS is required; nothing was sent"))
		}
	}
	if c.o.Username == "" {
		return nil
	}
	if !s.secure {
		return down("auth", errors.New("connection is not encrypted; credentials were not sent"))
	}
	return s.authenticate(ctx, c.o.Username, c.o.Password.Reveal())
}

func (c *Client) tlsConfig() *tls.Config {
	cfg := &tls.Config{}
	if c.o.TLSConfig != nil {
		cfg = c.o.TLSConfig.Clone()
	}
	cfg.ServerName = c.o.Host
	cfg.MinVersion = tls.VersionTLS12
	// Without a need for TLS an unchecked certificate is still better than clear text.
	cfg.InsecureSkipVerify = c.policy == Opportunistic
	return cfg
}

// down is a failure that no other mail would escape.
func down(stage string, err error) error {
	return &alerting.DeliveryError{Stage: stage, Down: true, Err: err}
}

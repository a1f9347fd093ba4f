package smtp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
)

// session is one connection to a mail server.
type session struct {
	conn       net.Conn
	raw        net.Conn // conn without TLS
	r          *bufio.Reader
	secure     bool              // TLS is on
	extensions map[string]string // of the last EHLO, by upper-case keyword
	sent       int               // mails delivered
	lastUse    time.Time
	broken     bool // must not be used for another mail
}

func newSession(nc net.Conn) *session {
	return &session{conn: nc, raw: nc, r: bufio.NewReaderSize(nc, maxReplyLine), lastUse: time.Now()}
}

// stale tells whether the connection should not be used for another mail.
func (s *session) stale(now time.Time) bool {
	return s.broken || s.sent >= maxPerConn || now.Sub(s.lastUse) > maxIdle
}

// limit bounds the next step in time, and ends it at once when ctx ends. Call
// the function it returns after the step.
func (s *session) limit(ctx context.Context, d time.Duration) (release func()) {
	deadline := time.Now().Add(d)
	if t, ok := ctx.Deadline(); ok && t.Before(deadline) {
		deadline = t
	}
	_ = s.conn.SetDeadline(deadline) // fails on a closed connection only, as will the step
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// command sends a line and returns the reply; secret ones do not show in errors.
func (s *session) command(ctx context.Context, line string) (reply, error) {
	if strings.ContainsAny(line, "\r\n") {
		return reply{}, errors.New("command has a line break") // the last line of defence against injection
	}
	defer s.limit(ctx, stepTimeout)()
	if _, err := s.conn.Write([]byte(line + "\r\n")); err != nil {
		return reply{}, s.lost(ctx, err)
	}
	return s.reply(ctx)
}

func (s *session) reply(ctx context.Context) (reply, error) {
	r, err := readReply(s.r)
	if err != nil {
		return r, s.lost(ctx, err)
	}
	s.lastUse = time.Now()
	if r.code == 421 { // the server is closing, RFC 5321 §3.8
		s.broken = true
	}
	return r, nil
}

// lost marks the connection as broken and says why in plain words.
func (s *session) lost(ctx context.Context, err error) error {
	s.broken = true
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("server did not answer in time")
	}
	return fmt.Errorf("connection lost: %w", err)
}

// want turns a reply into nil if its code is one of codes, else into an error.
func want(r reply, codes ...int) error {
	if slices.Contains(codes, r.code) {
		return nil
	}
	return &replyError{code: r.code, text: tidy(strings.Join(r.lines, " "))}
}

func (s *session) greeting(ctx context.Context) error {
	defer s.limit(ctx, stepTimeout)()
	r, err := s.reply(ctx)
	if err == nil {
		err = want(r, 220)
	}
	if err != nil {
		return down("greeting", err)
	}
	return nil
}

// hello says EHLO and notes what the server can do.
func (s *session) hello(ctx context.Context) error {
	name := s.localName()
	r, err := s.command(ctx, "EHLO "+name)
	if err == nil && r.code >= 500 && !s.broken {
		r, err = s.command(ctx, "HELO "+name) // older than RFC 1869
		r.lines = r.lines[:min(len(r.lines), 1)]
	}
	if err == nil {
		err = want(r, 250)
	}
	if err != nil {
		return down("ehlo", err)
	}
	s.extensions = map[string]string{}
	for _, line := range r.lines[min(len(r.lines), 1):] { // the first is a greeting
		key, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.extensions[strings.ToUpper(key)] = params
	}
	return nil
}

// localName is how this end introduces itself: the host's name if it is a full
// one, else the address of this end of the connection (RFC 5321 §4.1.3). The
// name of a container is neither known nor of use to a mail server.
func (s *session) localName() string {
	if name, err := os.Hostname(); err == nil && fullName(name) {
		return name
	}
	host, _, err := net.SplitHostPort(s.conn.LocalAddr().String())
	ip := net.ParseIP(host)
	switch {
	case err != nil || ip == nil:
		return "localhost"
	case ip.To4() != nil:
		return "[" + ip.String() + "]"
	}
	return "[IPv6:" + ip.String() + "]"
}

func fullName(s string) bool {
	if !strings.Contains(s, ".") || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || len(s) > 253 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-'
	}) < 0
}

// upgrade turns the connection into a TLS one by STARTTLS (RFC 3207).
func (s *session) upgrade(ctx context.Context, cfg *tls.Config) error {
	r, err := s.command(ctx, "STARTTLS")
	if err == nil {
		err = want(r, 220)
	}
	if err == nil && s.r.Buffered() > 0 {
		// Someone put words in the server's mouth ahead of the encryption.
		err = errors.New("server sent text between STARTTLS and the handshake")
	}
	if err == nil {
		err = s.startTLS(ctx, cfg)
	}
	if err != nil {
		s.broken = true
		return down("starttls", err)
	}
	return nil
}

func (s *session) startTLS(ctx context.Context, cfg *tls.Config) error {
	defer s.limit(ctx, stepTimeout)()
	tc := tls.Client(s.conn, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		s.broken = true
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errors.New("server did not answer in time")
		}
		return err
	}
	s.conn, s.secure = tc, true
	s.r = bufio.NewReaderSize(tc, maxReplyLine)
	return nil
}

// authenticate logs in by PLAIN (RFC 4616) or, where that is all there is, LOGIN.
func (s *session) authenticate(ctx context.Context, user, password string) error {
	b64 := base64.StdEncoding.EncodeToString
	methods := strings.Fields(strings.ToUpper(s.extensions["AUTH"]))
	var (
		r   reply
		err error
	)
	plain := b64([]byte("\x00" + user + "\x00" + password))
	switch {
	case slices.Contains(methods, "PLAIN"):
		r, err = s.command(ctx, "AUTH PLAIN "+plain)
	case slices.Contains(methods, "LOGIN"):
		r, err = s.command(ctx, "AUTH LOGIN")
		for _, answer := range []string{user, password} {
			if err == nil && r.code == 334 {
				r, err = s.command(ctx, b64([]byte(answer)))
			}
		}
	default:
		return down("auth", fmt.Errorf("server offers no way to log in that we know (it offers %q, we know PLAIN and LOGIN)", tidy(s.extensions["AUTH"])))
	}
	if err == nil {
		err = want(r, 235)
	}
	if err != nil {
		if e, ok := errors.AsType[*replyError](err); ok {
			// A server may repeat what it was told.
			e.text = redact(e.text, password, plain, b64([]byte(password)))
		}
		return down("auth", err)
	}
	return nil
}

func redact(s string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
	}
	return s
}

// deliver sends one message to one recipient.
func (s *session) deliver(ctx context.Context, from, to string, message []byte) error {
	r, err := s.command(ctx, "MAIL FROM:<"+from+">")
	if err := s.check(r, err, "mail", 250); err != nil {
		return err
	}
	r, err = s.command(ctx, "RCPT TO:<"+to+">")
	if err := s.check(r, err, "rcpt", 250, 251); err != nil {
		s.reset(ctx)
		return err
	}
	r, err = s.command(ctx, "DATA")
	if err := s.check(r, err, "data", 354); err != nil {
		s.reset(ctx)
		return err
	}
	r, err = s.data(ctx, message)
	if err := s.check(r, err, "message", 250); err != nil {
		s.reset(ctx)
		return err
	}
	s.sent++
	return nil
}

// check classifies what came back at a stage of one mail. A refusal with 5xx is
// final; 4xx and everything that happens to the connection is not. A server
// that went silent or away, or says 421, would do so for any mail.
func (s *session) check(r reply, err error, stage string, codes ...int) error {
	if err == nil {
		err = want(r, codes...)
	}
	if err == nil {
		return nil
	}
	_, refused := errors.AsType[*replyError](err)
	return &alerting.DeliveryError{
		Stage:     stage,
		Permanent: refused && r.code >= 500,
		Down:      !refused || r.code == 421,
		Err:       err,
	}
}

// reset makes the connection fit for the next mail after a refusal.
func (s *session) reset(ctx context.Context) {
	if s.broken {
		return
	}
	if r, err := s.command(ctx, "RSET"); err != nil || r.code != 250 {
		s.broken = true
	}
}

// data sends the message, with a dot put before every line that begins with
// one, and the line with a single dot that ends it (RFC 5321 §4.5.2).
func (s *session) data(ctx context.Context, message []byte) (reply, error) {
	defer s.limit(ctx, mailTimeout)() // one step, but a long one
	var b bytes.Buffer
	b.Grow(len(message) + 64)
	for line := range bytes.Lines(message) {
		if line[0] == '.' {
			b.WriteByte('.')
		}
		b.Write(line)
	}
	if !bytes.HasSuffix(message, []byte("\r\n")) {
		b.WriteString("\r\n")
	}
	b.WriteString(".\r\n")
	if _, err := s.conn.Write(b.Bytes()); err != nil {
		return reply{}, s.lost(ctx, err)
	}
	return s.reply(ctx)
}

// quit says goodbye, if there is anyone to hear it, and closes the connection.
func (s *session) quit() {
	if !s.broken {
		_ = s.conn.SetDeadline(time.Now().Add(quitTimeout))
		if _, err := s.conn.Write([]byte("QUIT\r\n")); err == nil {
			_, _ = readReply(s.r)
		}
	}
	_ = s.raw.Close() // TLS would wait seconds for a dead server to take its goodbye
}

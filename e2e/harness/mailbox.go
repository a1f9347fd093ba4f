package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mailbox is a mail server that keeps what it gets. It speaks as much SMTP as
// a small relay without TLS does.
type Mailbox struct {
	t        testing.TB
	listener net.Listener

	mu    sync.Mutex
	mails []ReceivedMail
	conns map[net.Conn]bool
	odd   []string // lines that are no command: the sign of an injection
}

// ReceivedMail is one accepted mail.
type ReceivedMail struct {
	From string
	To   []string
	Raw  string
}

// NewMailbox listens on address ("127.0.0.1:0" for any port) until Close or the end of the test.
func NewMailbox(t testing.TB, address string) *Mailbox {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	m := &Mailbox{t: t, listener: l, conns: map[net.Conn]bool{}}
	go m.accept()
	t.Cleanup(m.Close)
	return m
}

// Address is host:port.
func (m *Mailbox) Address() string { return m.listener.Addr().String() }

// Port is the port alone.
func (m *Mailbox) Port() string {
	_, port, _ := net.SplitHostPort(m.Address())
	return port
}

// Close stops listening and cuts all connections.
func (m *Mailbox) Close() {
	m.listener.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns {
		c.Close()
	}
}

// Mails is what was received so far.
func (m *Mailbox) Mails() []ReceivedMail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]ReceivedMail(nil), m.mails...)
}

// Odd is every line that came where a command was expected and was none.
func (m *Mailbox) Odd() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.odd...)
}

// Wait waits until n mails have come.
func (m *Mailbox) Wait(n int, within time.Duration) []ReceivedMail {
	m.t.Helper()
	deadline := time.Now().Add(within)
	for {
		if mails := m.Mails(); len(mails) >= n {
			return mails
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("%d of %d mails came within %v", len(m.Mails()), n, within)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (m *Mailbox) accept() {
	for {
		c, err := m.listener.Accept()
		if err != nil {
			return
		}
		m.mu.Lock()
		m.conns[c] = true
		m.mu.Unlock()
		go m.serve(c)
	}
}

func (m *Mailbox) serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	r := bufio.NewReader(c)
	say := func(line string) { fmt.Fprintf(c, "%s\r\n", line) }
	say("220 mailbox")
	var now ReceivedMail
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToUpper(line)
		switch {
		case strings.HasPrefix(verb, "EHLO"), strings.HasPrefix(verb, "HELO"):
			say("250-mailbox")
			say("250 8BITMIME")
		case strings.HasPrefix(verb, "MAIL FROM:"):
			now = ReceivedMail{From: line[10:]}
			say("250 ok")
		case strings.HasPrefix(verb, "RCPT TO:"):
			now.To = append(now.To, line[8:])
			say("250 ok")
		case verb == "DATA":
			say("354 go on")
			var raw strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				raw.WriteString(strings.TrimPrefix(line, "."))
			}
			now.Raw = raw.String()
			m.mu.Lock()
			m.mails = append(m.mails, now)
			m.mu.Unlock()
			say("250 kept")
		case verb == "RSET", verb == "NOOP":
			say("250 ok")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			m.mu.Lock()
			m.odd = append(m.odd, line)
			m.mu.Unlock()
			say("500 what?")
		}
	}
}

// Read takes a mail apart: its headers, its decoded subject, and its parts by
// media type.
func (r ReceivedMail) Read() (header mail.Header, subject string, parts map[string]string, err error) {
	message, err := mail.ReadMessage(strings.NewReader(r.Raw))
	if err != nil {
		return nil, "", nil, err
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return nil, "", nil, err
	}
	media, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return nil, "", nil, err
	}
	if media != "multipart/alternative" {
		return nil, "", nil, fmt.Errorf("content type %q", media)
	}
	parts = map[string]string{}
	for mr := multipart.NewReader(message.Body, params["boundary"]); ; {
		p, err := mr.NextRawPart()
		if errors.Is(err, io.EOF) {
			return message.Header, subject, parts, nil
		}
		if err != nil {
			return nil, "", nil, err
		}
		var body io.Reader = p
		if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(p)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return nil, "", nil, err
		}
		media, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			return nil, "", nil, err
		}
		parts[media] = string(text)
	}
}

// Package smtptest is a mail server for tests. It keeps what it is sent and
// can be made to misbehave at every stage of a conversation.
package smtptest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Stage is a point in a conversation at which the server is about to answer.
type Stage string

// The stages, in the order in which they occur.
const (
	Connect  Stage = "connect" // the greeting
	Ehlo     Stage = "ehlo"
	StartTLS Stage = "starttls"
	Auth     Stage = "auth"
	Mail     Stage = "mail"
	Rcpt     Stage = "rcpt"
	Data     Stage = "data"
	Body     Stage = "body"    // within the message: nothing of it was read
	Message  Stage = "message" // after the message
	Quit     Stage = "quit"
)

// Options says how a server behaves. The zero value is a server that takes
// everything, without TLS and without log-in.
type Options struct {
	TLS      bool   // offers STARTTLS
	Implicit bool   // speaks TLS from the first byte
	Name     string // in the certificate; empty for 127.0.0.1 and localhost
	MaxTLS   uint16 // the highest version spoken; 0 for the newest

	AuthMethods string // announced, such as "PLAIN LOGIN"; empty for none
	User        string
	Password    string

	// Reply replaces the answer at a stage, which is asked for the n-th time,
	// counting from 1 over all connections. "" leaves the usual one.
	Reply map[Stage]func(n int) string
	// HangAt is a stage at which the server says nothing more, and reads nothing.
	HangAt Stage
	// CloseAt is a stage at which the server closes the connection, CloseOn
	// the connection, counting from 1, on which it does; 0 is every one.
	CloseAt Stage
	CloseOn int
	// SlowAfter is the time between two bytes of every answer.
	SlowAfter time.Duration
	// Inject is sent in clear right behind the answer to STARTTLS.
	Inject string
}

// Received is a message that the server took.
type Received struct {
	From string
	To   []string
	Data []byte // as it stood before dots were doubled
	TLS  bool
	User string // who had logged in; "" if nobody had
	Conn int    // the connection it came by, counting from 1
}

// Server is a mail server. Its methods may be called from any goroutine.
type Server struct {
	o    Options
	cert tls.Certificate
	pool *x509.CertPool
	ln   net.Listener // nil without Start
	done chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex
	messages []Received
	commands []string
	conns    int
	clear    []byte // every byte that was read outside of TLS
	asked    map[Stage]int
	open     map[net.Conn]bool
}

// New returns a server that serves the connections given to Serve.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{o: o, done: make(chan struct{}), asked: map[Stage]int{}, open: map[net.Conn]bool{}}
	s.makeCertificate(t)
	t.Cleanup(s.Close)
	return s
}

// Start returns a server that listens on a free port of 127.0.0.1.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := New(t, o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.ln = ln
	s.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.Serve(conn) })
		}
	})
	return s
}

// Port is where a started server listens.
func (s *Server) Port() int { return s.ln.Addr().(*net.TCPAddr).Port }

// Close ends all connections and waits until nothing of the server runs.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.done:
		s.mu.Unlock()
		return
	default:
	}
	close(s.done)
	if s.ln != nil {
		s.ln.Close()
	}
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Roots holds the authority that signed the server's certificate.
func (s *Server) Roots() *x509.CertPool { return s.pool }

// Messages returns what was received so far.
func (s *Server) Messages() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.messages...)
}

// Commands returns all command lines so far, those within TLS too.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...)
}

// Connections is how many there were.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// ClearText is every byte that came outside of TLS.
func (s *Server) ClearText() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.clear)
}

// conversation is one connection.
type conversation struct {
	*Server
	conn   net.Conn
	r      *bufio.Reader
	number int
	secure bool
	user   string
}

// Serve speaks with a client until one of them ends it.
func (s *Server) Serve(conn net.Conn) {
	s.mu.Lock()
	s.conns++
	c := &conversation{Server: s, conn: conn, number: s.conns}
	s.open[conn] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
		conn.Close()
	}()
	c.r = bufio.NewReader(recorder{c})
	if s.o.Implicit && !c.startTLS() {
		return
	}
	c.talk()
}

// recorder notes what is read in clear text.
type recorder struct{ c *conversation }

func (r recorder) Read(p []byte) (int, error) {
	n, err := r.c.conn.Read(p)
	if !r.c.secure {
		r.c.mu.Lock()
		r.c.clear = append(r.c.clear, p[:n]...)
		r.c.mu.Unlock()
	}
	return n, err
}

func (c *conversation) startTLS() bool {
	tc := tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{c.cert}, MinVersion: tls.VersionTLS10, MaxVersion: c.o.MaxTLS})
	if tc.Handshake() != nil {
		return false
	}
	c.conn, c.secure = tc, true
	c.r = bufio.NewReader(recorder{c})
	return true
}

// answer writes the reply of a stage, or does what the options have in its
// place. It reports whether the conversation goes on.
func (c *conversation) answer(at Stage, usual string) bool {
	text, ok := c.decide(at, usual)
	return ok && c.say(text)
}

// decide is the part of answer that comes before writing.
func (c *conversation) decide(at Stage, usual string) (text string, ok bool) {
	c.mu.Lock()
	c.asked[at]++
	n := c.asked[at]
	c.mu.Unlock()
	if c.o.HangAt == at {
		<-c.done
		return "", false
	}
	if c.hangsUp(at) {
		return "", false
	}
	if f := c.o.Reply[at]; f != nil {
		if own := f(n); own != "" {
			return own, true
		}
	}
	return usual, true
}

func (c *conversation) say(text string) bool {
	return c.write(text+"\r\n") == nil && !strings.HasPrefix(text, "421")
}

func (c *conversation) hangsUp(at Stage) bool {
	return c.o.CloseAt == at && (c.o.CloseOn == 0 || c.o.CloseOn == c.number)
}

func (c *conversation) write(s string) error {
	if c.o.SlowAfter == 0 {
		_, err := c.conn.Write([]byte(s))
		return err
	}
	for _, b := range []byte(s) {
		select {
		case <-c.done:
			return net.ErrClosed
		case <-time.After(c.o.SlowAfter):
		}
		if _, err := c.conn.Write([]byte{b}); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversation) line() (string, bool) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", false
	}
	line = strings.TrimRight(line, "\r\n")
	c.mu.Lock()
	c.commands = append(c.commands, line)
	c.mu.Unlock()
	return line, true
}

func (c *conversation) talk() {
	if !c.answer(Connect, "220 mail.test ESMTP") {
		return
	}
	var mail Received
	for {
		line, ok := c.line()
		if !ok {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO", "HELO":
			text := "250-mail.test\r\n250-8BITMIME"
			if c.o.TLS && !c.secure {
				text += "\r\n250-STARTTLS"
			}
			if c.o.AuthMethods != "" {
				text += "\r\n250-AUTH " + c.o.AuthMethods
			}
			ok = c.answer(Ehlo, text+"\r\n250 HELP")
		case "STARTTLS":
			ok = c.answer(StartTLS, "220 go ahead"+injected(c.o.Inject)) && c.startTLS()
		case "AUTH":
			ok = c.auth(rest)
		case "MAIL":
			mail = Received{From: path(rest), TLS: c.secure, User: c.user, Conn: c.number}
			ok = c.answer(Mail, "250 ok")
		case "RCPT":
			mail.To = append(mail.To, path(rest))
			ok = c.answer(Rcpt, "250 ok")
		case "DATA":
			ok = c.data(&mail)
		case "RSET":
			ok = c.write("250 ok\r\n") == nil
		case "QUIT":
			c.answer(Quit, "221 bye")
			return
		default:
			ok = c.write("500 what?\r\n") == nil
		}
		if !ok {
			return
		}
	}
}

func injected(s string) string {
	if s == "" {
		return ""
	}
	return "\r\n" + s
}

// path is the address between angle brackets.
func path(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

func (c *conversation) auth(rest string) bool {
	method, initial, _ := strings.Cut(rest, " ")
	user, password := "", ""
	decode := func(s string) string {
		b, _ := base64.StdEncoding.DecodeString(s)
		return string(b)
	}
	switch method {
	case "PLAIN":
		if parts := strings.Split(decode(initial), "\x00"); len(parts) == 3 {
			user, password = parts[1], parts[2]
		}
	case "LOGIN":
		for _, ask := range []struct {
			prompt string
			into   *string
		}{{"Username:", &user}, {"Password:", &password}} {
			if c.write("334 "+base64.StdEncoding.EncodeToString([]byte(ask.prompt))+"\r\n") != nil {
				return false
			}
			line, ok := c.line()
			if !ok {
				return false
			}
			*ask.into = decode(line)
		}
	}
	if user != c.o.User || password != c.o.Password {
		return c.answer(Auth, "535 5.7.8 no such account: "+user+" "+password)
	}
	c.user = user
	return c.answer(Auth, "235 welcome")
}

func (c *conversation) data(mail *Received) bool {
	text, ok := c.decide(Data, "354 go on")
	if !ok || !c.say(text) {
		return false
	}
	if !strings.HasPrefix(text, "354") {
		return true
	}
	if c.o.HangAt == Body {
		<-c.done
		return false
	}
	if c.hangsUp(Body) {
		_, _ = c.r.ReadString('\n')
		return false
	}
	var body bytes.Buffer
	for {
		line, err := c.r.ReadBytes('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			break
		}
		body.Write(bytes.TrimPrefix(line, []byte(".")))
	}
	mail.Data = body.Bytes()
	text, ok = c.decide(Message, "250 taken")
	if strings.HasPrefix(text, "250") {
		c.mu.Lock()
		c.messages = append(c.messages, *mail)
		c.mu.Unlock()
	}
	return ok && c.say(text)
}

// makeCertificate makes an authority and a certificate, valid from yesterday,
// by the clock of the test, until tomorrow.
func (s *Server) makeCertificate(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore:   time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	if s.o.Name != "" {
		template.DNSNames = []string{s.o.Name}
	} else {
		template.DNSNames = []string{"localhost"}
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	s.pool = x509.NewCertPool()
	s.pool.AddCert(leaf)
}

// String describes what was received, for failure messages.
func (r Received) String() string {
	return fmt.Sprintf("from %s to %s on connection %d, TLS %t, user %q, %d bytes", r.From, strings.Join(r.To, ","), r.Conn, r.TLS, r.User, len(r.Data))
}

package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/server"
)

// TestConnectionsNoticeThatTheirClientIsGone looks at what the kernel was told
// about a connection that was accepted. e2e/promises has what comes of it.
func TestConnectionsNoticeThatTheirClientIsGone(t *testing.T) {
	l, err := server.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const userTimeout = 18
	for _, o := range []struct {
		name               string
		level, option, max int
	}{
		{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE, in seconds", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 5},
		{"TCP_KEEPINTVL, in seconds", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 1},
		{"TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 4},
		{"TCP_USER_TIMEOUT, in milliseconds", syscall.IPPROTO_TCP, userTimeout, 9000},
	} {
		var got int
		if err2 := raw.Control(func(fd uintptr) { got, err = syscall.GetsockoptInt(int(fd), o.level, o.option) }); err != nil || err2 != nil {
			t.Fatal(o.name, err, err2)
		}
		if got < 1 || got > o.max {
			t.Errorf("%s is %d, want 1 to %d", o.name, got, o.max)
		}
	}
}

// listening keeps the connections that it accepts.
type listening struct {
	net.Listener
	accepted chan net.Conn
}

func (l listening) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.accepted <- c
	}
	return c, err
}

// A download says that its client may take its time: it is not cut as one that is gone.
func TestUnhurriedLiftsTheLimitOfAConnection(t *testing.T) {
	l, err := server.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	all := listening{l, make(chan net.Conn, 1)}
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		ended <- server.Run(ctx, server.WithShortTimes(server.Options{
			Edge: newEdge(t, nil), Listener: all, Ready: func(a net.Addr) { ready <- a },
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				server.Unhurried(r, time.Minute)
				_, _ = io.WriteString(w, "begun")
			}),
		}))
	}()
	defer func() { stop(); <-ended }()
	client, err := net.Dial("tcp", (<-ready).String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	raw, err := (<-all.accepted).(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	limit := func() (ms int) {
		t.Helper()
		if err2 := raw.Control(func(fd uintptr) { ms, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, 18) }); err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return ms
	}
	if ms := limit(); ms != 9000 {
		t.Errorf("before the download the limit is %d ms, want 9000", ms)
	}
	if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if ms := limit(); ms != 60_000 {
		t.Errorf("in the download the limit is %d ms, want 60000", ms)
	}
}

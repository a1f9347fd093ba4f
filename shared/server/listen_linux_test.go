package server_test

import (
	"net"
	"syscall"
	"testing"

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

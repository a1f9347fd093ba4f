package server

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/monlight/monlight/shared/clientip"
)

// reservedConns are kept for connections from the same machine, so that the
// health check of a container answers during a flood.
const reservedConns = 8

// limitListener closes connections that are too many. While fewer than half of
// max are open anybody may open more. From then on a client that holds an eighth
// of max gets no more, so that one machine cannot lock the others out; proxies
// that are trusted are exempt, because they stand for many clients.
type limitListener struct {
	net.Listener
	max     int
	proxies []netip.Prefix

	mu      sync.Mutex
	open    map[*conn]struct{}
	clients map[netip.Prefix]int
}

// conn is a connection that is counted until it is closed.
type conn struct {
	net.Conn
	listener *limitListener
	client   netip.Prefix
	used     atomic.Bool // a byte has arrived
	once     sync.Once
}

func newLimitListener(l net.Listener, limit int, proxies []netip.Prefix) *limitListener {
	return &limitListener{
		Listener: l, max: limit, proxies: proxies,
		open: map[*conn]struct{}{}, clients: map[netip.Prefix]int{},
	}
}

// Accept returns the next connection that is not too many.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c, ok := l.admit(nc); ok {
			return c, nil
		}
		_ = nc.Close()
	}
}

func (l *limitListener) admit(nc net.Conn) (*conn, bool) {
	addr := clientip.Parse(nc.RemoteAddr().String())
	c := &conn{Conn: nc, listener: l, client: clientip.Network(addr)}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.open)
	switch {
	case addr.IsLoopback():
		if n >= l.max+reservedConns {
			return nil, false
		}
	case n >= l.max:
		return nil, false
	case n >= l.max/2 && l.clients[c.client] >= l.max/8 && !l.isProxy(addr):
		return nil, false
	}
	l.open[c] = struct{}{}
	l.clients[c.client]++
	return c, true
}

func (l *limitListener) isProxy(addr netip.Addr) bool {
	for _, p := range l.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// closeUnused closes connections that have not sent a byte, such as those that
// browsers open in advance: they would only delay a stop.
func (l *limitListener) closeUnused() {
	var unused []*conn
	l.mu.Lock()
	for c := range l.open {
		if !c.used.Load() {
			unused = append(unused, c)
		}
	}
	l.mu.Unlock()
	for _, c := range unused {
		_ = c.Close()
	}
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.used.Load() {
		c.used.Store(true)
	}
	return n, err
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		l := c.listener
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, c)
		if l.clients[c.client]--; l.clients[c.client] == 0 {
			delete(l.clients, c.client)
		}
	})
	return err
}

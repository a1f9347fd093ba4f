// Package clientip finds the address of the client behind the proxies that the
// operator trusts.
package clientip

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/go-chi/chi/v5/middleware"
)

// addrKey is the context key of the client's address.
type addrKey struct{}

// Middleware stores the address of the client in the request's context. When the
// peer is in one of the trusted prefixes it is the rightmost address of
// X-Forwarded-For that is not; when that header is missing or not readable, and
// for every other peer, it is the peer's own.
func Middleware(trusted []netip.Prefix) func(http.Handler) http.Handler {
	find := middleware.ClientIPFromRemoteAddr
	if len(trusted) > 0 {
		cidrs := make([]string, len(trusted))
		for i, p := range trusted {
			cidrs[i] = p.String()
		}
		find = middleware.ClientIPFromXFF(cidrs...)
	}
	return func(next http.Handler) http.Handler {
		return find(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			addr := middleware.GetClientIPAddr(r.Context())
			if !addr.IsValid() {
				addr = Parse(r.RemoteAddr)
			}
			ctx := context.WithValue(r.Context(), addrKey{}, addr.Unmap().WithZone(""))
			next.ServeHTTP(w, r.WithContext(ctx))
		}))
	}
}

// Addr returns the address of the client: the one that Middleware stored, else
// the peer's. It is the zero Addr when the peer has none, as on a Unix socket.
func Addr(r *http.Request) netip.Addr {
	if addr, ok := r.Context().Value(addrKey{}).(netip.Addr); ok {
		return addr
	}
	return Parse(r.RemoteAddr)
}

// Key names the client for limits: its IPv4 address, or the /64 network of its
// IPv6 address, because a single machine usually has a whole /64.
func Key(r *http.Request) string { return Network(Addr(r)).String() }

// Network returns the network that counts as one client.
func Network(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Parse reads host:port or a bare address. IPv4 in IPv6 becomes IPv4, and zones
// are dropped. It returns the zero Addr when s is neither.
func Parse(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

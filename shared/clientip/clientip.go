// Package clientip finds the address of the client behind the proxies that the
// operator trusts.
package clientip

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// addrKey is the context key of the client's address.
type addrKey struct{}

// Middleware stores the address of the client in the request's context. When the
// peer is in one of the trusted prefixes it is the rightmost address of
// X-Forwarded-For that is not; when that header is missing or not readable, and
// for every other peer, it is the peer's own.
//
// chi has middlewares for this, in a package that brings the profiler along:
// 0.3 MB of a binary, and handlers on the default mux.
func Middleware(trusted []netip.Prefix) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			addr := Parse(r.RemoteAddr)
			if within(trusted, addr) {
				if client := forwardedFor(r.Header["X-Forwarded-For"], trusted); client.IsValid() {
					addr = client
				}
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), addrKey{}, addr)))
		})
	}
}

// forwardedFor is the last address of the headers' lists that is no trusted
// proxy's. Every proxy adds to the end, so what stands before it is only what
// somebody said; so is everything before an entry that is no address. It is the
// zero Addr when there is none.
func forwardedFor(headers []string, trusted []netip.Prefix) netip.Addr {
	for i := len(headers) - 1; i >= 0; i-- {
		rest, more := headers[i], true
		for more {
			entry := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, entry = rest[:comma], rest[comma+1:]
			} else {
				more = false
			}
			if entry = strings.TrimSpace(entry); entry == "" {
				continue
			}
			addr, err := netip.ParseAddr(entry)
			if err != nil {
				return netip.Addr{}
			}
			// In their plain form, so that no spelling hides a proxy.
			if addr = addr.Unmap().WithZone(""); !within(trusted, addr) {
				return addr
			}
		}
	}
	return netip.Addr{}
}

func within(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
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

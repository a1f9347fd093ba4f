package clientip_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/monlight/monlight/shared/clientip"
)

// proxies are the trusted ones in these tests.
var proxies = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("fd00::/8"),
}

// client runs a request through the middleware.
func client(trusted []netip.Prefix, peer string, forwarded ...string) (addr netip.Addr, key string) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = peer
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	clientip.Middleware(trusted)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		addr, key = clientip.Addr(r), clientip.Key(r)
	})).ServeHTTP(httptest.NewRecorder(), r)
	return addr, key
}

func TestClientAddress(t *testing.T) {
	tests := map[string]struct {
		trusted   []netip.Prefix
		peer      string
		forwarded []string
		want      string // address
		key       string
	}{
		"direct":                          {nil, "203.0.113.9:1234", nil, "203.0.113.9", "203.0.113.9/32"},
		"no proxy is trusted":             {nil, "203.0.113.9:1234", []string{"198.51.100.1"}, "203.0.113.9", "203.0.113.9/32"},
		"spoofed by an untrusted peer":    {proxies, "203.0.113.9:1234", []string{"198.51.100.1"}, "203.0.113.9", "203.0.113.9/32"},
		"by a trusted proxy":              {proxies, "10.1.1.1:80", []string{"198.51.100.1"}, "198.51.100.1", "198.51.100.1/32"},
		"chain of proxies":                {proxies, "10.1.1.1:80", []string{"198.51.100.1, 192.0.2.1, 10.9.9.9"}, "198.51.100.1", "198.51.100.1/32"},
		"spoofed start of the chain":      {proxies, "10.1.1.1:80", []string{"1.2.3.4, 198.51.100.1"}, "198.51.100.1", "198.51.100.1/32"},
		"several headers":                 {proxies, "10.1.1.1:80", []string{"1.2.3.4", "198.51.100.1"}, "198.51.100.1", "198.51.100.1/32"},
		"no header from a proxy":          {proxies, "10.1.1.1:80", nil, "10.1.1.1", "10.1.1.1/32"},
		"garbage from a proxy":            {proxies, "10.1.1.1:80", []string{"unknown"}, "10.1.1.1", "10.1.1.1/32"},
		"garbage before a client":         {proxies, "10.1.1.1:80", []string{"<script>, 198.51.100.1"}, "198.51.100.1", "198.51.100.1/32"},
		"garbage after a client":          {proxies, "10.1.1.1:80", []string{"198.51.100.1, _hidden"}, "10.1.1.1", "10.1.1.1/32"},
		"only proxies":                    {proxies, "10.1.1.1:80", []string{"10.2.2.2, 192.0.2.1"}, "10.1.1.1", "10.1.1.1/32"},
		"empty entries":                   {proxies, "10.1.1.1:80", []string{" , ,198.51.100.1, ,"}, "198.51.100.1", "198.51.100.1/32"},
		"IPv6 by its /64":                 {nil, "[2001:db8:1:2:3:4:5:6]:443", nil, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		"IPv6 in the header":              {proxies, "10.1.1.1:80", []string{"2001:db8:1:2::9"}, "2001:db8:1:2::9", "2001:db8:1:2::/64"},
		"IPv4 in IPv6 peer":               {nil, "[::ffff:203.0.113.9]:80", nil, "203.0.113.9", "203.0.113.9/32"},
		"IPv4 in IPv6 peer is trusted":    {proxies, "[::ffff:10.1.1.1]:80", []string{"198.51.100.1"}, "198.51.100.1", "198.51.100.1/32"},
		"IPv4 in IPv6 entry is a proxy":   {proxies, "10.1.1.1:80", []string{"198.51.100.1, ::ffff:10.2.2.2"}, "198.51.100.1", "198.51.100.1/32"},
		"IPv4 in IPv6 entry is a client":  {proxies, "10.1.1.1:80", []string{"::ffff:198.51.100.1"}, "198.51.100.1", "198.51.100.1/32"},
		"zone of the peer":                {nil, "[fe80::1%eth0]:80", nil, "fe80::1", "fe80::/64"},
		"zone hides no proxy":             {proxies, "10.1.1.1:80", []string{"198.51.100.1, fd00::1%eth0"}, "198.51.100.1", "198.51.100.1/32"},
		"entry with a port is not read":   {proxies, "10.1.1.1:80", []string{"198.51.100.1:4711"}, "10.1.1.1", "10.1.1.1/32"},
		"peer without address (a socket)": {proxies, "@", []string{"198.51.100.1"}, "invalid IP", "invalid Prefix"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			addr, key := client(tt.trusted, tt.peer, tt.forwarded...)
			if addr.String() != tt.want || key != tt.key {
				t.Errorf("peer %s, X-Forwarded-For %q: client %s with key %s, want %s with key %s",
					tt.peer, tt.forwarded, addr, key, tt.want, tt.key)
			}
		})
	}
}

func TestAddrWithoutMiddlewareIsThePeer(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "[::ffff:203.0.113.9]:80"
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	if got := clientip.Addr(r).String(); got != "203.0.113.9" {
		t.Errorf("Addr = %s, want 203.0.113.9", got)
	}
}

// Whatever the header says: without trust the peer is the client, and with trust
// the client is the peer or an address that stands in the header and is no proxy.
func FuzzForwardedFor(f *testing.F) {
	for _, s := range []string{
		"", "198.51.100.1", "1.2.3.4, 10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", ",,,", "garbage, 1.2.3.4", "1.2.3.4:80", "[::1]", "0x7f.1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if addr, _ := client(proxies, "203.0.113.9:1", header); addr.String() != "203.0.113.9" {
			t.Fatalf("untrusted peer with X-Forwarded-For %q became %s", header, addr)
		}
		addr, key := client(proxies, "10.1.1.1:1", header)
		if !addr.IsValid() || addr.Zone() != "" || addr.Is4In6() {
			t.Fatalf("X-Forwarded-For %q gave %v, want a plain address", header, addr)
		}
		if p, err := netip.ParsePrefix(key); err != nil || !p.Contains(addr) {
			t.Fatalf("X-Forwarded-For %q gave key %q for %v", header, key, addr)
		}
		if addr.String() == "10.1.1.1" {
			return
		}
		for _, p := range proxies {
			if p.Contains(addr) {
				t.Fatalf("X-Forwarded-For %q gave the proxy %v", header, addr)
			}
		}
		for entry := range strings.SplitSeq(header, ",") {
			if clientip.Parse(strings.TrimSpace(entry)) == addr {
				return
			}
		}
		t.Fatalf("X-Forwarded-For %q gave %v, which is not in it", header, addr)
	})
}

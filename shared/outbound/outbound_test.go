package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAddressesAreJudged(t *testing.T) {
	for _, c := range []struct {
		want  kind
		addrs string
	}{
		{public, "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 " +
			"192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 168.63.129.15 2606:4700:4700::1111 2001:4860:4860::8888 2400::1 " +
			"::ffff:1.1.1.1 64:ff9b::1.1.1.1 2002:101:101::1 2001:0:101:101::fefe:fefe"},
		{internal, "127.0.0.1 127.255.255.255 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 100.64.0.1 100.127.255.255 " +
			"192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 198.19.255.255 192.88.99.1 ::1 fc00::1 fd12:3456::1 fec0::1 100::1 2001:db8::1 2001:2::1 2001:20::1 3fff::1 4000::1 5f00::1 " +
			"::ffff:127.0.0.1 ::127.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::1.1.1.1 64:ff9b:1:a00:0:100:: 2002:7f00:1::1 2002:a00:1::1 2001:0:a00:1::fefe:fefe 2001:0:101:101::80ff:fffe"},
		{forbidden, "0.0.0.0 0.0.0.1 0.255.255.255 169.254.0.1 169.254.169.254 169.254.170.2 169.254.255.255 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 " +
			"100.100.100.200 192.0.0.192 168.63.129.16 :: fe80::1 fe80::1%eth0 febf::1 ff02::1 ff05::2 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42 " +
			"::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::169.254.169.254 ::ffff:0:169.254.169.254 64:ff9b::169.254.169.254 64:ff9b::a9fe:a9fe 64:ff9b:1::169.254.169.254 64:ff9b:1:a9fe:a9:fe00:: " +
			"2002:a9fe:a9fe::1 2001:0:a9fe:a9fe::fefe:fefe 2001:0:101:101::5601:5601 ::ffff:0.0.0.0 ::ffff:224.0.0.1"},
	} {
		for text := range strings.FieldsSeq(c.addrs) {
			if got := kindOf(netip.MustParseAddr(text)); got != c.want {
				t.Errorf("kindOf(%s) = %d, want %d", text, got, c.want)
			}
		}
	}
	if kindOf(netip.Addr{}) != forbidden {
		t.Error("no address at all may be called")
	}
}

// names is a DNS server that answers each question for an address of version 4
// with the next of its answers, and then with the last one again.
type names struct {
	answers []string
	asked   atomic.Int64
}

// client returns a client with the policy whose names are those of n. It does
// not connect to the internet: where it would, the error is errOut.
func (n *names) client(t *testing.T, p Policy) *http.Client {
	t.Helper()
	c := NewClient(Options{Policy: p, Timeout: 20 * time.Second, MaxAnswer: 1 << 10})
	d := NewDialer(p, 10*time.Second)
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		us, resolver := net.Pipe()
		go n.serve(us)
		return resolver, nil
	}}
	check := d.ControlContext
	d.ControlContext = func(ctx context.Context, network, address string, rc syscall.RawConn) error {
		if err := check(ctx, network, address, rc); err != nil {
			return err
		}
		if a := netip.MustParseAddrPort(address).Addr().Unmap(); !a.IsLoopback() {
			return errOut
		}
		return nil
	}
	c.Transport.(*bounded).next.DialContext = d.DialContext
	return c
}

var errOut = errors.New("would have left this machine")

// serve answers the questions of one connection, in the form of TCP.
func (n *names) serve(c net.Conn) {
	defer c.Close()
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		q := make([]byte, int(head[0])<<8|int(head[1]))
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		out := n.answer(q)
		if _, err := c.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...)); err != nil {
			return
		}
	}
}

// answer answers a question of RFC 1035.
func (n *names) answer(q []byte) []byte {
	end := 12 // of the header; then the labels of the name, type and class
	for q[end] != 0 {
		end += 1 + int(q[end])
	}
	end += 5
	isA := q[end-3] == 1 && q[end-4] == 0
	out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
	if isA {
		i := int(n.asked.Add(1))
		a := netip.MustParseAddr(n.answers[min(i, len(n.answers))-1]).As4()
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, a[:]...)
	}
	return out
}

// get asks for an address and returns its answer, or why there is none.
func get(t *testing.T, c *http.Client, address string) (body string, err error) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://placeholder", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.URL, r.Host = u, ""
	res, err := c.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// TestNoSpellingLeadsInside asks for this machine and for the metadata of a
// cloud in many ways to write them, with a resolver that takes numbers in all
// forms that C libraries take.
func TestNoSpellingLeadsInside(t *testing.T) {
	var called atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called.Add(1)
		_, _ = w.Write([]byte("secret"))
	}))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	hosts := []string{
		"127.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "0177.1", "017700000001",
		"127.0.0.01", "00127.0.0.1", "127.0x0.0.1", "0", "0.0.0.0", "00", "0x0", "localhost", "LOCALHOST", "localhost.", "sub.localhost", "localtest.example", "127.0.0.1.nip.example",
		"[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::127.0.0.1]",
		"[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::1%25lo]", "[fe80::1%25lo]", "[fe80::1]", "[fd00:ec2::254]", "169.254.169.254", "169.254.169.254.", "0xa9fea9fe", "2852039166",
		"0251.0376.0251.0376", "169.16689662", "[::ffff:169.254.169.254]", "metadata.google.internal", "instance-data", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "[fc00::1]",
		"①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "ⓛocalhost", "xn--localhost-9i0d", "%31%32%37.0.0.1", "127.0.0.1%2f", "example.com@127.0.0.1", "example.com:80@localhost", "127.0.0.1%00.example.com",
		"example.com%40127.0.0.1", `example.com\@127.0.0.1`, "example.com#@127.0.0.1",
	}
	n := &names{answers: []string{"127.0.0.1"}}
	c := n.client(t, Public)
	refused := 0
	for _, h := range hosts {
		body, err := get(t, c, "http://"+h+":"+port+"/latest/meta-data/")
		if err == nil {
			t.Errorf("%s answers %q", h, body)
		}
		if errors.Is(err, errOut) {
			t.Errorf("%s: %v", h, err)
		}
		if errors.Is(err, ErrRefused) {
			refused++
		}
	}
	if called.Load() != 0 {
		t.Errorf("%d requests arrived", called.Load())
	}
	// The others have no address to call, or are no host for net/url.
	if refused < 40 || len(hosts)-refused > 25 {
		t.Errorf("%d of %d refused by their address, want most", refused, len(hosts))
	}
	t.Logf("%d spellings, %d refused by their address, the others are none", len(hosts), refused)
	// The server is there, and who may call it does.
	if body, err := get(t, n.client(t, Settings), "http://localtest.example:"+port); err != nil || body != "secret" {
		t.Errorf("by the policy for settings: %q, %v", body, err)
	}
}

func TestSettingsLeadToNoMetadata(t *testing.T) {
	c := NewClient(Options{Policy: Settings, Timeout: 10 * time.Second, MaxAnswer: 1 << 10})
	for _, h := range []string{"169.254.169.254", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]", "[fe80::1]", "0.0.0.0", "[::]", "224.0.0.1", "255.255.255.255", "100.100.100.200"} {
		if _, err := get(t, c, "http://"+h+"/"); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want %v", h, err, ErrRefused)
		}
	}
}

func TestANameThatChangesItsMeaning(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("called") }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	n := &names{answers: []string{"93.184.215.14", "127.0.0.1"}}
	c := n.client(t, Public)
	address := "http://rebind.example:" + port
	if _, err := get(t, c, address); !errors.Is(err, errOut) {
		t.Errorf("the public address first: %v, want that it is called", err)
	}
	if n.asked.Load() != 1 {
		t.Errorf("the name was resolved %d times for one connection, want once", n.asked.Load())
	}
	if _, err := get(t, c, address); !errors.Is(err, ErrRefused) {
		t.Errorf("then its own machine: %v, want %v", err, ErrRefused)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var called atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	defer inside.Close()
	for _, to := range []string{inside.URL, "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "//[fd00:ec2::254]/"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
			_, _ = w.Write([]byte("the redirect"))
		}))
		c := NewClient(Options{Policy: Settings, Timeout: 10 * time.Second, MaxAnswer: 1 << 10})
		if body, err := get(t, c, s.URL); err != nil || body != "the redirect" {
			t.Errorf("to %s: %q, %v", to, body, err)
		}
		s.Close()
	}
	if called.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestAnswersHaveAnEnd(t *testing.T) {
	const limit = 64 << 10
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/body":
			for r.Context().Err() == nil {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 16<<10)); err != nil {
					return
				}
			}
		case "/header":
			w.Header().Set("X", strings.Repeat("x", 2*maxHeaderBytes))
		case "/silence":
			<-r.Context().Done()
		case "/fits":
			_, _ = w.Write(bytes.Repeat([]byte("x"), limit))
		}
	}))
	defer s.Close()
	o := Options{Policy: Settings, Timeout: time.Minute, MaxAnswer: limit}
	body, err := get(t, NewClient(o), s.URL+"/body")
	if _, ok := errors.AsType[*http.MaxBytesError](err); !ok || len(body) != limit {
		t.Errorf("a body without end: %d bytes, %v", len(body), err)
	}
	if _, err := get(t, NewClient(o), s.URL+"/header"); err == nil {
		t.Error("a header of 32 KB is taken")
	}
	if body, err := get(t, NewClient(o), s.URL+"/fits"); err != nil || len(body) != limit {
		t.Errorf("a body of the limit: %d bytes, %v", len(body), err)
	}
	o.Timeout = 100 * time.Millisecond
	var late net.Error
	if _, err := get(t, NewClient(o), s.URL+"/silence"); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("silence: %v, want a timeout", err)
	}
}

func TestOtherSchemesAreNone(t *testing.T) {
	c := NewClient(Options{Policy: Settings, Timeout: 10 * time.Second, MaxAnswer: 1 << 10})
	for _, address := range []string{"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:25/_HELO", "unix:///var/run/docker.sock", "data:,x", "//127.0.0.1/"} {
		if body, err := get(t, c, address); err == nil {
			t.Errorf("%s: %q", address, body)
		}
	}
}

func TestAProxyOfTheSettings(t *testing.T) {
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_, _ = w.Write([]byte("through the proxy"))
	}))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(Options{Policy: Settings, Timeout: 10 * time.Second, MaxAnswer: 1 << 10, Proxy: u})
	if body, err := get(t, c, "http://api.example/x"); err != nil || body != "through the proxy" || asked != "http://api.example/x" {
		t.Errorf("%q, %v; the proxy was asked for %q", body, err, asked)
	}
	// The environment alone does not say so: what is on our own network needs no proxy.
	t.Setenv("HTTP_PROXY", proxy.URL)
	if NewClient(Options{}).Transport.(*bounded).next.Proxy != nil {
		t.Error("a proxy that nobody named")
	}
}

// TestNobodyElseConnects finds clients, dialers and listeners for answers that
// are made elsewhere in the services.
func TestNobodyElseConnects(t *testing.T) {
	connects := regexp.MustCompile(`\bhttp\.(DefaultClient|DefaultTransport|Transport\{|Get\(|Post\(|PostForm\(|Head\(|Client\{)|\bnet\.(Dial|DialTimeout|DialTCP|DialUDP|Dialer\b)|\btls\.Dial|\bnew\(net\.Dialer\)|\bsmtp\.(Dial|SendMail)\(`)
	allowed := map[string]int{
		"../outbound/outbound.go":                         4,
		"../server/health.go":                             1, // the program asks itself
		"../../error-tracker/internal/postmark/client.go": 1, // over the transport of outbound
	}
	found := map[string]int{}
	for _, top := range []string{"..", "../../error-tracker", "../../log-viewer", "../../metrics-collector", "../../browser-relay"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "bench" || d.Name() == "demo" || d.Name() == "node_modules"):
				return filepath.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			src, err := os.ReadFile(path)
			if !bytes.Contains(src, []byte(`"net`)) && !bytes.Contains(src, []byte(`"crypto/tls"`)) {
				return err
			}
			for line := range strings.Lines(string(src)) {
				if !strings.HasPrefix(strings.TrimSpace(line), "//") {
					found[filepath.ToSlash(path)] += len(connects.FindAllString(line, -1))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, n := range found {
		if n > allowed[path] {
			t.Errorf("%s makes %d connections, clients or transports of its own, want those of this package", path, n)
		}
	}
	for path, n := range allowed {
		if found[path] != n {
			t.Errorf("%s: %d, want %d: the list has to follow", path, found[path], n)
		}
	}
}

//go:build soak

package promises

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// B1 with thousands: more connections than a service takes, from one address and
// from many. Loopback addresses have no share of their own, so the clients have
// others, in a network of its own that leads nowhere.
func TestThousandsOfSlowClients(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		inOwnNetwork(t)
		return
	}
	ip(t, "link set lo up")
	ip(t, "route add local 10.232.0.0/16 dev lo") // all of them are this machine's
	for _, m := range models(t) {
		for _, addresses := range []int{1, 250} {
			t.Run(fmt.Sprintf("%s/%d", m.name, addresses), func(t *testing.T) { thousands(t, m, addresses) })
		}
	}
}

// from opens connections from an address of the network.
func from(a, b int) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 232, byte(a), byte(b))}, Timeout: 10 * time.Second}
}

// visitor sends items from an address of its own.
type visitor struct {
	m      *model
	url    string
	client *http.Client
	next   int

	took []time.Duration // of those that were answered
	lost int             // without an answer
	back time.Time       // when the first was answered after one that was not
}

func newVisitor(m *model, url string, address int, keep bool) *visitor {
	return &visitor{m: m, url: url, next: address * 100_000, client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: from(255, address).DialContext, DisableKeepAlives: !keep},
	}}
}

// send sends items until it is told to end.
func (v *visitor) send(t *testing.T, until func() bool) {
	for ; !until(); time.Sleep(5 * time.Millisecond) {
		v.next++
		r := v.m.put(v.next)
		begin := time.Now()
		err := post(v.client, v.url, r, v.m.accepted)
		switch {
		case err == nil && v.lost > 0 && v.back.IsZero():
			v.back = time.Now()
			fallthrough
		case err == nil:
			v.took = append(v.took, time.Since(begin))
		default:
			if v.lost++; v.lost == 1 {
				t.Logf("a good client: %v", err)
			}
		}
	}
}

// post sends a request from the client.
func post(client *http.Client, url string, r harness.Request, accepted []int) error {
	body, err := r.Reader()
	if err != nil {
		return err
	}
	request, err := http.NewRequest(r.Method, url+r.Path, body) //nolint:noctx // the client has a time limit
	if err != nil {
		return err
	}
	request.Header.Set("X-Api-Key", harness.Key)
	res, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && !slices.Contains(accepted, res.StatusCode) {
		err = fmt.Errorf("%d %.200s", res.StatusCode, text)
	}
	return err
}

func thousands(t *testing.T, m *model, addresses int) {
	const slow = 2000
	s := harness.NewIn(t, t.TempDir(), m.name, m.settings...)
	// Nobody else is in this network, and ports that the system chooses are those of clients.
	const port = ":8000"
	s.URL = "http://127.0.0.1" + port
	s.Restart("ADDR=" + port)
	const url = "http://10.232.255.254" + port
	kept, fresh := newVisitor(m, url, 1, true), newVisitor(m, url, 2, false)
	both := func(until func() bool) {
		var visitors sync.WaitGroup
		visitors.Go(func() { kept.send(t, until) })
		visitors.Go(func() { fresh.send(t, until) })
		visitors.Wait()
	}
	end := time.Now().Add(3 * time.Second)
	both(func() bool { return time.Now().After(end) })
	keptAlone, freshAlone := kept.took, fresh.took
	kept.took, fresh.took = nil, nil
	files := s.Descriptors()
	s.ResetPeak()

	var refused, there, longest, most, unhealthy, asked atomic.Int64
	attack := time.Now()
	var clients, watch sync.WaitGroup
	for n := range slow {
		clients.Go(func() {
			took, dropped := slowClient(m, url, n, from(n%addresses, 1+n%addresses))
			switch {
			case !dropped:
				there.Add(1)
			case took < 5*time.Second:
				refused.Add(1)
			default:
				for old := longest.Load(); int64(took) > old && !longest.CompareAndSwap(old, int64(took)); old = longest.Load() {
				}
			}
		})
	}
	gone := make(chan struct{})
	go func() { clients.Wait(); close(gone) }()
	over := func() bool {
		select {
		case <-gone:
			return true
		default:
			return false
		}
	}
	watch.Go(func() { // as the health check of a container does
		for ; !over(); time.Sleep(100 * time.Millisecond) {
			asked.Add(1)
			if out, code := s.Run("--healthcheck"); code != 0 {
				t.Log(out)
				unhealthy.Add(1)
			}
			most.Store(max(most.Load(), int64(s.Descriptors())))
		}
	})
	both(over)
	watch.Wait()
	if there.Load() > 0 {
		t.Errorf("%d of %d slow clients are still there after 40 s", there.Load(), slow)
	}
	if kept.lost > 0 {
		t.Errorf("a client with an open connection had no answer %d times", kept.lost)
	}
	if addresses == 1 && fresh.lost > 0 {
		t.Errorf("another address was refused %d times", fresh.lost)
	}
	if unhealthy.Load() > 0 {
		t.Errorf("the health check failed %d of %d times", unhealthy.Load(), asked.Load())
	}
	for begin := time.Now(); s.Descriptors() > files+5; time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > 10*time.Second {
			t.Errorf("%d descriptors, %d before", s.Descriptors(), files)
			break
		}
	}
	now, peak := s.Memory()
	if peak > memoryLimits[m.name] {
		t.Errorf("memory at its peak %d MB, the bound is %d", peak>>20, memoryLimits[m.name]>>20)
	}
	locked := "no new connection refused"
	if fresh.lost > 0 {
		locked = fmt.Sprintf("%d new connections of others refused, until %v after the attack began", fresh.lost, fresh.back.Sub(attack).Round(100*time.Millisecond))
	}
	p99 := func(all []time.Duration) time.Duration { return harness.Percentile(all, 99).Round(time.Millisecond) }
	harness.Note(t, "B1", m.name, "%d slow clients of %d addresses: %d refused at once, the last dropped after %v; open connection p99 %v alone, %v beside them (%d answers); new connections p99 %v alone, %v beside (%d answers), %s; health check failed %d of %d times; descriptors %d before, at most %d, %d after; memory %.1f MB, at most %.1f",
		slow, addresses, refused.Load(), time.Duration(longest.Load()).Round(100*time.Millisecond), p99(keptAlone), p99(kept.took), len(kept.took), p99(freshAlone), p99(fresh.took), len(fresh.took), locked,
		unhealthy.Load(), asked.Load(), files, most.Load(), s.Descriptors(), float64(now)/1e6, float64(peak)/1e6)
}

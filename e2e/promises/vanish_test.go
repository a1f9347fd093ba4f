package promises

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// insideVariable tells the test binary that it runs in a network of its own.
const insideVariable = "PROMISES_OWN_NETWORK"

// Addresses of the two ends of the cable between the networks.
const serverSide, clientSide = "10.231.77.1", "10.231.77.2"

// B8: clients of live streams that vanish without a word: their machine is gone,
// and nothing answers for it any more. Of streams that have lines, of silent ones,
// and of some that get a sign of life while it is asked whether they are there,
// places and descriptors come back.
func TestClientsThatVanishGiveTheirPlacesBack(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		inOwnNetwork(t)
		return
	}
	c := layCable(t)
	defer close(c)
	streams := []*vanishing{{what: "streams with lines", lines: true}, {what: "silent streams", query: "q=nothing-has-this-word"}}
	for _, v := range streams {
		v.begin(t)
		v.open(t, c)
	}
	time.Sleep(11 * time.Second) // so that their sign of life, 15 s after they began, comes while they are asked whether they are there
	for _, v := range streams {
		v.open(t, c)
		if n := v.figure("log_viewer_tails"); n != 2*vanishGroup {
			t.Fatalf("%s: %v are open, want %d", v.what, n, 2*vanishGroup)
		}
	}
	// Their address is nobody's now: nothing that is sent to it is answered. The
	// services are not told.
	c.there(func() { ip(t, "addr del "+clientSide+"/24 dev client") })
	end := time.Now()
	var all sync.WaitGroup
	for _, v := range streams {
		all.Go(func() { v.wait(t, end) })
	}
	all.Wait()
}

// inOwnNetwork runs the test again, in a network that has nothing but what it makes.
func inOwnNetwork(t *testing.T) {
	if !harness.NeedRoot(t, "make networks of its own") {
		return
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Fatal("ip is missing: apt-get install iproute2")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// cable leads to the network where the clients are: what is sent into it is done there.
type cable chan func()

// layCable makes that network and joins it with the one of the test.
func layCable(t *testing.T) cable {
	t.Helper()
	c := make(cable)
	thread := make(chan int)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			t.Errorf("unshare: %v", err)
		}
		thread <- syscall.Gettid()
		for f := range c {
			f()
		}
	}()
	tid := <-thread
	ip(t, "link set lo up")
	ip(t, "link add server type veth peer name client")
	ip(t, "link set client netns "+strconv.Itoa(tid))
	ip(t, "addr add "+serverSide+"/24 dev server")
	ip(t, "link set server up")
	c.there(func() {
		ip(t, "addr add "+clientSide+"/24 dev client")
		ip(t, "link set client address 02:00:00:00:00:02 up")
	})
	// What is sent to the clients leaves this machine, also when they are gone.
	ip(t, "neigh replace "+clientSide+" lladdr 02:00:00:00:00:02 dev server nud permanent")
	return c
}

func ip(t *testing.T, args string) {
	if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Errorf("ip %s: %v %s", args, err, out)
	}
}

// there runs f in the clients' network.
func (c cable) there(f func()) {
	done := make(chan struct{})
	c <- func() { f(); close(done) }
	<-done
}

const vanishGroup = 30

// vanishing is a service with streams whose clients vanish.
type vanishing struct {
	what, query string
	lines       bool // lines are sent to them all the time

	s        *harness.Service
	addr     string
	files    int
	routines float64
	memory   int64
}

func (v *vanishing) begin(t *testing.T) {
	t.Helper()
	v.s = harness.NewIn(t, t.TempDir(), "log-viewer", "LOG_SOURCES="+t.TempDir(), "MAX_TAILS=200", "RATE_LIMIT=1000000")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(v.s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	v.s.Restart("ADDR=:" + port)
	v.addr = net.JoinHostPort(serverSide, port)
	v.figure("go_goroutines") // the connection for asking is there before it is counted
	v.files, v.routines = v.s.Descriptors(), v.figure("go_goroutines")
	v.memory, _ = v.s.Memory()
}

// figure is a value of /metrics.
func (v *vanishing) figure(name string) (value float64) {
	for line := range strings.Lines(v.s.Get("/metrics").Body) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			value, _ = strconv.ParseFloat(strings.TrimSpace(text), 64)
		}
	}
	return value
}

// open opens streams from the clients' network and reads until they have begun.
func (v *vanishing) open(t *testing.T, c cable) {
	t.Helper()
	c.there(func() {
		for range vanishGroup {
			conn, err := net.DialTimeout("tcp4", v.addr, 10*time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			_, _ = fmt.Fprintf(conn, "GET /api/logs/tail?%s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n", v.query, harness.Key)
			if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
				t.Errorf("stream: %q, %v", line, err)
			}
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
	})
}

// wait waits for the places of those that have vanished at end.
func (v *vanishing) wait(t *testing.T, end time.Time) {
	const (
		promise = 20 * time.Second
		margin  = 20 * time.Second // for a machine that has no time for us
	)
	var half time.Duration
	for n := 1; ; n++ {
		if v.lines {
			if r := v.s.Do(putLine(n)); r.Status != http.StatusAccepted {
				t.Errorf("line: %d %.200s", r.Status, r.Body)
			}
		}
		open, took := v.figure("log_viewer_tails"), time.Since(end)
		if open <= vanishGroup && half == 0 {
			half = took
		}
		if open == 0 && v.s.Descriptors() <= v.files+2 {
			memory, _ := v.s.Memory()
			harness.Note(t, "B8", "log-viewer", "%d clients vanished, %s: half of the places back after %v, all after %v; descriptors %+d, goroutines %+.0f, memory %.1f → %.1f MB",
				2*vanishGroup, v.what, half.Round(100*time.Millisecond), took.Round(100*time.Millisecond), v.s.Descriptors()-v.files, v.figure("go_goroutines")-v.routines, float64(v.memory)/1e6, float64(memory)/1e6)
			return
		}
		if took > promise+margin {
			t.Errorf("%s: %v after their clients vanished %v are open, with %d descriptors, %d before", v.what, took.Round(time.Second), open, v.s.Descriptors(), v.files)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

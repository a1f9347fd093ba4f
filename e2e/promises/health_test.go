package promises

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// watchVariable makes the test binary a watch: it asks an address again and
// again until its input ends, and says how many microseconds each answer took.
// A process of its own does not wait for its turn among the clients of a load.
const watchVariable = "PROMISES_WATCH"

func watchHealth(url string) {
	stop := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	client := http.Client{Timeout: 10 * time.Second}
	for {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		begin := time.Now()
		res, err := client.Get(url) //nolint:noctx // it has a time limit
		took := time.Since(begin)
		if err != nil {
			fmt.Println("health:", err)
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			fmt.Println("health:", res.Status)
			continue
		}
		fmt.Println(took.Microseconds())
	}
}

// watch starts a watch of a service's health. What it returns ends it, and says
// how long the answers took.
func watch(t *testing.T, url string) (end func() []time.Duration) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), watchVariable+"="+url)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []time.Duration
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Error(lines.Text())
				continue
			}
			all = append(all, time.Duration(n)*time.Microsecond)
		}
	}()
	return func() []time.Duration {
		_ = in.Close()
		<-read
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		return all
	}
}

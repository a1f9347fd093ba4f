package promises

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tracer is strace with arguments, so that the traced program is our child, not strace's.
func tracer(t testing.TB, args ...string) []string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Fatalf("strace is needed (apt-get install strace): %v", err)
	}
	return append([]string{path, "-D", "-f", "-q"}, args...)
}

// call is a system call as strace has written it.
type call struct {
	begin, end int // lines of the log; end is 0 if it never returned
	name       string
	fd         int
	path       string // of the descriptor, or of the first argument
	data       []byte // what was written
	offset     int64  // where, or the new length of a truncation
	result     int64
	create     bool
}

// readTrace reads what "strace -f -y -xx -s 70000" wrote.
func readTrace(t testing.TB, file string) []call {
	t.Helper()
	waitForEnd(t, file)
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	var calls []call
	open := map[string]struct {
		text  string
		index int
	}{} // by thread, calls that have not returned
	lines := bufio.NewReaderSize(in, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		thread, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if !ok || strings.HasPrefix(rest, "---") || strings.HasPrefix(rest, "+++") {
			continue
		}
		if head, unfinished := strings.CutSuffix(rest, "<unfinished ...>"); unfinished {
			calls = append(calls, parseCall(t, head, n, 0))
			open[thread] = struct {
				text  string
				index int
			}{head, len(calls) - 1}
			continue
		}
		if strings.HasPrefix(rest, "<... ") {
			_, tail, _ := strings.Cut(rest, " resumed>")
			o := open[thread]
			calls[o.index] = parseCall(t, o.text+tail, calls[o.index].begin, n)
			delete(open, thread)
			continue
		}
		calls = append(calls, parseCall(t, rest, n, n))
	}
	return calls
}

// waitForEnd waits until strace, which ends after our program, has written everything.
func waitForEnd(t testing.TB, file string) {
	t.Helper()
	last := int64(-1)
	for begin := time.Now(); time.Since(begin) < 60*time.Second; time.Sleep(100 * time.Millisecond) {
		info, err := os.Stat(file)
		if err != nil {
			continue
		}
		if info.Size() == last && ended(t, file, last) {
			return
		}
		last = info.Size()
	}
	t.Fatalf("strace does not end, or has written nothing to %s", file)
}

// ended tells whether the last line says that the program has ended.
func ended(t testing.TB, file string, size int64) bool {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	tail := make([]byte, min(size, 100))
	if _, err := in.ReadAt(tail, size-int64(len(tail))); err != nil {
		t.Fatal(err)
	}
	return bytes.HasSuffix(tail, []byte(" +++\n"))
}

func parseCall(t testing.TB, text string, begin, end int) call {
	t.Helper()
	c := call{begin: begin, end: end, fd: -1}
	name, rest, ok := strings.Cut(text, "(")
	if !ok {
		t.Fatalf("strace wrote %.200q", text)
	}
	c.name = name
	if end > 0 { // ") = 24", the ends of long calls with more blanks
		i := strings.LastIndex(rest, "= ")
		if i < 0 {
			t.Fatalf("strace wrote %.200q", text)
		}
		result, _, _ := strings.Cut(rest[i+2:], " ")
		result, _, _ = strings.Cut(result, "<")
		value, err := strconv.ParseInt(result, 10, 64)
		if err != nil && result != "?" {
			t.Fatalf("strace wrote the result %q of %.100s", result, text)
		}
		c.result = value
		if result == "?" {
			c.end = 0 // killed inside
		}
		rest = strings.TrimSuffix(strings.TrimSpace(rest[:i]), ")")
	}
	if strings.Contains(rest, `"...`) {
		t.Fatalf("strace has cut what was written: %.100s", text)
	}
	if i := strings.IndexByte(rest, '<'); i > 0 {
		if fd, err := strconv.Atoi(rest[:i]); err == nil {
			c.fd = fd
			path, _, _ := strings.Cut(rest[i+1:], ">")
			c.path = string(unhex(t, path))
		}
	}
	parts := strings.Split(rest, `"`)
	switch name {
	case "write", "pwrite64":
		if len(parts) >= 3 {
			c.data = unhex(t, parts[1])
		}
		if name == "pwrite64" && len(parts) >= 3 {
			fields := strings.Split(parts[2], ", ") // "", length, offset
			if len(fields) >= 3 {
				c.offset, _ = strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
			}
		}
	case "ftruncate":
		_, length, _ := strings.Cut(rest, ">, ")
		c.offset, _ = strconv.ParseInt(strings.TrimSpace(length), 10, 64)
	case "openat", "unlink", "unlinkat":
		if len(parts) >= 3 {
			c.path = string(unhex(t, parts[1]))
			c.create = name == "openat" && strings.Contains(parts[2], "O_CREAT")
		}
	}
	return c
}

// unhex reads \x2f\x74…
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	out := make([]byte, 0, len(text)/4)
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			out = append(out, text[i])
			i++
			continue
		}
		b, err := strconv.ParseUint(text[i+2:i+4], 16, 8)
		if err != nil {
			t.Fatalf("strace wrote %.40q", text[i:])
		}
		out = append(out, byte(b))
		i += 4
	}
	return out
}

// answered is the item that a successful answer names, -1 if it is none.
func (c call) answered() int {
	if c.name != "write" || !bytes.HasPrefix(c.data, []byte("HTTP/1.1 20")) {
		return -1
	}
	_, after, ok := bytes.Cut(c.data, []byte("\r\nX-Request-Id: item-"))
	if !ok {
		return -1
	}
	digits, _, _ := bytes.Cut(after, []byte("\r\n"))
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return -1
	}
	return n
}

// of tells whether a file belongs to the database.
func of(database, path string) bool {
	return strings.HasPrefix(path, database) && filepath.Dir(path) == filepath.Dir(database)
}

// inject is what strace does at the K-th call of a kind.
func inject(name, what string, k int) string {
	return fmt.Sprintf("inject=%s:%s:when=%d", name, what, k)
}

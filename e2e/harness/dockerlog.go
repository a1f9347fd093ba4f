package harness

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// DockerLog writes the log of a container in the way of Docker's json-file
// driver. Its methods fail the test on an error.
type DockerLog struct {
	t      testing.TB
	folder string // of all containers
	name   string
	number int // of containers that had the name
	id     string
	file   *os.File
	out    *bufio.Writer
	at     time.Time
	files  int
	state  map[string]any // of config.v2.json, with its RestartCount; nil before SetState
	count  int
}

// partBytes is where Docker cuts a line into records.
const partBytes = 16 << 10

// NewDockerLog makes a container in the folder of all containers.
func NewDockerLog(t testing.TB, folder, name string) *DockerLog {
	t.Helper()
	l := &DockerLog{t: t, folder: folder, name: name}
	l.create()
	t.Cleanup(func() { _ = l.file.Close() })
	return l
}

func (l *DockerLog) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *DockerLog) create() {
	l.number++
	l.id = fmt.Sprintf("%x%0*x", l.name, 64-2*len(l.name), l.number)
	l.at = time.Now()
	l.must(os.MkdirAll(filepath.Join(l.folder, l.id), 0o710))
	l.configure()
	l.open()
}

// configure writes the config, as Docker does it.
func (l *DockerLog) configure() {
	l.t.Helper()
	config := map[string]any{
		"ID": l.id, "Name": "/" + l.name, "Created": l.at.UTC(), "LogPath": l.Path(), "Config": map[string]any{"Image": "e2e/" + l.name + ":1"},
	}
	if l.state != nil {
		config["State"], config["RestartCount"], config["HasBeenManuallyStopped"] = l.state, l.count, false
	}
	b, err := json.Marshal(config)
	l.must(err)
	path := filepath.Join(l.folder, l.id, "config.v2.json")
	l.must(os.WriteFile(path+".tmp", b, 0o600))
	l.must(os.Rename(path+".tmp", path))
}

// Start writes what Docker does when the container starts: the code of the end
// before it is gone.
func (l *DockerLog) Start() {
	l.t.Helper()
	finished := any("0001-01-01T00:00:00Z")
	if l.state != nil {
		finished = l.state["FinishedAt"]
	}
	l.state = map[string]any{
		"Running": true, "Paused": false, "Restarting": false, "OOMKilled": false, "Dead": false, "Pid": 4711, "ExitCode": 0,
		"StartedAt": time.Now().UTC(), "FinishedAt": finished,
	}
	l.configure()
}

// Crash writes what Docker does when a container that it will restart ends.
func (l *DockerLog) Crash(code int, outOfMemory bool) {
	l.t.Helper()
	l.count++
	l.state["Restarting"], l.state["ExitCode"], l.state["OOMKilled"], l.state["Pid"], l.state["FinishedAt"] = true, code, outOfMemory, 0, time.Now().UTC()
	l.configure()
}

func (l *DockerLog) open() {
	f, err := os.OpenFile(l.Path(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	l.must(err)
	// A size that ends in the middle of records, as a write that is seen early does.
	l.file, l.out = f, bufio.NewWriterSize(f, 7919)
}

// Path is where the log is.
func (l *DockerLog) Path() string { return filepath.Join(l.folder, l.id, l.id+"-json.log") }

// Files is how many files were rotated away and kept.
func (l *DockerLog) Files() int { return l.files }

// Write adds a line. It is on disk after Flush.
func (l *DockerLog) Write(stream, line string) {
	l.t.Helper()
	line += "\n"
	for line != "" {
		part := line[:min(len(line), partBytes)]
		line = line[len(part):]
		l.at = l.at.Add(time.Microsecond)
		b, err := json.Marshal(struct {
			Log    string    `json:"log"`
			Stream string    `json:"stream"`
			Time   time.Time `json:"time"`
		}{part, stream, l.at.UTC()})
		l.must(err)
		_, err = l.out.Write(append(b, '\n'))
		l.must(err)
	}
}

// Flush writes what is waiting.
func (l *DockerLog) Flush() {
	l.t.Helper()
	l.must(l.out.Flush())
}

// Rotate does what Docker does at max-size, with or without compression.
func (l *DockerLog) Rotate(compress bool) {
	l.t.Helper()
	l.Flush()
	l.must(l.file.Close())
	l.shift()
	l.must(os.Rename(l.Path(), l.Path()+".1"))
	l.open()
	if compress {
		from := l.Path() + ".1"
		l.must(copyTo(from+".gz", from, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }))
		l.must(os.Remove(from))
	}
}

// CopyTruncate does what logrotate does with copytruncate.
func (l *DockerLog) CopyTruncate() {
	l.t.Helper()
	l.Flush()
	l.shift()
	l.must(copyTo(l.Path()+".1", l.Path(), func(w io.Writer) io.WriteCloser { return plainWriter{w} }))
	l.must(os.Truncate(l.Path(), 0))
}

// Truncate empties the log. What was not read is lost.
func (l *DockerLog) Truncate() {
	l.t.Helper()
	l.Flush()
	l.must(os.Truncate(l.Path(), 0))
}

// Recreate removes the container with its log, and makes another one of the same name.
func (l *DockerLog) Recreate() {
	l.t.Helper()
	l.Flush()
	l.must(l.file.Close())
	l.must(os.RemoveAll(filepath.Join(l.folder, l.id)))
	l.files = 0
	l.create()
}

// DropFiles removes the files that were rotated away. What was not read is lost.
func (l *DockerLog) DropFiles() {
	l.t.Helper()
	for n := 1; n <= l.files; n++ {
		for _, suffix := range []string{"", ".gz"} {
			_ = os.Remove(fmt.Sprintf("%s.%d%s", l.Path(), n, suffix)) // one of them is there
		}
	}
	l.files = 0
}

// shift makes room for one more file.
func (l *DockerLog) shift() {
	for n := l.files; n >= 1; n-- {
		for _, suffix := range []string{"", ".gz"} {
			_ = os.Rename(fmt.Sprintf("%s.%d%s", l.Path(), n, suffix), fmt.Sprintf("%s.%d%s", l.Path(), n+1, suffix)) // one of them is there
		}
	}
	l.files++
}

type plainWriter struct{ io.Writer }

// Close does nothing.
func (plainWriter) Close() error { return nil }

func copyTo(to, from string, pack func(io.Writer) io.WriteCloser) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	w := pack(out)
	_, err = io.Copy(w, in)
	for _, close := range []func() error{w.Close, out.Close} {
		if closeErr := close(); err == nil {
			err = closeErr
		}
	}
	return err
}

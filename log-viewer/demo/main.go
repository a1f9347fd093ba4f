// Command demo runs a program and writes what it prints in the way of Docker's
// json-file driver, for machines without a container engine. A program that
// ends is started again.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	partBytes = 16 << 10 // of a line in one record
	maxFile   = 1 << 20  // bytes; a larger file is rotated away
	keepFiles = 3
	restart   = time.Second
)

func main() {
	folder := flag.String("folder", "", "folder of the containers")
	name := flag.String("name", "", "name of the container")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *folder == "" || *name == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: demo -folder FOLDER -name NAME COMMAND...")
		os.Exit(2)
	}
	if err := run(ctx, *folder, *name, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, folder, name string, command []string) error {
	l, err := create(folder, name)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 2 * time.Second
		out, outEnd := io.Pipe()
		problems, problemsEnd := io.Pipe()
		cmd.Stdout, cmd.Stderr = outEnd, problemsEnd
		var copying sync.WaitGroup
		copying.Go(func() { l.copy("stdout", out) })
		copying.Go(func() { l.copy("stderr", problems) })
		err := cmd.Run()
		err = errors.Join(err, outEnd.Close(), problemsEnd.Close())
		copying.Wait()
		if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(restart):
		}
	}
	return nil
}

// log is the log of a container.
type log struct {
	path string
	mu   sync.Mutex
	file *os.File
	size int
}

func create(folder, name string) (*log, error) {
	id := fmt.Sprintf("%x%0*x", name, max(0, 64-2*len(name)), time.Now().UnixNano())
	id = id[:min(len(id), 64)]
	dir := filepath.Join(folder, id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"ID": id, "Name": "/" + name, "Created": time.Now().UTC(),
		"Config": map[string]any{"Image": "program of this machine", "Labels": map[string]string{"com.docker.compose.project": "demo", "com.docker.compose.service": name}},
	})
	if err != nil {
		return nil, err
	}
	l := &log{path: filepath.Join(dir, id+"-json.log")}
	if err := l.open(); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "config.v2.json")
	if err := os.WriteFile(path+".tmp", config, 0o600); err != nil {
		return nil, err
	}
	return l, os.Rename(path+".tmp", path)
}

func (l *log) open() (err error) {
	l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	l.size = 0
	return err
}

// copy writes the lines of a stream until it ends.
func (l *log) copy(stream string, from io.Reader) {
	in := bufio.NewReaderSize(from, partBytes)
	for {
		part, err := in.ReadSlice('\n')
		if len(part) > 0 {
			if err := l.write(stream, string(part)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (l *log) write(stream, text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	record, err := json.Marshal(struct {
		Log    string    `json:"log"`
		Stream string    `json:"stream"`
		Time   time.Time `json:"time"`
	}{text, stream, time.Now().UTC()})
	if err != nil {
		return err
	}
	if l.size > maxFile {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	n, err := l.file.Write(append(record, '\n'))
	l.size += n
	return err
}

func (l *log) rotate() error {
	if err := l.file.Close(); err != nil {
		return err
	}
	for n := keepFiles - 1; n >= 1; n-- {
		from := l.path
		if n > 1 {
			from = fmt.Sprintf("%s.%d", l.path, n-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", l.path, n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return l.open()
}

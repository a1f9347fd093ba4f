// Package harness runs the real programs of this repository from outside: it
// builds them, starts them on free ports with their files in folders of their
// own, talks to them over HTTP, kills and restarts them, and keeps their logs.
package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// binDir is the environment variable that names a folder with the built
// programs. Without it they are built from the sources beside this module, once
// per test process.
const binDir = "E2E_BIN"

var builds struct {
	sync.Mutex

	dir   string
	paths map[string]string
}

// Binary returns the path of the program whose folder in the repository has
// the given name.
func Binary(name string) (string, error) {
	builds.Lock()
	defer builds.Unlock()
	if path, ok := builds.paths[name]; ok {
		return path, nil
	}
	path, err := find(name)
	if err != nil {
		return "", err
	}
	if builds.paths == nil {
		builds.paths = map[string]string{}
	}
	builds.paths[name] = path
	return path, nil
}

func find(name string) (string, error) {
	if dir := os.Getenv(binDir); dir != "" {
		path, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return "", fmt.Errorf("%s=%s has no program %s", binDir, dir, name)
		}
		return path, nil
	}
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "monlight-e2e-")
		if err != nil {
			return "", err
		}
		builds.dir = dir
	}
	path := filepath.Join(builds.dir, name)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Dir = filepath.Join(repository(), name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// repository is the top folder of the sources.
func repository() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		panic("no caller information")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Cleanup removes what Binary built; a TestMain calls it at its end.
func Cleanup() error {
	builds.Lock()
	defer builds.Unlock()
	if builds.dir == "" {
		return nil
	}
	dir := builds.dir
	builds.dir = ""
	clear(builds.paths)
	return os.RemoveAll(dir)
}

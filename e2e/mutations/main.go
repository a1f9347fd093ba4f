// Command mutations shows that the tests see what they are there for: it takes
// one safety after the other out of the sources (by "go build -overlay", nothing
// is changed), runs the test that guards it, and wants that test to fail. It
// prints a Markdown table, and exits with 1 if a test stayed green or could not run.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// services are the programs that the tests of e2e/promises run.
var services = []string{"error-tracker", "log-viewer", "metrics-collector", "browser-relay"}

func main() {
	top := flag.String("top", "..", "top folder of the repository")
	only := flag.String("only", "", "rows to try, a regular expression")
	flag.Parse()
	green, err := run(*top, regexp.MustCompile(*only))
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if green > 0 {
		_, _ = fmt.Fprintf(os.Stderr, "%d tests did not see that their safety was gone\n", green)
		os.Exit(1)
	}
}

func run(top string, only *regexp.Regexp) (green int, err error) {
	top, err = filepath.Abs(top)
	if err != nil {
		return 0, err
	}
	fmt.Print("| row | what was taken out | test that turned red |\n|---|---|---|\n")
	for _, m := range mutations {
		if !only.MatchString(m.row) {
			continue
		}
		begin := time.Now()
		red, why, err := m.try(top)
		if err != nil { // the sources have changed: the list has to follow
			green++
			_, _ = fmt.Fprintf(os.Stderr, "%s, %s: %v\n", m.row, m.what, err)
			continue
		}
		result := fmt.Sprintf("`%s` in `%s`", strings.ReplaceAll(m.test, "|", "`, `"), m.module)
		if !red {
			green++
			result = "**STAYED GREEN**: " + result
		}
		fmt.Printf("| %s | %s | %s |\n", m.row, m.what, result)
		_, _ = fmt.Fprintf(os.Stderr, "%s %v: %s\n", m.row, time.Since(begin).Round(time.Second), why)
	}
	return green, nil
}

// mutation is a safety that is taken out, and the test that should see it.
type mutation struct {
	row, what     string
	file          string      // in the repository
	old, new      string      // old occurs once
	also          [][2]string // further changes of the file
	module        string      // folder of the module whose test it is
	pkg, test     string      // package in it, and pattern of the test
	hangs         bool        // without it the test may run into its time limit
	testAsRunning string      // of a service whose program the test runs: only that one is built anew
}

// try runs the test on sources without the safety.
func (m mutation) try(top string) (red bool, why string, err error) {
	dir, err := os.MkdirTemp("", "monlight-mutation-")
	if err != nil {
		return false, "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := m.overlay(top, dir)
	if err != nil {
		return false, "", err
	}
	env := append(os.Environ(), "CGO_ENABLED=0", "E2E_OUT="+dir)
	if m.module == "e2e" {
		for _, s := range services {
			if s != m.testAsRunning && m.testAsRunning != "" {
				continue
			}
			build := exec.Command("go", "build", "-overlay", overlay, "-o", filepath.Join(dir, "bin", s), ".")
			build.Dir, build.Env = filepath.Join(top, s), env
			if out, err := build.CombinedOutput(); err != nil {
				return false, "", fmt.Errorf("build %s: %w\n%s", s, err, out)
			}
		}
		env = append(env, "E2E_BIN="+filepath.Join(dir, "bin"))
	}
	test := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-timeout", "3m", "-run", m.test, m.pkg)
	test.Dir, test.Env = filepath.Join(top, m.module), env
	out, err := test.CombinedOutput()
	text := string(out)
	switch {
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return false, "", fmt.Errorf("the sources without it do not build:\n%s", text)
	case strings.Contains(text, "no tests to run"):
		return false, "", fmt.Errorf("there is no test %s", m.test)
	case err == nil:
		return false, "green", nil
	case strings.Contains(text, "needs root") || strings.Contains(text, "apt-get install"):
		return false, "", fmt.Errorf("the test cannot run here:\n%s", text)
	case strings.Contains(text, "test timed out") && !m.hangs:
		return false, "", fmt.Errorf("the test did not come to an end:\n%s", text)
	}
	for line := range strings.Lines(text) { // the first message of a test
		if regexp.MustCompile(`^\s+\w+_test\.go:\d+: `).MatchString(line) {
			return true, strings.TrimSpace(line)[:min(len(strings.TrimSpace(line)), 160)], nil
		}
	}
	return true, "red", nil
}

// overlay writes the changed file and the list that go build wants.
func (m mutation) overlay(top, dir string) (list string, err error) {
	file := filepath.Join(top, m.file)
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	source := string(text)
	for _, edit := range append([][2]string{{m.old, m.new}}, m.also...) {
		if n := strings.Count(source, edit[0]); n != 1 {
			return "", fmt.Errorf("%s has %q %d times, want it once", m.file, edit[0], n)
		}
		source = strings.Replace(source, edit[0], edit[1], 1)
	}
	changed := filepath.Join(dir, "changed"+filepath.Ext(file))
	if err := os.WriteFile(changed, []byte(source), 0o600); err != nil {
		return "", err
	}
	j, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, j, 0o600)
}

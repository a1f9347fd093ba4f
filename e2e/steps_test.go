package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

// TestTheFirstStepsOfTheDocsRun pastes what the README and getting-started
// say, with nothing but the variables that they name, and looks for what came.
func TestTheFirstStepsOfTheDocsRun(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[string]string{
		"http://127.0.0.1:5010": harness.Start(t, "error-tracker").URL,
		"http://127.0.0.1:5011": harness.Start(t, "log-viewer").URL,
		"http://127.0.0.1:5012": harness.Start(t, "metrics-collector").URL,
	}
	for _, step := range []struct{ page, command, python, url, want string }{
		{page: "README.md", command: "/api/errors", url: "http://127.0.0.1:5010/api/errors", want: "cannot ship order 42"},
		{page: "docs/getting-started.md", command: "monlight.init()", python: "pip install", url: "http://127.0.0.1:5010/api/errors", want: "no such item"},
		{page: "docs/getting-started.md", command: "/api/logs", url: "http://127.0.0.1:5011/api/logs", want: "hello from a shell"},
		{page: "docs/getting-started.md", command: "/api/metrics", url: "http://127.0.0.1:5012/api/metrics/names", want: "http_requests_total"},
	} {
		t.Run(step.want, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(root, step.page))
			if err != nil {
				t.Fatal(err)
			}
			script := ""
			for _, block := range strings.Split(string(text), "```sh\n")[1:] {
				block, _, _ = strings.Cut(block, "```")
				if strings.Contains(block, step.command) {
					script = block
				}
			}
			if script == "" {
				t.Fatalf("%s has no example with %s", step.page, step.command)
			}
			if step.python != "" {
				if _, err := exec.LookPath("python3"); err != nil {
					t.Fatalf("python3 is needed (apt-get install python3): %v", err)
				}
				// Installing it wants a registry; its suite does that.
				before, after, _ := strings.Cut(script, "\n")
				if !strings.Contains(before, step.python) {
					t.Fatalf("the first line of the example is %q", before)
				}
				script = strings.ReplaceAll(after, ".run/venv/bin/python ", "python3 ") + "true\n"
			}
			for from, to := range addresses {
				script = strings.ReplaceAll(script, from, to)
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
			cmd.Dir = root
			cmd.Env = []string{
				"PATH=" + os.Getenv("PATH"), "PYTHONPATH=" + filepath.Join(root, "clients", "python"), "PYTHONDONTWRITEBYTECODE=1",
				"ERROR_TRACKER_API_KEY=" + harness.Key, "LOG_VIEWER_API_KEY=" + harness.Key, "METRICS_COLLECTOR_API_KEY=" + harness.Key,
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, script, out)
			}
			url := step.url
			for from, to := range addresses {
				url = strings.Replace(url, from, to, 1)
			}
			found, err := exec.CommandContext(t.Context(), "curl", "-sS", "--fail-with-body", "-H", "X-API-Key: "+harness.Key, url).CombinedOutput()
			if err != nil || !strings.Contains(string(found), step.want) {
				t.Errorf("%q is not there: %v\n%s\n%s", step.want, err, script, found)
			}
		})
	}
}

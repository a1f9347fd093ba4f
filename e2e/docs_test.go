package e2e

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

var update = flag.Bool("update", false, "write the tables in docs/ anew")

// The table of settings in docs/operations.md is what --help prints.
func TestTheSettingsInTheDocsAreThoseOfTheBinary(t *testing.T) {
	for _, name := range []string{"error-tracker", "log-viewer", "metrics-collector", "browser-relay"} {
		t.Run(name, func(t *testing.T) { settingsTable(t, name) })
	}
}

func settingsTable(t *testing.T, name string) {
	t.Helper()
	binary, err := harness.Binary(name)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	help := string(out)
	row := regexp.MustCompile(`(?m)^  ([A-Z][A-Z_]+(?: or [A-Z_]+)?)\s{2,}(\S+|\(required\))\s{2,}(\S.*)$`)
	rows := row.FindAllStringSubmatch(help, -1)
	if len(rows) < 15 {
		t.Fatalf("only %d settings in\n%s", len(rows), help)
	}
	var table strings.Builder
	table.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, r := range rows {
		variable := "`" + strings.ReplaceAll(r[1], " or ", "` or `") + "`"
		value := r[2]
		switch value {
		case "-":
			value = ""
		case "(required)":
			value = "required"
		default:
			value = "`" + value + "`"
		}
		table.WriteString("| " + variable + " | " + value + " | " + strings.ReplaceAll(r[3], "|", `\|`) + " |\n")
	}

	path := filepath.Join("..", "docs", "operations.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- settings of "+name+": begin -->\n", "<!-- settings of "+name+": end -->"
	before, rest, found := strings.Cut(string(text), begin)
	old, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	if old == table.String() {
		return
	}
	if !*update {
		t.Fatalf("%s does not show the settings of the binary; run: go test ./e2e -run Settings -update", path)
	}
	if err := os.WriteFile(path, []byte(before+begin+table.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

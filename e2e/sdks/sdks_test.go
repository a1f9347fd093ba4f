//go:build sdks

package sdks

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/monlight/monlight/e2e/harness"
)

var update = flag.Bool("update", false, "write the table into docs/sdks.md")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := harness.Cleanup(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

const (
	document = "../../docs/sdks.md"
	begin    = "<!-- The table is written by e2e/sdks. -->\n\n"
)

// What the SDKs send is stored as it was meant, and the document says so.
func TestWhatSDKsSendIsStored(t *testing.T) {
	s := harness.Start(t, "error-tracker")
	w := newWire(t, s)
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, _ := strings.Cut(rest, "\n\n")
	if !ok {
		t.Fatalf("%s has no place for the table", document)
	}
	all := rows()
	lines := make([]string, len(all))
	var wait sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, r := range all {
		if _, err := os.Stat(r.needs); r.needs != "" && err != nil {
			t.Logf("%s: NOT TRIED, there is no %s", r.name, r.needs)
			lines[i] = lineOf(old, r.name) // as it was where it can be tried
			continue
		}
		project, dsn := newProject(t, s, w, r.name, 0)
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			t.Run(r.name, func(t *testing.T) {
				sent := r.run(t, dsn)
				sdk, marks := r.check(t, sent, events(t, s, r.name))
				lines[i] = fmt.Sprintf("| %s | %s | %s | %s |\n", r.name, sdk, w.door(project), strings.Join(marks, " | "))
			})
		})
	}
	wait.Wait()
	table := "| program | SDK | door | sent = stored | title | in-app frame | user | tags | breadcrumbs | release |\n|---|---|---|---|---|---|---|---|---|---|\n" + strings.Join(lines, "")
	if t.Failed() {
		t.Log("\n" + table)
		return
	}
	want := before + begin + table + "\n" + after
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s has another table than this; run with -update:\n%s", document, table)
	}
}

// lineOf is the line of a table that is about a row.
func lineOf(table, row string) string {
	for line := range strings.Lines(table + "\n") {
		if strings.HasPrefix(line, "| "+row+" |") {
			return line
		}
	}
	return ""
}

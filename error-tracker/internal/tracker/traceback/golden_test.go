package traceback

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// describe renders a result for golden files: one line for each exception and
// each frame.
func describe(r Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "platform %q, %d frames omitted\n", r.Platform, r.OmittedFrames)
	for _, x := range r.Exceptions {
		fmt.Fprintf(&b, "%s", x.Type)
		if x.Module != "" {
			fmt.Fprintf(&b, " of %s", x.Module)
		}
		fmt.Fprintf(&b, ": %q", x.Value)
		m := x.Mechanism
		if m.ExceptionID != nil {
			fmt.Fprintf(&b, " #%d", *m.ExceptionID)
		}
		if m.ParentID != nil {
			fmt.Fprintf(&b, " %s %q of #%d", m.Type, m.Source, *m.ParentID)
		}
		if m.IsGroup {
			b.WriteString(" group")
		}
		b.WriteByte('\n')
		for _, f := range x.Frames {
			fmt.Fprintf(&b, "  %s", f.Function)
			if f.Module != "" {
				fmt.Fprintf(&b, " of %s", f.Module)
			}
			if f.RawFunction != "" {
				fmt.Fprintf(&b, " (%s)", f.RawFunction)
			}
			fmt.Fprintf(&b, " @ %s:%d:%d", f.AbsPath, f.Line, f.Column)
			if f.Filename != f.AbsPath {
				fmt.Fprintf(&b, " = %s", f.Filename)
			}
			if f.ContextLine != "" {
				fmt.Fprintf(&b, " | %s", f.ContextLine)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// TestParseReadsWhatProgramsPrint compares with golden files. Each text was
// printed by the program that its name tells, or follows its documentation.
func TestParseReadsWhatProgramsPrint(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 80 {
		t.Fatalf("testdata has %d texts (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(Parse(string(text)))
			golden := strings.TrimSuffix(file, ".txt") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("Parse of %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

package level_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/level"
)

// sample is a line of testdata/lines.txt.
type sample struct {
	want   string
	stream logs.Stream
	line   string
}

func samples(t testing.TB) []sample {
	t.Helper()
	text, err := os.ReadFile("testdata/lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	escapes := strings.NewReplacer(`\e`, "\x1b", `\n`, "\n", `\t`, "\t", `\\`, `\`)
	var all []sample
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		part := strings.SplitN(line, "\t", 3)
		if len(part) != 3 {
			t.Fatalf("no sample: %q", line)
		}
		s := sample{want: part[0], line: escapes.Replace(part[2])}
		if part[1] == "stderr" {
			s.stream = logs.Stderr
		}
		all = append(all, s)
	}
	if len(all) < 100 {
		t.Fatalf("%d samples, want all of them", len(all))
	}
	return all
}

func TestOf(t *testing.T) {
	for _, s := range samples(t) {
		if got := level.Of(s.line, s.stream); got.String() != s.want {
			t.Errorf("Of(%q, %d) = %s, want %s", s.line, s.stream, got, s.want)
		}
	}
}

// Files of real programs with levels in a column that cut finds.
func TestOfRealFiles(t *testing.T) {
	dir := os.Getenv("MONLIGHT_LOGHUB")
	if dir == "" {
		t.Skip("MONLIGHT_LOGHUB is not set")
	}
	columns := map[string]func(string) string{
		"HDFS_2k.log":      func(s string) string { return strings.Fields(s)[3] },
		"Spark_2k.log":     func(s string) string { return strings.Fields(s)[2] },
		"OpenStack_2k.log": func(s string) string { return strings.Fields(s)[4] },
		"Zookeeper_2k.log": func(s string) string { return strings.Fields(s)[3] },
		"Apache_2k.log":    func(s string) string { return strings.Split(s, "[")[2][:5] },
	}
	names := map[string]string{"INFO": "INFO", "WARN": "WARNING", "WARNING": "WARNING", "ERROR": "ERROR", "notic": "INFO", "error": "ERROR"}
	for file, column := range columns {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		n, wrong := 0, 0
		for line := range bytes.Lines(text) {
			s := strings.TrimRight(string(line), "\r\n")
			n++
			if want, got := names[column(s)], level.Of(s, logs.Stdout); want != got.String() {
				if wrong++; wrong < 5 {
					t.Errorf("%s: Of(%q) = %s, want %s", file, s, got, want)
				}
			}
		}
		t.Logf("%s: %d of %d lines right", file, n-wrong, n)
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := level.Of(line, logs.Stdout)
		if got > logs.Critical {
			t.Fatalf("Of(%q) = %d", line, got)
		}
		// Blanks before a line and text far behind it do not change its level.
		if again := level.Of("  "+line, logs.Stdout); again != got {
			t.Fatalf("Of(%q) = %s, but %s with blanks before", line, got, again)
		}
		// What stdout knows by the text, stderr knows too.
		if err := level.Of(line, logs.Stderr); got != logs.Info && err != got {
			t.Fatalf("Of(%q) = %s on stdout, %s on stderr", line, got, err)
		}
		// A line that names its level keeps it whatever the text behind.
		if utf8.ValidString(line) && level.Of("WARNING: "+line, logs.Stderr) != logs.Warning {
			t.Fatalf("WARNING: %q is no warning", line)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	all := samples(b)
	var text []string
	for _, s := range all {
		text = append(text, s.line)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, s := range text {
			level.Of(s, logs.Stdout)
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}

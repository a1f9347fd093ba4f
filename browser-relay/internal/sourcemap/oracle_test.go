package sourcemap_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gosourcemap "github.com/go-sourcemap/sourcemap"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap/sourcemaptest"
	"github.com/monlight/monlight/shared/errs"
)

var update = flag.Bool("update", false, "record what trace-mapping says, from MONLIGHT_TRACE_MAPPING")

// traceMapping names a folder whose node_modules has @jridgewell/trace-mapping.
// With it the test asks the package itself, else what it said when it was asked.
const traceMapping = "MONLIGHT_TRACE_MAPPING"

const (
	lookups   = 20_000
	perRecord = 100 // lookups that a recorded sum is of
)

// dice are numbers that are the same for ever.
type dice uint64

func (d *dice) roll(n int) int {
	*d = *d*6364136223846793005 + 1442695040888963407
	return int(uint64(*d) >> 33 % uint64(n))
}

func signedVLQ(n int) string {
	if n < 0 {
		return string(encode(-n<<1 | 1))
	}
	return string(encode(n << 1))
}

func encode(v int) (out []byte) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for {
		d := v & 31
		if v >>= 5; v > 0 {
			d |= 32
		}
		if out = append(out, digits[d]); v == 0 {
			return out
		}
	}
}

// bundleOf makes a map as bundlers write them: some very long lines and many short
// ones, segments with and without names, and some that say that a place has no source.
func bundleOf(d *dice, segments int) (text string, longest []int) {
	const sources, names = 300, 2000
	var mappings strings.Builder
	source, line, col, name, column := 0, 0, 0, 0, 0
	field := func(now *int, next int) string {
		diff := next - *now
		*now = next
		return signedVLQ(diff)
	}
	first := true
	for range segments {
		switch {
		case d.roll(segments/40) == 0 || len(longest) > 20 && d.roll(9) == 0:
			mappings.WriteString(strings.Repeat(";", 1+d.roll(2)))
			longest = append(longest, column)
			column = 0
		case !first:
			mappings.WriteByte(',')
		}
		// Not twice at one column: then it is anybody's guess which one counts.
		mappings.WriteString(field(&column, column+1+d.roll(30)))
		first = false
		if d.roll(50) == 0 {
			continue
		}
		if d.roll(40) == 0 {
			mappings.WriteString(field(&source, d.roll(sources)))
			mappings.WriteString(field(&line, d.roll(3000)))
		} else {
			mappings.WriteString(field(&source, source))
			mappings.WriteString(field(&line, max(0, line+d.roll(4)-1)))
		}
		mappings.WriteString(field(&col, d.roll(120)))
		if d.roll(3) == 0 {
			mappings.WriteString(field(&name, d.roll(names)))
		}
	}
	longest = append(longest, column)
	list := func(n int, format string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		b, _ := json.Marshal(all)
		return string(b)
	}
	return fmt.Sprintf(`{"version":3,"sources":%s,"names":%s,"mappings":%q}`, list(sources, "src/%d.ts"), list(names, "name%d"), mappings.String()), longest
}

// positionsIn are places in a bundle, most of them where code is.
func positionsIn(d *dice, longest []int, n int) [][2]int {
	all := make([][2]int, n)
	for i := range all {
		line := d.roll(len(longest) + 1)
		if d.roll(2) == 0 {
			line = d.roll(20)
		}
		all[i] = [2]int{line + 1, 1 + d.roll(longest[min(line, len(longest)-1)]+20)}
	}
	return all
}

// sums are one sum for each perRecord answers, so that a difference is found.
func sums(answers []string) string {
	var b strings.Builder
	for from := 0; from < len(answers); from += perRecord {
		sum := sha256.Sum256([]byte(strings.Join(answers[from:min(from+perRecord, len(answers))], "\n")))
		b.WriteString(hex.EncodeToString(sum[:8]) + "\n")
	}
	return b.String()
}

// cached builds a map and opens it with memory for its blocks, as the service does.
func cached(t *testing.T, text string) *sourcemap.Map {
	t.Helper()
	_, res, blocks := build(t, text)
	m, err := sourcemap.NewCache(blocks, 16<<20).Open(t.Context(), 1, func(context.Context, int64) ([]byte, error) { return res.Index, nil })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// 20,000 places in a plain bundle, and as many in one with sections, have the
// originals that trace-mapping gives, which browsers' tools use.
func TestLookupsAgreeWithTraceMapping(t *testing.T) {
	d := dice(1)
	plain, longest := bundleOf(&d, 60_000)
	one, _ := bundleOf(&d, 9_000)
	two, last := bundleOf(&d, 9_000)
	sections := `{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":` + one + `},{"offset":{"line":20000,"column":7},"map":` + two + `}]}`
	inSections := positionsIn(&d, last, lookups)
	for i := range inSections {
		if d.roll(3) > 0 {
			inSections[i][0] += 20_000
		}
	}
	for name, test := range map[string]struct {
		text      string
		positions [][2]int
	}{"plain": {plain, positionsIn(&d, longest, lookups)}, "sections": {sections, inSections}} {
		t.Run(name, func(t *testing.T) {
			m := cached(t, test.text)
			got := make([]string, len(test.positions))
			none := 0
			for i, p := range test.positions {
				if got[i] = at(t, m, p[0], p[1]); got[i] == "none" {
					none++
				}
			}
			if none > lookups*2/3 {
				t.Errorf("%d of %d places have no original: that shows little", none, lookups)
			}
			recorded := filepath.Join("testdata", "trace-mapping-"+name+".txt")
			if os.Getenv(traceMapping) != "" {
				want := askTraceMapping(t, test.text, test.positions)
				differ := 0
				for i := range want {
					if got[i] != want[i] {
						if differ++; differ <= 10 {
							t.Errorf("%v: %q, trace-mapping says %q", test.positions[i], got[i], want[i])
						}
					}
				}
				if *update && differ == 0 {
					if err := os.WriteFile(recorded, []byte(sums(want)), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			want, err := os.ReadFile(recorded)
			if err != nil {
				t.Fatal(err)
			}
			if sums(got) != string(want) {
				t.Errorf("the originals are not those that trace-mapping gave; set %s to see which", traceMapping)
			}
		})
	}
}

// askTraceMapping runs the package.
func askTraceMapping(t *testing.T, text string, positions [][2]int) []string {
	t.Helper()
	dir := t.TempDir()
	var list strings.Builder
	for _, p := range positions {
		fmt.Fprintln(&list, p[0], p[1])
	}
	mapFile, positionFile := filepath.Join(dir, "map.json"), filepath.Join(dir, "positions.txt")
	for path, content := range map[string]string{mapFile: text, positionFile: list.String()} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs(filepath.Join("testdata", "trace-mapping.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", script, mapFile, positionFile)
	cmd.Dir = os.Getenv(traceMapping)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(positions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(positions))
	}
	return answers
}

// The same with go-sourcemap, where it is right: places that have no original it
// gives that of the place before, even of the line before.
func TestLookupsAgreeWithGoSourcemap(t *testing.T) {
	d := dice(2)
	text, longest := bundleOf(&d, 60_000)
	m := cached(t, text)
	oracle, err := gosourcemap.Parse("", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range positionsIn(&d, longest, 2*lookups) {
		got := at(t, m, p[0], p[1])
		if got == "none" {
			continue
		}
		found++
		source, name, line, column, ok := oracle.Source(p[0], p[1]-1)
		want := fmt.Sprintf("%s:%d:%d", source, line, column+1)
		if name != "" {
			want += " " + name
		}
		if !ok || got != want {
			t.Fatalf("%v: %q, go-sourcemap says %q, %v", p, got, want, ok)
		}
	}
	if found < lookups {
		t.Errorf("only %d places have an original", found)
	}
}

// Maps on which go-sourcemap panics, and others that are as bad, are refused.
func TestMapsThatMakeGoSourcemapPanic(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		want   string // the error
		panics bool
	}{
		"a source that is not there":     {`{"version":3,"sources":["a"],"names":[],"mappings":"AAAA,CEAA"}`, "mappings", true},
		"a section without a map":        {`{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":null}]}`, "section", true},
		"a name that is not there":       {`{"version":3,"sources":["a"],"names":[],"mappings":"AAAAC"}`, "mappings", false},
		"a section, then one before it":  {`{"version":3,"sections":[{"offset":{"line":1,"column":0},"map":{"version":3,"sources":[],"mappings":""}},{"offset":{"line":0,"column":0},"map":{"version":3,"sources":[],"mappings":""}}]}`, "section", false},
		"sections within sections, deep": {strings.Repeat(`{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":`, 70) + `{}` + strings.Repeat(`}]}`, 70), "section", false},
	} {
		_, err := sourcemap.Build(t.Context(), strings.NewReader(test.text), &sourcemaptest.Blocks{})
		if err == nil || errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
		if test.panics && !panics(func() {
			if m, err := gosourcemap.Parse("", []byte(test.text)); err == nil {
				m.Source(1, 1)
			}
		}) {
			t.Errorf("%s: go-sourcemap does not panic any more", name)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

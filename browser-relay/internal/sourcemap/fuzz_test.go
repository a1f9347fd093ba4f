package sourcemap_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap/sourcemaptest"
	"github.com/monlight/monlight/shared/errs"
)

// reference is a map read in the plainest way: all of it at once.
type reference struct {
	Version        float64   `json:"version"`
	Sources        []*string `json:"sources"`
	SourcesContent []*string `json:"sourcesContent"`
	Names          []string  `json:"names"`
	Mappings       string    `json:"mappings"`
}

// refSegment is a decoded segment; n is how many fields it has.
type refSegment struct{ column, n, source, line, col, name int }

// decode returns the segments of each generated line, ok false for what Build
// has to refuse.
func (r reference) decode() (lines [][]refSegment, ok bool) {
	const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var source, line, col, name int
	for text := range strings.SplitSeq(r.Mappings, ";") {
		column := 0
		var segments []refSegment
		for part := range strings.SplitSeq(text, ",") {
			var fields []int
			value, shift := 0, 0
			for _, c := range []byte(part) {
				d := strings.IndexByte(base64, c)
				if d < 0 || shift > 30 {
					return nil, false
				}
				value |= d & 31 << shift
				if d&32 != 0 {
					shift += 5
					continue
				}
				n := value >> 1
				if value&1 != 0 {
					if n = -n; n == 0 {
						n = -1 << 31
					}
				}
				if n > 1<<31-1 || n < -1<<31 {
					return nil, false
				}
				fields = append(fields, n)
				value, shift = 0, 0
			}
			if shift != 0 {
				return nil, false
			}
			if len(fields) == 0 {
				continue
			}
			column += fields[0]
			s := refSegment{column: column, n: len(fields)}
			switch len(fields) {
			case 1:
			case 4, 5:
				source, line, col = source+fields[1], line+fields[2], col+fields[3]
				s.source, s.line, s.col = source, line, col
				if len(fields) == 5 {
					name += fields[4]
					s.name = name
					if name < 0 || name >= len(r.Names) {
						return nil, false
					}
				}
				if source < 0 || line < 0 || col < 0 || source >= len(r.Sources) || line > 1<<31-1 || col > 1<<31-1 {
					return nil, false
				}
			default:
				return nil, false
			}
			if column < 0 || column > 1<<31-1 {
				return nil, false
			}
			segments = append(segments, s)
		}
		sort.SliceStable(segments, func(i, j int) bool { return segments[i].column < segments[j].column })
		lines = append(lines, segments)
	}
	return lines, true
}

// lookup is Lookup, in the words of at.
func (r reference) lookup(lines [][]refSegment, line, column int) string {
	if line < 1 || line > len(lines) {
		return "none"
	}
	var found *refSegment
	for i := range lines[line-1] {
		if s := &lines[line-1][i]; s.column <= column-1 {
			found = s
		}
	}
	if found == nil || found.n == 1 {
		return "none"
	}
	source := ""
	if p := r.Sources[found.source]; p != nil {
		source = *p
	}
	out := fmt.Sprintf("%s:%d:%d", source, found.line+1, found.col+1)
	if found.n == 5 && r.Names[found.name] != "" {
		out += " " + r.Names[found.name]
	}
	return out
}

// compare builds a map and checks it against the reference.
func compare(t *testing.T, r reference) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	lines, ok := r.decode()
	blocks := &sourcemaptest.Blocks{}
	res, err := sourcemap.Build(t.Context(), strings.NewReader(string(text)), blocks)
	if err != nil {
		if errs.KindOf(err) != errs.Invalid {
			t.Fatalf("Build: %v, want an error of kind Invalid", err)
		}
		if ok && !strings.Contains(err.Error(), "out of order") {
			t.Fatalf("Build of %s: %v, but the reference reads it", text, err)
		}
		return
	}
	if !ok {
		t.Fatalf("Build of %s: no error, but the reference refuses it", text)
	}
	m, err := sourcemap.Open(res.Index, blocks)
	if err != nil {
		t.Fatal(err)
	}
	for line := range len(lines) + 2 {
		columns := []int{1, 2, 1000}
		if line > 0 && line <= len(lines) {
			for _, s := range lines[line-1] {
				columns = append(columns, s.column, s.column+1, s.column+2)
			}
		}
		for _, column := range columns[:min(len(columns), 200)] {
			if column < 1 || column > 1<<31-1 {
				continue
			}
			if got, want := at(t, m, line, column), r.lookup(lines, line, column); got != want {
				t.Fatalf("%s: Lookup(%d, %d) = %q, want %q", text, line, column, got, want)
			}
		}
	}
}

// Whatever the mappings are, they are refused or read as the reference reads them.
func FuzzVLQ(f *testing.F) {
	for _, mappings := range []string{
		"AAAA", "AAAAA,KACA;;EAAC", "UAAA,LACA", "A", "E,E,E", "gggggB", "ggggggE", "B", "AAAB", "AACA", "AAAAC", "DAAA", ",,;;,", "AAAA AAAA", "+/+/+/+/", "g",
	} {
		f.Add(mappings)
	}
	f.Fuzz(func(t *testing.T, mappings string) {
		if len(mappings) > 1<<12 || strings.ToValidUTF8(mappings, "") != mappings {
			return
		}
		a, b := "a", "b"
		compare(t, reference{Version: 3, Sources: []*string{&a, nil, &b}, Names: []string{"x", "y"}, Mappings: mappings})
	})
}

// Whatever the JSON is, Build returns an error of kind Invalid or an index that
// can be opened and asked anything.
func FuzzBuild(f *testing.F) {
	for _, text := range []string{
		`{"version":3,"sources":["src/app.ts"],"names":["handleClick"],"mappings":"AAAAA"}`,
		`{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":{"version":3,"sources":["a"],"names":[],"mappings":"AAAA"}},{"offset":{"line":0,"column":9},"map":{"version":3,"sources":["b"],"names":[],"mappings":"AAAA;AACA"}}]}`,
		`{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":null}]}`,
		`{"version":3,"sections":[null]}`,
		")]}'\n" + `{"version":3,"sourceRoot":"/r","sources":["a",null],"sourcesContent":["x\ny\n",null],"names":[],"mappings":"AAAA;ACAA","ignoreList":[1],"debugId":"85314830-023f-4cf1-a267-535f4e37bb17"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		blocks := &sourcemaptest.Blocks{}
		res, err := sourcemap.Build(t.Context(), strings.NewReader(text), blocks)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("Build: %v, want an error of kind Invalid", err)
			}
			return
		}
		m, err := sourcemap.Open(res.Index, blocks)
		if err != nil {
			t.Fatalf("Open of what Build wrote: %v", err)
		}
		for _, line := range []int{1, 2, 3, 1 << 20} {
			for _, column := range []int{1, 2, 9, 10, 11, 1 << 20} {
				frame, found, err := m.Lookup(t.Context(), line, column)
				if err != nil {
					t.Fatalf("Lookup(%d, %d): %v", line, column, err)
				}
				if !found {
					continue
				}
				if _, _, err := m.Context(t.Context(), frame, 5); err != nil {
					t.Fatalf("Context of %v: %v", frame, err)
				}
			}
		}
	})
}

// Whatever an index and its blocks are, reading them gives an answer or
// ErrDamaged, and blocks are believed only when they are what their name says.
func FuzzOpen(f *testing.F) {
	blocks := &sourcemaptest.Blocks{}
	res, err := sourcemap.Build(f.Context(), strings.NewReader(
		`{"version":3,"sources":["a"],"sourcesContent":["x\ny"],"names":["n"],"mappings":"AAAAA;AACA"}`), blocks)
	if err != nil {
		f.Fatal(err)
	}
	plain, err := sourcemap.UnpackIndex(res.Index)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, plain []byte) {
		m, err := sourcemap.Open(sourcemap.PackIndex(plain), blocks)
		if err != nil {
			if !errors.Is(err, sourcemap.ErrDamaged) {
				t.Fatalf("Open: %v, want ErrDamaged", err)
			}
			return
		}
		for line := range 4 {
			frame, found, err := m.Lookup(t.Context(), line, 3)
			if err != nil && !errors.Is(err, sourcemap.ErrDamaged) && errs.KindOf(err) != errs.NotFound {
				t.Fatalf("Lookup: %v, want ErrDamaged or that a block is not there", err)
			}
			if found {
				_, _, _ = m.Context(t.Context(), frame, 5)
			}
		}
	})
}

// Whatever a block of segments is, it is read or refused.
func FuzzSegments(f *testing.F) {
	f.Add([]byte("\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00"), uint16(1))
	f.Fuzz(func(t *testing.T, plain []byte, count uint16) {
		for _, column := range []int32{0, 1, 1 << 30} {
			if err := sourcemap.FindInSegments(plain, int32(count), 0, column); err != nil && !errors.Is(err, sourcemap.ErrDamaged) {
				t.Fatal(err)
			}
		}
	})
}

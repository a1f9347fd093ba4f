package sourcemap_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap/sourcemaptest"
	"github.com/monlight/monlight/shared/errs"
)

// build builds and opens a map.
func build(t testing.TB, text string) (*sourcemap.Map, *sourcemap.Result, *sourcemaptest.Blocks) {
	t.Helper()
	blocks := &sourcemaptest.Blocks{}
	res, err := sourcemap.Build(t.Context(), strings.NewReader(text), blocks)
	if err != nil {
		t.Fatalf("Build(%.200s): %v", text, err)
	}
	m, err := sourcemap.Open(res.Index, blocks)
	if err != nil {
		t.Fatalf("Open of what Build wrote: %v", err)
	}
	return m, res, blocks
}

// at looks a position up, as "source:line:column name".
func at(t testing.TB, m *sourcemap.Map, line, column int) string {
	t.Helper()
	f, found, err := m.Lookup(t.Context(), line, column)
	switch {
	case err != nil:
		t.Fatalf("Lookup(%d, %d): %v", line, column, err)
	case !found:
		return "none"
	case f.Name != "":
		return f.String() + " " + f.Name
	}
	return f.String()
}

func TestLookup(t *testing.T) {
	type lookups map[[2]int]string
	tests := map[string]struct {
		text string
		want lookups
	}{
		"one segment": {
			`{"version":3,"sources":["src/app.ts"],"names":["handleClick"],"mappings":"AAAAA"}`,
			lookups{{1, 1}: "src/app.ts:1:1 handleClick", {1, 500}: "src/app.ts:1:1 handleClick", {2, 1}: "none", {0, 1}: "none", {1, 0}: "none"},
		},
		"the last segment at or before the column": {
			`{"version":3,"sources":["a"],"names":[],"mappings":"AAAA,KACA"}`,
			lookups{{1, 5}: "a:1:1", {1, 6}: "a:2:1", {1, 8}: "a:2:1"},
		},
		"nothing before the first segment of a line": {
			`{"version":3,"sources":["a"],"names":[],"mappings":"AAAA;IAAA"}`,
			lookups{{2, 4}: "none", {2, 5}: "a:1:1"},
		},
		"a segment without source ends the one before": {
			`{"version":3,"sources":["a"],"names":[],"mappings":"AAAA,E,EAAC"}`,
			lookups{{1, 2}: "a:1:1", {1, 3}: "none", {1, 4}: "none", {1, 5}: "a:1:2"},
		},
		"columns out of order are sorted": {
			`{"version":3,"sources":["a"],"names":[],"mappings":"UAAA,LACA"}`,
			lookups{{1, 6}: "a:2:1", {1, 11}: "a:1:1"},
		},
		"empty segments and lines": {
			`{"version":3,"sources":["a"],"names":[],"mappings":";;,,AAAA,;;"}`,
			lookups{{3, 1}: "a:1:1", {4, 1}: "none"},
		},
		"the root of sources that are relative": {
			`{"version":3,"sourceRoot":"/src","sources":["a.ts","/b.ts","webpack://x/c.ts"],"names":[],"mappings":"AAAA;ACAA;ACAA"}`,
			lookups{{1, 1}: "/src/a.ts:1:1", {2, 1}: "/b.ts:1:1", {3, 1}: "webpack://x/c.ts:1:1"},
		},
		"members in another order": {
			`{"mappings":"AAAAA","names":["n"],"sourcesContent":["x"],"sources":["a"],"sourceRoot":"r/","version":3}`,
			lookups{{1, 1}: "r/a:1:1 n"},
		},
		"a guard against inclusion": {
			")]}'\n" + `{"version":3,"sources":["a"],"mappings":"AAAA"}`,
			lookups{{1, 1}: "a:1:1"},
		},
		"sections": {
			`{"version":3,"sections":[
				{"offset":{"line":0,"column":0},"map":{"version":3,"sources":["a"],"names":["x"],"mappings":"AAAAA,UAAA"}},
				{"offset":{"line":0,"column":20},"map":{"version":3,"sources":["b"],"names":["y"],"mappings":"UAAAA;AACA"}},
				{"map":{"version":3,"sources":["c"],"names":[],"mappings":"AAAA"},"offset":{"line":5,"column":3}}]}`,
			lookups{
				{1, 1}: "a:1:1 x", {1, 12}: "a:1:1", {1, 21}: "a:1:1", {1, 30}: "a:1:1", {1, 31}: "b:1:1 y", {2, 1}: "b:2:1",
				{3, 1}: "none", {6, 3}: "none", {6, 4}: "c:1:1", {7, 1}: "none",
			},
		},
		"a source without a name": {
			`{"version":3,"sources":[null],"names":[],"mappings":"AAAA"}`,
			lookups{{1, 1}: ":1:1"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, _, _ := build(t, tt.text)
			for pos, want := range tt.want {
				if got := at(t, m, pos[0], pos[1]); got != want {
					t.Errorf("Lookup%v = %q, want %q", pos, got, want)
				}
			}
		})
	}
}

func TestVLQ(t *testing.T) {
	for vlq, want := range map[string]int{"A": 1, "C": 2, "gB": 17, "D": 0} {
		m, err := sourcemap.Build(t.Context(), strings.NewReader(`{"version":3,"sources":["a"],"mappings":"AAA`+vlq+`"}`), &sourcemaptest.Blocks{})
		if want == 0 {
			if errs.KindOf(err) != errs.Invalid {
				t.Errorf("original column %s: %v, want that it is out of range", vlq, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		opened, err := sourcemap.Open(m.Index, must(t, vlq))
		if err != nil {
			t.Fatal(err)
		}
		if got := at(t, opened, 1, 1); got != fmt.Sprintf("a:1:%d", want) {
			t.Errorf("original column %s: %s, want %d", vlq, got, want)
		}
	}
}

func must(t *testing.T, vlq string) *sourcemaptest.Blocks {
	_, _, blocks := build(t, `{"version":3,"sources":["a"],"mappings":"AAA`+vlq+`"}`)
	return blocks
}

func TestBuildRefusesWhatIsNoMap(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"not JSON":                {`{`, "JSON ends"},
		"no object":               {`[]`, "Invalid source map format"},
		"null":                    {`null`, "Invalid source map format"},
		"no version":              {`{"sources":[],"mappings":""}`, "Invalid source map format"},
		"version in quotes":       {`{"version":"3","sources":[],"mappings":""}`, "Invalid source map format"},
		"version 2":               {`{"version":2,"sources":[],"mappings":""}`, "version is 2"},
		"no sources":              {`{"version":3,"mappings":""}`, "Invalid source map format"},
		"sources no array":        {`{"version":3,"sources":"a","mappings":""}`, "Invalid source map format"},
		"no mappings":             {`{"version":3,"sources":[]}`, "Invalid source map format"},
		"mappings no string":      {`{"version":3,"sources":[],"mappings":["A"]}`, "Invalid source map format"},
		"mappings twice":          {`{"version":3,"sources":[],"mappings":"","mappings":""}`, "mappings is there twice"},
		"something behind":        {`{"version":3,"sources":[],"mappings":""} x`, "something follows"},
		"no base64":               {`{"version":3,"sources":["a"],"mappings":"AA!A"}`, "no digit of base64"},
		"two fields":              {`{"version":3,"sources":["a"],"mappings":"AA"}`, "2 fields"},
		"six fields":              {`{"version":3,"sources":["a"],"mappings":"AAAAAA"}`, "more than 5 fields"},
		"an unfinished number":    {`{"version":3,"sources":["a"],"mappings":"AAAg"}`, "ends too early"},
		"a huge number":           {`{"version":3,"sources":["a"],"mappings":"gggggggggC"}`, "more than 32 bits"},
		"a negative column":       {`{"version":3,"sources":["a"],"mappings":"DAAA"}`, "column is out of range"},
		"a negative source":       {`{"version":3,"sources":["a"],"mappings":"ADAA"}`, "out of range"},
		"a source too many":       {`{"version":3,"sources":["a"],"mappings":"ACAA"}`, "source 1 is used, but there are 1 sources"},
		"a name too many":         {`{"version":3,"sources":["a"],"names":["n"],"mappings":"AAAAC"}`, "name 1 is used, but there are 1 names"},
		"a source of no section":  {`{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":{"version":3,"sources":["a"],"mappings":"AAAA"}},{"offset":{"line":1,"column":0},"map":{"version":3,"sources":[],"mappings":"AAAA"}}]}`, "source 0 is used"},
		"a section without map":   {`{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":null}]}`, "the map of section 0 is null"},
		"a null section":          {`{"version":3,"sections":[null]}`, "JSON at byte"},
		"a section elsewhere":     {`{"version":3,"sections":[{"offset":{"line":0,"column":0},"url":"http://h/x.map"}]}`, "no offset or no map"},
		"sections in sections":    {`{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":{"version":3,"sections":[]}}]}`, "has sections"},
		"sections backwards":      {`{"version":3,"sections":[{"offset":{"line":1,"column":0},"map":{"version":3,"sources":[],"mappings":""}},{"offset":{"line":0,"column":0},"map":{"version":3,"sources":[],"mappings":""}}]}`, "before the one before"},
		"sections and mappings":   {`{"version":3,"sections":[],"sources":[],"mappings":""}`, "both mappings and sections"},
		"an offset of a fraction": {`{"version":3,"sections":[{"offset":{"line":0.5,"column":0},"map":{}}]}`, "want a whole number"},
		"deep nesting":            {`{"x":` + strings.Repeat("[", 100_000), "levels deep"},
		"many segments":           {`{"version":3,"sources":["a"],"mappings":"` + strings.Repeat("C,", sourcemap.MaxSegments+1) + `"}`, "more than 10000000 segments"},
		"many sources":            {`{"version":3,"sources":[` + strings.Repeat(`"",`, sourcemap.MaxSources) + `""],"mappings":""}`, "sources: more than"},
		"sources far out of order": {
			`{"version":3,"sources":["a"],"mappings":"ggB` + strings.Repeat(",A", 5000) + `,D"}`, "out of order",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := sourcemap.Build(t.Context(), strings.NewReader(tt.text), &sourcemaptest.Blocks{})
			if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Build = %v, want an Invalid error with %q", err, tt.want)
			}
		})
	}
}

func TestResult(t *testing.T) {
	text := `{"version":3,"file":"app.js","debugId":"85314830-023F-4CF1-A267-535F4E37BB17","sources":["a","b"],"sourcesContent":["x",null],"names":["n"],"mappings":"AAAAA;AACA"}`
	m, res, blocks := build(t, text)
	want := &sourcemap.Result{
		DebugID: "85314830-023f-4cf1-a267-535f4e37bb17", File: "app.js", Bytes: int64(len(text)),
		Segments: 2, Sources: 2, WithContent: 1, Names: 1,
	}
	if diff := cmp.Diff(want, res, cmpopts.IgnoreFields(sourcemap.Result{}, "Index", "Blocks")); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if m.DebugID() != want.DebugID {
		t.Errorf("DebugID = %q, want %q", m.DebugID(), want.DebugID)
	}
	if len(res.Blocks) != 3 || len(blocks.Names()) != 3 {
		t.Errorf("%d blocks needed, %d put, want 3: text, names, segments", len(res.Blocks), len(blocks.Names()))
	}
}

func TestContext(t *testing.T) {
	lines := []string{"one", "zwei", "trois \u00e9", "\U0001F600 quatre", "five", "six"}
	for name, end := range map[string]string{"lf": "\n", "crlf": "\r\n", "cr": "\r", "ls": "\u2028"} {
		t.Run(name, func(t *testing.T) {
			content, _ := json.Marshal(strings.Join(lines, end) + end)
			m, _, _ := build(t, `{"version":3,"sources":["a"],"sourcesContent":[`+string(content)+`],"mappings":"AAAA;AACA;AACA;AACA;AACA;AACA;AACA"}`)
			for i := range lines {
				f, _, err := m.Lookup(t.Context(), i+1, 1)
				if err != nil {
					t.Fatal(err)
				}
				got, found, err := m.Context(t.Context(), f, 2)
				want := sourcemap.Lines{Pre: lines[max(0, i-2):i], Line: lines[i], Post: lines[i+1 : min(i+3, len(lines))]}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || !found || err != nil {
					t.Errorf("Context of line %d: found %v, %v (-want +got):\n%s", i+1, found, err, diff)
				}
			}
		})
	}
}

// A source of many blocks gives the same lines as its text cut at once.
func TestContextAcrossBlocks(t *testing.T) {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "line %d %s\n", i, strings.Repeat("x", i%120))
	}
	lines := strings.Split(text.String(), "\n")
	content, _ := json.Marshal(text.String())
	m, _, blocks := build(t, `{"version":3,"sources":["a"],"sourcesContent":[`+string(content)+`],"mappings":"`+strings.Repeat("AACA;", 19_990)+`"}`)
	for i := 1; i < 19_000; i += 37 {
		f, found, err := m.Lookup(t.Context(), i, 1)
		if !found || err != nil {
			t.Fatalf("Lookup(%d, 1): %v, %v", i, found, err)
		}
		before := blocks.Reads
		got, _, err := m.Context(t.Context(), f, 5)
		want := sourcemap.Lines{Pre: lines[max(0, i-5):i], Line: lines[i], Post: lines[i+1 : i+6]}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("Context of line %d: %v (-want +got):\n%s", i+1, err, diff)
		}
		if n := blocks.Reads - before; n > 2 {
			t.Errorf("Context of line %d read %d blocks, want 1 or 2", i+1, n)
		}
	}
}

// Of a line of megabytes what is around the column is shown.
func TestContextOfAHugeLine(t *testing.T) {
	var b strings.Builder
	b.WriteString("first\n")
	for i := range 60_000 {
		fmt.Fprintf(&b, "\u00e9\U0001F600(%d);", i)
	}
	b.WriteString("\nlast")
	content, _ := json.Marshal(b.String())
	units := utf16.Encode([]rune(strings.Split(b.String(), "\n")[1]))
	for _, column := range []int{1, 20_000, 20_001, 300_000, len(units)} {
		m, _, _ := build(t, `{"version":3,"sources":["a"],"sourcesContent":[`+string(content)+`],"mappings":"AAC`+vlq(column-1)+`"}`)
		f, _, err := m.Lookup(t.Context(), 1, 1)
		if err != nil || f.Line != 2 || f.Column != column {
			t.Fatalf("Lookup = %v, %v, want line 2, column %d", f, err, column)
		}
		got, found, err := m.Context(t.Context(), f, 3)
		if !found || err != nil {
			t.Fatalf("Context at column %d: %v, %v", column, found, err)
		}
		near := string(utf16.Decode(units[max(0, column-30):min(len(units), column+30)]))
		near = strings.Trim(near, "\uFFFD")
		if !strings.Contains(got.Line, near) || len(got.Line) > 220 {
			t.Errorf("Context at column %d = %q, want at most 220 bytes with %q in it", column, got.Line, near)
		}
	}
}

// vlq encodes a number that is not negative.
func vlq(n int) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var out []byte
	for v := n << 1; ; {
		d := v & 31
		v >>= 5
		if v > 0 {
			d |= 32
		}
		out = append(out, digits[d])
		if v == 0 {
			return string(out)
		}
	}
}

func TestBlocksAreSharedBetweenReleases(t *testing.T) {
	release := func(change string) (*sourcemaptest.Blocks, *sourcemap.Result) {
		var sources, contents []string
		var mappings strings.Builder
		for i := range 300 {
			sources = append(sources, fmt.Sprintf("%q", fmt.Sprintf("src/%d.ts", i)))
			text := strings.Repeat(fmt.Sprintf("call%d();\n", i), 200)
			if i == 3 {
				text = change + text
				mappings.WriteString(strings.Repeat("IAAA,", len(change))) // the bundle moves
			}
			content, _ := json.Marshal(text)
			contents = append(contents, string(content))
			if i > 0 {
				mappings.WriteString("CC/LA,")
			}
			mappings.WriteString(strings.Repeat("UACA,", 199))
		}
		blocks := &sourcemaptest.Blocks{}
		res, err := sourcemap.Build(t.Context(), strings.NewReader(`{"version":3,"sources":[`+strings.Join(sources, ",")+
			`],"sourcesContent":[`+strings.Join(contents, ",")+`],"mappings":"`+mappings.String()+`"}`), blocks)
		if err != nil {
			t.Fatal(err)
		}
		return blocks, res
	}
	one, _ := release("")
	two, _ := release("let x = 1;\n")
	fresh := 0
	old := map[sourcemap.Hash]bool{}
	for _, name := range one.Names() {
		old[name] = true
	}
	for _, name := range two.Names() {
		if !old[name] {
			fresh++
		}
	}
	if fresh == 0 || fresh > 4 {
		t.Errorf("%d of %d blocks are new after a change in one source of 300, want 1 to 4", fresh, len(two.Names()))
	}
}

func TestDamageIsFound(t *testing.T) {
	text := `{"version":3,"sources":["a"],"sourcesContent":["x\ny"],"names":["n"],"mappings":"AAAAA"}`
	_, res, blocks := build(t, text)
	for i := range res.Index {
		bad := append([]byte(nil), res.Index...)
		bad[i] ^= 0x5a
		m, err := sourcemap.Open(bad, blocks)
		if err != nil {
			if !errors.Is(err, sourcemap.ErrDamaged) {
				t.Fatalf("Open with byte %d changed: %v, want ErrDamaged", i, err)
			}
			continue
		}
		if f, _, err := m.Lookup(t.Context(), 1, 1); err == nil { // must not panic
			_, _, _ = m.Context(t.Context(), f, 5)
		}
	}
	for _, name := range res.Blocks {
		data, err := blocks.Block(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		broken := &sourcemaptest.Blocks{}
		for _, other := range res.Blocks {
			keep, _ := blocks.Block(t.Context(), other)
			broken.PutBlock(t.Context(), other, keep)
		}
		broken.Set(name, append([]byte(nil), data[:len(data)-1]...))
		m, err := sourcemap.Open(res.Index, broken)
		if err != nil {
			t.Fatal(err)
		}
		f, _, err := m.Lookup(t.Context(), 1, 1)
		if err == nil {
			_, _, err = m.Context(t.Context(), f, 5)
		}
		if !errors.Is(err, sourcemap.ErrDamaged) {
			t.Errorf("with block %s cut: %v, want ErrDamaged", name, err)
		}
	}
}

func TestErrorsOfTheReaderAndTheSinkComeThrough(t *testing.T) {
	boom := errors.New("boom")
	_, err := sourcemap.Build(t.Context(), errReader{boom}, &sourcemaptest.Blocks{})
	if !errors.Is(err, boom) {
		t.Errorf("Build of a broken reader: %v, want %v", err, boom)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestParseDebugID(t *testing.T) {
	const want = "85314830-023f-4cf1-a267-535f4e37bb17"
	for in, ok := range map[string]bool{
		want: true, "85314830023f4cf1a267535f4e37bb17": true, "85314830-023F-4CF1-A267-535F4E37BB17": true,
		"": false, "85314830": false, want + "0": false, "g" + want[1:]: false,
	} {
		got, isID := sourcemap.ParseDebugID(in)
		if isID != ok || ok && got != want {
			t.Errorf("ParseDebugID(%q) = %q, %v, want %q, %v", in, got, isID, want, ok)
		}
	}
}

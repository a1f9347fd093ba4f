package jsonpull_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/jsonpull"
)

const depth = 20

// decode builds what encoding/json would build.
func decode(p *jsonpull.Parser) any {
	switch p.Kind() {
	case jsonpull.Object:
		m := map[string]any{}
		for name := range p.Object() {
			m[name] = decode(p)
		}
		return m
	case jsonpull.Array:
		a := []any{}
		for range p.Array() {
			a = append(a, decode(p))
		}
		return a
	case jsonpull.String:
		s, _ := p.String()
		return s
	case jsonpull.Number:
		n, _ := p.Number()
		return json.Number(n)
	case jsonpull.Bool:
		b, _ := p.Bool()
		return b
	case jsonpull.Null:
		p.Null()
	case jsonpull.None:
		p.Skip() // records the mistake
	}
	return nil
}

func TestReadsWhatEncodingJSONReads(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, ` false `, `0`, `-0`, `12.50`, `1e400`, `1E+2`, `-3.5e-7`, `""`, `"a"`,
		`[]`, `{}`, `[1,[2,{"a":[]}]]`, "{\n\t\"a\" : 1 ,\r\"b\":null}", `{"a":1,"a":2}`,
		`"\"\\\/\b\f\n\r\t\u00e9\u20ac"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`,
		`"ÿ€😀"`, "\"a\xffb\"", "\"\x7f\"", `{"\u0061":"\u0062"}`,
	} {
		p := jsonpull.New(text, depth)
		got := decode(p)
		if err := p.End(); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if want := standard(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q = %#v, want %#v", text, got, want)
		}
	}
}

func standard(t testing.TB, text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", text, err)
	}
	return v
}

func TestRefusesWhatIsNotJSON(t *testing.T) {
	for _, text := range []string{
		``, ` `, `{`, `}`, `[`, `]`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `{1:1}`, `{"a" 1}`,
		`{"a":1]`, `[1}`, `nul`, `nulll`, `True`, `tru`, `fals`, `+1`, `01`, `-`, `-a`, `1.`, `.5`, `1e`, `1e+`, `0x10`, `NaN`, `Infinity`,
		`"`, `"a`, `"\`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"\n\"", "\"\x00\"", `'a'`, `1 2`, `{} {}`, `null,`, "\ufeff{}", `"a"b`, "\x00", `/**/1`,
	} {
		for what, read := range map[string]func(*jsonpull.Parser){
			"decode": func(p *jsonpull.Parser) { decode(p) },
			"skip":   func(p *jsonpull.Parser) { p.Skip() },
			"raw":    func(p *jsonpull.Parser) { p.Raw() },
		} {
			p := jsonpull.New(text, depth)
			read(p)
			if _, ok := errors.AsType[*jsonpull.SyntaxError](p.End()); !ok {
				t.Errorf("%s %q: err = %v, want a syntax error", what, text, p.Err())
			}
		}
	}
}

func TestNestingHasALimit(t *testing.T) {
	for _, pair := range []string{"[]", "{}"} {
		open, closing := pair[:1], pair[1:]
		if open == "{" {
			open = `{"a":`
		}
		text := func(n int) string { return strings.Repeat(open, n) + "0" + strings.Repeat(closing, n) }
		for n, want := range map[int]bool{depth: true, depth + 1: false} {
			p := jsonpull.New(text(n), depth)
			p.Skip()
			_, tooDeep := errors.AsType[*jsonpull.DepthError](p.End())
			if ok := p.Err() == nil; ok != want || tooDeep == want {
				t.Errorf("%d levels of %s: %v", n, pair, p.Err())
			}
		}
	}
}

func TestStringsHoldNoNUL(t *testing.T) {
	s, ok := jsonpull.New(`"a\u0000b"`, depth).String()
	if !ok || s != "a\uFFFDb" {
		t.Errorf("String = %q, %v", s, ok)
	}
}

func TestAnotherKindIsLeftAlone(t *testing.T) {
	p := jsonpull.New(`{"a":[1],"b":"x"}`, depth)
	var b string
	for name := range p.Object() {
		if _, ok := p.Number(); ok {
			t.Errorf("%s read as a number", name)
		}
		if _, ok := p.Bool(); ok || p.Null() {
			t.Errorf("%s read as a literal", name)
		}
		for range p.Object() {
			t.Errorf("%s read as an object", name)
		}
		if s, ok := p.String(); ok {
			b = s
		}
	}
	if err := p.End(); err != nil || b != "x" {
		t.Errorf("b = %q, err = %v", b, err)
	}
}

func TestALoopLeftEarlyIsAnError(t *testing.T) {
	p := jsonpull.New(`[1,2]`, depth)
	for range p.Array() {
		break
	}
	if p.End() == nil {
		t.Error("a half-read array counted as read")
	}
}

func TestValuesOneAfterTheOther(t *testing.T) {
	p := jsonpull.New(` {"a":1}[2] "b"`+"\n3 ", 8)
	var rests []string
	for strings.TrimSpace(p.Rest()) != "" {
		p.Skip()
		rests = append(rests, p.Rest())
	}
	want := []string{`[2] "b"` + "\n3 ", ` "b"` + "\n3 ", "\n3 ", " "}
	if !reflect.DeepEqual(rests, want) || p.End() != nil {
		t.Errorf("rests are %q, %v, want %q", rests, p.Err(), want)
	}
}

func TestRawIsCompactAndOwn(t *testing.T) {
	text := " { \"b\" : [ 1.50 , \"x y\\u0041\" ] , \"a\" : null , \"\xff\" : 1e5 } "
	p := jsonpull.New(text, depth)
	got := p.Raw()
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	if want := `{"b":[1.50,"x y\u0041"],"a":null,"` + "\uFFFD" + `":1e5}`; string(got) != want {
		t.Errorf("Raw = %s, want %s", got, want)
	}
	again := jsonpull.New(`[1]`, depth)
	first := again.Raw()
	if string(first) != "[1]" {
		t.Errorf("Raw = %s", first)
	}
}

// FuzzParser states that the parser takes exactly the texts that encoding/json
// takes, apart from the depth limit, and gives the same values.
func FuzzParser(f *testing.F) {
	for _, s := range []string{`{"a":[1,"b\n",null,true,{"c":-1.5e3}]}`, `"\ud83d\ude00\ud800"`, `[1,]`, "\"\xc3\x28\"", `{"a":1}{}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p := jsonpull.New(string(text), 1000)
		got := decode(p)
		err := p.End()
		if _, deep := errors.AsType[*jsonpull.DepthError](err); deep {
			return
		}
		if valid := json.Valid(text); valid != (err == nil) {
			t.Fatalf("%q: err = %v, json.Valid = %v", text, err, valid)
		}
		if err != nil {
			return
		}
		if utf8.Valid(text) && !bytes.Contains(text, []byte(`\u0000`)) {
			if want := standard(t, string(text)); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q = %#v, want %#v", text, got, want)
			}
		}
		raw := jsonpull.New(string(text), 1000).Raw()
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			t.Fatal(err)
		}
		if want := bytes.ToValidUTF8(compact.Bytes(), []byte("\uFFFD")); utf8.Valid(text) && !bytes.Equal(raw, want) {
			t.Fatalf("Raw = %q, want %q", raw, want)
		}
	})
}

func TestAheadLeavesTheParserWhereItIs(t *testing.T) {
	p := jsonpull.New(`{"a": {"x\u0031": [1]}, "b": 2}`, depth)
	var names []string
	for name := range p.Object() {
		if name == "a" {
			p.Ahead(func(ahead *jsonpull.Parser) {
				for inner := range ahead.Object() {
					names = append(names, inner)
					break // what is left unread is no mistake of p
				}
			})
			if p.Err() != nil || p.Kind() != jsonpull.Object {
				t.Fatalf("kind %d, error %v after looking ahead", p.Kind(), p.Err())
			}
			names = append(names, string(p.Raw()))
		}
	}
	if got := strings.Join(names, " "); got != `x1 {"x\u0031":[1]}` || p.End() != nil {
		t.Errorf("read %q, %v", got, p.End())
	}
}

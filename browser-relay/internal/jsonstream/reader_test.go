package jsonstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/monlight/monlight/browser-relay/internal/jsonstream"
	"github.com/monlight/monlight/shared/errs"
)

// value reads any value, as encoding/json does.
func value(r *jsonstream.Reader) (any, error) {
	kind, err := r.Peek()
	if err != nil {
		return nil, err
	}
	switch kind {
	case jsonstream.Object:
		m := map[string]any{}
		err := r.Object(func(key string) (err error) {
			m[key], err = value(r)
			return err
		})
		return m, err
	case jsonstream.Array:
		a := []any{}
		err := r.Array(func(int) error {
			v, err := value(r)
			a = append(a, v)
			return err
		})
		return a, err
	case jsonstream.String:
		s, _, err := r.Text(1 << 20)
		return s, err
	case jsonstream.Number:
		return r.Number()
	case jsonstream.Bool:
		return r.Bool()
	default:
		return nil, r.Null()
	}
}

func read(in io.Reader) (any, error) {
	r := jsonstream.NewReader(in)
	v, err := value(r)
	if err != nil {
		return nil, err
	}
	return v, r.End()
}

var texts = []string{
	`{"a":[1,-2.5e3,true,false,null,"x"],"b":{"c":{}}}`, `[]`, `{}`, ` [ ] `, `"\u00e9\n\t\"\\\/\b\f\r"`,
	`"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ude00"`, `"\ud83d\ud83d\ude00"`, `"` + strings.Repeat(`x\n`, 20_000) + `"`,
	`{"a":1,}`, `[1,]`, `[1 2]`, `{"a" 1}`, `{a:1}`, `"\x"`, `"\u12"`, "\"a\nb\"", `tru`, `nul`, `01`, `-`, `1.`, `[`, `"abc`, ``, `1 2`, `{"a":1}}`,
}

func TestReaderAgreesWithTheStandardLibrary(t *testing.T) {
	for _, text := range texts {
		agree(t, text)
	}
}

// agree reads text in one piece and byte by byte, and compares with encoding/json.
func agree(t *testing.T, text string) {
	t.Helper()
	var want any
	wantErr := json.Unmarshal([]byte(text), &want)
	for how, in := range map[string]io.Reader{"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
		got, err := read(in)
		switch {
		case err != nil && errs.KindOf(err) != errs.Invalid:
			t.Errorf("%.100q %s: error %v is not of kind Invalid", text, how, err)
		case wantErr == nil && err != nil && !strings.Contains(err.Error(), "deep") && !strings.Contains(err.Error(), "digits"):
			t.Errorf("%.100q %s: %v, want none", text, how, err)
		case wantErr != nil && err == nil && !lenient(text):
			t.Errorf("%.100q %s: no error, want %v", text, how, wantErr)
		case err == nil && wantErr == nil:
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			if !bytes.Equal(a, b) {
				t.Errorf("%.100q %s = %.200s, want %.200s", text, how, a, b)
			}
		}
	}
}

// lenient tells the numbers that strconv reads and JSON does not allow.
func lenient(text string) bool { return strings.ContainsAny(text, "0123456789") }

func FuzzReader(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 {
			return
		}
		// The standard library replaces bad bytes one by one and cuts no names.
		if strings.ToValidUTF8(text, "") != text || strings.Contains(text, strings.Repeat("a", 200)) || len(text) > 200 {
			_, _ = read(strings.NewReader(text))
			return
		}
		agree(t, text)
	})
}

func TestSkipPassesOverEverything(t *testing.T) {
	r := jsonstream.NewReader(strings.NewReader(`{"skip":{"a":["\u00e9",1,{"b":null}]},"keep":7}`))
	var got float64
	err := r.Object(func(key string) (err error) {
		if key != "keep" {
			return r.Skip()
		}
		got, err = r.Number()
		return err
	})
	if err != nil || got != 7 || r.End() != nil {
		t.Errorf("keep = %v, %v, want 7", got, err)
	}
}

func TestTextIsCutBetweenCharacters(t *testing.T) {
	r := jsonstream.NewReader(strings.NewReader(`"aé😀b"`))
	if s, cut, err := r.Text(5); s != "aé" || !cut || err != nil {
		t.Errorf("Text(5) = %q, %v, %v, want \"aé\" and cut", s, cut, err)
	}
}

func TestErrorsOfTheConnectionComeThrough(t *testing.T) {
	boom := errors.New("boom")
	for _, text := range []string{`{"a`, `"abc`, `[1`, `tr`, ``} {
		_, err := read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(boom)))
		if !errors.Is(err, boom) {
			t.Errorf("%q and a broken connection: %v, want %v", text, err, boom)
		}
	}
}

func TestDepthIsLimited(t *testing.T) {
	_, err := read(strings.NewReader(strings.Repeat("[", 10_000)))
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "64 levels") {
		t.Errorf("10,000 levels: %v, want that 64 are allowed", err)
	}
}

func BenchmarkPieces(b *testing.B) {
	text := []byte(`"` + strings.Repeat(`  return compute(value, \"option\");\n`, 30_000) + `"`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := jsonstream.NewReader(bytes.NewReader(text)).Pieces(func([]byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

package search

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/monlight/monlight/shared/errs"
)

func TestParse(t *testing.T) {
	for text, want := range map[string][]Term{
		"":                           nil,
		"  \t ":                      nil,
		"is:Unresolved":              {{Kind: Is, Value: Pattern{Text: "unresolved"}}},
		"ENV:prod":                   {{Kind: Tag, Name: "environment", Value: Pattern{Text: "prod"}}},
		"-environment:prod":          {{Not: true, Kind: Tag, Name: "environment", Value: Pattern{Text: "prod"}}},
		"release:1.4.*":              {{Kind: Tag, Name: "release", Value: Pattern{Text: "1.4.*", Glob: true}}},
		`release:"1.4.*"`:            {{Kind: Tag, Name: "release", Value: Pattern{Text: "1.4.*"}}},
		"user.email:*@example.com":   {{Kind: Tag, Name: "user.email", Value: Pattern{Text: "*@example.com", Glob: true}}},
		"level:ERROR":                {{Kind: Tag, Name: "level", Value: Pattern{Text: "error"}}},
		"has:env":                    {{Kind: Has, Value: Pattern{Text: "environment"}}},
		"-has:Shard":                 {{Not: true, Kind: Has, Value: Pattern{Text: "Shard"}}},
		"Shard:a:b":                  {{Kind: Tag, Name: "Shard", Value: Pattern{Text: "a:b"}}},
		"assigned:ann":               {{Kind: Issue, Name: "assigned", Value: Pattern{Text: "ann"}}},
		`"no price" cannot -ship`:    {{Value: Pattern{Text: "no price"}}, {Value: Pattern{Text: "cannot"}}, {Not: true, Value: Pattern{Text: "ship"}}},
		`"a \"b\" \\ \c"`:            {{Value: Pattern{Text: `a "b" \ \c`}}},
		"TypeError: x* is undefined": {{Value: Pattern{Text: "TypeError:"}}, {Value: Pattern{Text: "x*"}}, {Value: Pattern{Text: "is"}}, {Value: Pattern{Text: "undefined"}}},
		"std::bad_alloc":             {{Value: Pattern{Text: "std::bad_alloc"}}},
		"https://shop.example/cart":  {{Value: Pattern{Text: "https://shop.example/cart"}}},
		`C:\temp`:                    {{Value: Pattern{Text: `C:\temp`}}},
		"- x":                        {{Value: Pattern{Text: "-"}}, {Value: Pattern{Text: "x"}}},
		"10:30":                      {{Value: Pattern{Text: "10:30"}}},
	} {
		q, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if d := cmp.Diff(want, q.Terms, cmpopts.IgnoreFields(Term{}, "At")); d != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, d)
		}
	}
}

func TestParseSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"is:":                         "at character 1: is: has no value",
		"env:prod release: 1":         "at character 10: release: has no value",
		"ü is:lost":                   "at character 6: is:lost is not known, want one of unresolved, resolved",
		`shard:""`:                    "at character 7: the value of shard is empty",
		`a "b`:                        "at character 3: this quote is not closed",
		`"a"b`:                        "at character 4: a blank is missing",
		"has:a*":                      "at character 5: has: takes the name",
		"source:phone":                "at character 8: source:phone is not known",
		strings.Repeat("a ", 21):      "at character 41: more than 20 terms",
		strings.Repeat("a", 1_001):    "1001 bytes, the limit is 1000",
		"-is:" + strings.ToUpper("x"): "at character 5: is:x is not known",
	} {
		_, err := Parse(text)
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q", text, err, want)
		}
	}
}

func TestPatternMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"1.4.*", "1.4.2", true}, {"1.4.*", "1.40", false}, {"*", "", true}, {"a*b*a", "aba", true}, {"a*a", "a", false},
		{"*x*", "axb", true}, {"**", "q", true}, {"a*b*c", "a-c-b", false}, {"shop@*+1", "shop@2+1", true},
	} {
		if got := (Pattern{Text: tt.pattern, Glob: true}).Match(tt.text); got != tt.want {
			t.Errorf("%s matches %q: %v", tt.pattern, tt.text, got)
		}
	}
	if (Pattern{Text: "1.*"}).Match("1.4") || !(Pattern{Text: "1.*"}).Match("1.*") {
		t.Error("a pattern that is no glob takes the star as it is")
	}
}

// FuzzParse: a search is refused with a reason, or means the same when it is
// written anew.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`is:resolved -env:prod "a \" b"`, `has:x release:1.* a:b "`, "x: -- - :", `\ "\\"`, "é:ü level:é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("Parse(%q): %v", text, err)
			}
			return
		}
		again, err := Parse(q.String())
		if err != nil {
			if strings.Contains(err.Error(), "the limit is") { // quotes made it longer
				return
			}
			t.Fatalf("Parse(%q), from %q: %v", q.String(), text, err)
		}
		if d := cmp.Diff(q, again, cmpopts.IgnoreFields(Term{}, "At"), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%q is written as %q (-first +second):\n%s", text, q.String(), d)
		}
	})
}

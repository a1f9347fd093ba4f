package grouprules_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouprules"
)

func sample() *event.Event {
	return &event.Event{
		Level: "error", Logger: "shop.pay", Environment: "prod", Release: "shop@1.4.2", Transaction: "POST /pay", Platform: "python", ServerName: "web-1",
		SDK: event.SDK{Name: "sentry.python"}, Request: event.Request{URL: "https://shop.example/pay?x=1"},
		Message: event.Message{Formatted: "payment 7 failed"},
		Exceptions: []event.Exception{
			{Type: "TimeoutError", Value: "no answer after 5 s", Frames: []event.Frame{{Function: "recv", Module: "ssl", Filename: "ssl.py", AbsPath: "/usr/lib/python3/ssl.py"}}},
			{Type: "PaymentError", Value: "cannot charge", Frames: []event.Frame{
				{Function: "main", Module: "shop.app", Filename: `shop\app.py`},
				{Function: "charge_card", Module: "shop.payments.bank", Filename: "shop/payments/bank.py", AbsPath: `C:\srv\shop\payments\bank.py`, Package: "shop"},
			}},
		},
		Tags: []event.Tag{{Name: "region", Value: "EU-west"}, {Name: "empty", Value: ""}},
	}
}

func TestMatch(t *testing.T) {
	for conditions, want := range map[string]bool{
		"type:PaymentError": true, "type:paymenterror": true, "error.type:TimeoutError": true, "type:Payment": false, "type:Payment*": true,
		`value:"cannot charge"`: true, "value:*after*": true, "type:PaymentError value:*after*": false, "type:TimeoutError value:*after*": true,
		"message:*charge": true, `message:"payment * failed"`: true, "message:nothing": false,
		"function:charge_*": true, "stack.function:main": true, "function:charge_card module:shop.payments.*": true, "function:main module:shop.payments.*": false,
		"path:*/payments/*": true, "path:c:/srv/shop/*": true, `path:C:\srv\*`: true, "stack.abs_path:shop/app.py": true, "package:shop": true, "module:ssl": true,
		"level:error": true, "level:warning": false, "logger:shop.*": true, "environment:prod": true, "release:shop@1.4.*": true, "release:shop@1.5.*": false,
		`transaction:"POST /pay"`: true, "platform:python": true, "server_name:web-?": true, "sdk:sentry.*": true, "url:*/pay*": true,
		"tags.region:eu-*": true, "tags.region:us": false, `tags.nothing:""`: true, `tags.empty:""`: true, "tags.nothing:*": true, "tags.nothing:?*": false,
		"!type:PaymentError": false, "!type:OtherError": true, "!function:main": false, "!tags.region:us": true, "!level:error type:PaymentError": false,
	} {
		rules, err := grouprules.Parse(conditions + " -> x")
		if err != nil {
			t.Errorf("%s: %v", conditions, err)
		} else if got := rules.Match(sample()) != nil; got != want {
			t.Errorf("%s: %v", conditions, got)
		}
	}
}

func TestTheFirstRuleThatFitsCounts(t *testing.T) {
	rules, err := grouprules.Parse("\n # a comment\r\ntype:No -> a\n\ttype:PaymentError   ->  {{ default }} ,\"with, a comma\", {{tags.region}}-{{ level }} \r\ntype:* -> c")
	if err != nil {
		t.Fatal(err)
	}
	r := rules.Match(sample())
	if r == nil || r.Line != 4 || r.Source != `type:PaymentError   ->  {{ default }} ,"with, a comma", {{tags.region}}-{{ level }}` {
		t.Fatalf("%+v", r)
	}
	if diff := cmp.Diff([]string{"{{ default }}", "with, a comma", "{{tags.region}}-{{ level }}"}, r.Fingerprint); diff != "" {
		t.Error(diff)
	}
	if r := rules.Match(&event.Event{}); r != nil {
		t.Errorf("an event without an exception: %+v", r)
	}
	if r := (grouprules.Rules)(nil).Match(sample()); r != nil {
		t.Errorf("no rules: %+v", r)
	}
}

func TestFramesOfThreadsStandInForThoseOfExceptions(t *testing.T) {
	rules, _ := grouprules.Parse("function:spin -> x")
	if rules.Match(&event.Event{Threads: []event.Thread{{Frames: []event.Frame{{Function: "spin"}}}}}) == nil {
		t.Error("no match")
	}
}

func TestMistakesHaveAPlace(t *testing.T) {
	long := strings.Repeat("x", 201)
	for text, want := range map[string]string{
		"type:A":                 `line 1, column 7: the rule has no "->"`,
		"\n\ntype:A ->":          "line 3, column 10: a part of the fingerprint is empty",
		"-> x":                   "line 1, column 1: the rule has no condition",
		"tipe:A -> x":            `line 1, column 1: "tipe" is nothing that can be looked at; there are type, value`,
		"type:A !färbe:B -> x":   `line 1, column 9: "färbe" is nothing`,
		"type:é foo -> x":        "line 1, column 8: want a condition",
		"type: -> x":             "line 1, column 6: type has no pattern",
		"tags.:x -> x":           `line 1, column 1: "tags."`,
		`type:"a -> x`:           "line 1, column 6: the quote is not closed",
		`type:"a"b -> x`:         "line 1, column 9: want a blank",
		"type:" + long + " -> x": "line 1, column 6: the pattern has 201 bytes, the limit is 200",
		"type:A -> a, ,b":        "line 1, column 14: a part of the fingerprint is empty",
		"type:A -> a,":           "line 1, column 13: a part",
		"type:A -> " + long:      "line 1, column 11: the part has 201 bytes",
		"type:A -> x {{ moon }}": "line 1, column 16: there is no {{ moon }}; there are default,",
		"type:A -> {{ default":   "there is no {{ default }}; there are default,",
		"type:A -> {{ tags. }}":  "there is no {{ tags. }}",
		"type:A ->" + strings.Repeat(" a,", 10) + " b": "more than 10 parts",
		strings.Repeat("level:a ", 11) + "-> x":        "line 1, column 81: more than 10 conditions",
		strings.Repeat("type:A -> x\n", 101):           "line 101, column 1: rule 101, the limit is 100",
		strings.Repeat("#", grouprules.MaxText+1):      "the rules have 16385 bytes, the limit is 16384",
		"type:\x01 -> x": "line 1, column 1: the line has control characters",
		"type:\xff -> x": "line 1, column 1: the line has control characters",
	} {
		if _, err := grouprules.Parse(text); err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

// Whatever is written, mistakes have a place in the text, and rules can be asked.
func FuzzParse(f *testing.F) {
	f.Add("type:A -> {{ default }}, \"x\"")
	f.Add("!tags.a:\"\" path:*\\x -> a\n#c\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := grouprules.Parse(text)
		if err == nil {
			rules.Match(sample())
			for _, r := range rules {
				if again, err := grouprules.Parse(r.Source); err != nil || len(again) != 1 {
					t.Errorf("%q alone: %v", r.Source, err)
				}
			}
			return
		}
		e, ok := errors.AsType[*grouprules.Error](err)
		if !ok || e.Line < 1 || e.Line > strings.Count(text, "\n")+1 || e.Column < 1 || e.Column > len(text)+1 || e.Text == "" {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// The most that rules may be, on an event with as many frames as are looked at.
func BenchmarkMost(b *testing.B) {
	var text strings.Builder
	for i := range grouprules.MaxRules {
		fmt.Fprintf(&text, "function:*a*b* path:*/x?%d/* -> x\n", i)
	}
	rules, err := grouprules.Parse(text.String())
	if err != nil {
		b.Fatal(err)
	}
	e := sample()
	for i := range 250 {
		e.Exceptions[0].Frames = append(e.Exceptions[0].Frames, event.Frame{Function: strings.Repeat("ab", 50), Filename: fmt.Sprintf("/srv/app/%d/%s.py", i, strings.Repeat("x/", 40))})
	}
	b.ReportAllocs()
	start := time.Now()
	for b.Loop() {
		rules.Match(e)
	}
	b.ReportMetric(float64(time.Since(start).Microseconds())/float64(b.N), "µs/event")
}

package inbound_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/shared/errs"
)

func TestLocalHosts(t *testing.T) {
	f := inbound.New(inbound.Rules{Localhost: true})
	for address, want := range map[string]bool{
		"http://localhost:3000/a": true, "https://LOCALHOST./": true, "http://shop.localhost/": true, "http://nas.local/x": true, "http://shop.test": true,
		"http://127.0.0.1:8000/": true, "http://[::1]/": true, "http://10.1.2.3/": true, "http://192.168.0.7:80/": true, "http://172.31.0.1/": true, "http://0.0.0.0/": true,
		"http://169.254.1.1/": true, "http://[fe80::1]/": true, "http://[fd00::1]/": true, "http://[::ffff:10.0.0.1]/": true, "file:///home/me/index.html": true,
		"": false, "https://shop.example/localhost": false, "http://172.32.0.1/": false, "http://8.8.8.8/": false, "http://localhost.example.com/": false, "/path/only": false,
		"http://[bad": false, "http://app:8000/": false, "http://mylocal/": false,
	} {
		if got := f.Reason(&event.Event{Request: event.Request{URL: address}}) == inbound.Localhost; got != want {
			t.Errorf("%q is local: %v", address, got)
		}
	}
}

func TestExtensions(t *testing.T) {
	f := inbound.New(inbound.Rules{Extensions: true})
	stack := func(value string, files ...string) *event.Event {
		x := event.Exception{Type: "TypeError", Value: value}
		for _, name := range files {
			x.Frames = append(x.Frames, event.Frame{Filename: name})
		}
		return &event.Event{Exceptions: []event.Exception{x}}
	}
	for name, test := range map[string]struct {
		e    *event.Event
		want bool
	}{
		"of Chrome":               {stack("x", "https://shop.example/a.js", "chrome-extension://abc/content.js"), true},
		"of Firefox":              {stack("x", "moz-extension://abc/content.js"), true},
		"of Safari":               {stack("x", "safari-web-extension://abc/content.js", "<anonymous>", "[native code]", ""), true},
		"masked":                  {stack("x", "webkit-masked-url://hidden/"), true},
		"called by one":           {stack("x", "chrome-extension://abc/content.js", "https://shop.example/a.js"), false},
		"a page":                  {stack("x", "https://shop.example/a.js"), false},
		"a mark":                  {stack("Error: Extension context invalidated."), true},
		"a message":               {&event.Event{Message: event.Message{Formatted: "can't access dead object"}}, true},
		"another message":         {&event.Event{Message: event.Message{Formatted: "dead letter"}}, false},
		"nothing":                 {&event.Event{}, false},
		"without a file anywhere": {stack("x", "", "<anonymous>"), false},
	} {
		if got := f.Reason(test.e) == inbound.Extension; got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCrawlers(t *testing.T) {
	f := inbound.New(inbound.Rules{Crawlers: true})
	for agent, want := range map[string]bool{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                               true,
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0 Safari/537.36": true,
		"facebookexternalhit/1.1": true, "Mozilla/5.0 (compatible; Yahoo! Slurp)": true, "Some-Robot": true, "Sogou web spider/4.0": true,
		"Mozilla/5.0 (Linux; Android 9; CUBOT POWER) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36":              false,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36": false,
		"bottle/1.0": false, "": false,
	} {
		text, _ := json.Marshal(agent)
		for form, headers := range map[string]string{
			"object": `{"Accept":"*/*","USER-agent":` + string(text) + `}`, "lists": `{"user-agent":[` + string(text) + `]}`, "pairs": `[["User-Agent",` + string(text) + `],[1]]`,
		} {
			if got := f.Reason(&event.Event{Request: event.Request{Headers: json.RawMessage(headers)}}) == inbound.Crawler; got != want {
				t.Errorf("%q as %s is a crawler: %v", agent, form, got)
			}
		}
	}
	for _, headers := range []string{`"bot"`, `{"user-agent":7}`, `{`, `[7]`, `[["user-agent","bot","x"]]`, `{"x":"bot"}`} {
		if got := f.Reason(&event.Event{Request: event.Request{Headers: json.RawMessage(headers)}}); got != "" {
			t.Errorf("headers %s: %q", headers, got)
		}
	}
}

func TestMessages(t *testing.T) {
	f := inbound.New(inbound.Rules{Messages: []string{"*ResizeObserver loop*", "NetworkError: *", "cache miss"}})
	x := func(typ, value string) *event.Event {
		return &event.Event{Exceptions: []event.Exception{{Type: typ, Value: value}, {Type: "Outer"}}}
	}
	for name, test := range map[string]struct {
		e    *event.Event
		want bool
	}{
		"a value": {x("", "resizeobserver LOOP limit exceeded"), true}, "type and value": {x("NetworkError", "no route"), true}, "a value alone": {x("E", "no route"), false},
		"a message": {&event.Event{Message: event.Message{Formatted: "Cache miss"}}, true}, "part of a message": {&event.Event{Message: event.Message{Formatted: "a cache miss"}}, false},
		"nothing": {&event.Event{}, false}, "far behind": {x("E", strings.Repeat(" ", 3000)+"ResizeObserver loop"), false},
	} {
		if got := f.Reason(test.e) == inbound.Message; got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNothingIsUnwantedUnlessSaid(t *testing.T) {
	e := &event.Event{Request: event.Request{URL: "http://localhost/", Headers: json.RawMessage(`{"User-Agent":"Googlebot"}`)},
		Exceptions: []event.Exception{{Value: "Extension context invalidated"}}}
	if got := inbound.New(inbound.Rules{}).Reason(e); got != "" {
		t.Errorf("%q", got)
	}
}

func TestRulesHaveLimits(t *testing.T) {
	for name, r := range map[string]inbound.Rules{
		"many": {Messages: make([]string, 101)}, "empty": {Messages: []string{" "}}, "long": {Messages: []string{strings.Repeat("x", 201)}},
		"everything": {Messages: []string{"**?"}}, "control": {Messages: []string{"a\nb"}},
	} {
		if err := r.Validate(); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "filters.messages") {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := inbound.Rules{Messages: []string{strings.Repeat("x", 200), "*é*"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

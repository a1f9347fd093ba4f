package webui

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// payloads are texts that become markup, script, an attribute or a link where
// escaping fails. Each has the word pwned, which our own pages never have.
var payloads = []string{
	`<script>pwned()</script>`, `</script><script>pwned()</script>`, `"><img src=x onerror=pwned()>`, `' onmouseover='pwned()`,
	`" autofocus onfocus="pwned()`, `<svg onload=pwned()>`, `</title><script>pwned()</script>`, `</textarea><script>pwned()</script>`,
	`--><script>pwned()</script>`, `]]><script>pwned()</script>`, `javascript:pwned()`, `data:text/html,<script>pwned()</script>`,
	"\x00<script>pwned()</script>", `{{.Pwned}}<a href=javascript:pwned()>`, "`${pwned()}`<b onclick=pwned()>", `</pre><iframe srcdoc="<script>pwned()</script>">`,
	"\u2028</style><script>pwned()</script>", `http://x/"onclick="pwned()`, `https://x/<script>pwned()</script>`, "jav\tascript:pwned()",
}

// poison sets every string below v to s, and every raw JSON to an object of s.
func poison(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), s)
		}
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				poison(v.Field(i), s)
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			b, _ := json.Marshal(map[string]any{s: s, "list": []string{s}})
			v.SetBytes(b)
			return
		}
		for i := range v.Len() {
			poison(v.Index(i), s)
		}
	}
}

// hostile is a tracker in which every text of everything is s.
func hostile(s string) *fakeTracker {
	f := sample(4)
	f.events[4] = f.events[4][:3]
	for k := range f.events[4] {
		e := &f.events[4][k].Event
		e.Threads = []event.Thread{{ID: "1", Crashed: true, Frames: []event.Frame{{Filename: "x"}}}}
		e.Message = event.Message{Template: "x", Formatted: "y", Params: json.RawMessage(`[]`)}
		e.Request.Cookies, e.Request.Env, e.User.Data = json.RawMessage(`{}`), json.RawMessage(`{}`), json.RawMessage(`{}`)
		for i := range e.Exceptions {
			for j := range e.Exceptions[i].Frames {
				fr := &e.Exceptions[i].Frames[j]
				fr.PreContext, fr.PostContext, fr.Vars = []string{"x"}, []string{"x"}, []event.Var{{Name: "x"}}
			}
		}
		method := e.Request.Method
		poison(reflect.ValueOf(e).Elem(), s)
		if k == 0 {
			e.Request.Method = method
		}
	}
	source := tracker.Browser
	for k := range f.issues {
		poison(reflect.ValueOf(&f.issues[k]).Elem(), s)
		f.issues[k].Source = source
	}
	for id, g := range f.groups {
		poison(reflect.ValueOf(&g).Elem(), s)
		f.groups[id] = g
	}
	poison(reflect.ValueOf(&f.mails).Elem(), s)
	f.projects = []tracker.Project{{ID: 1, Keys: []tracker.ProjectKey{{ID: 1, Active: true, Rate: 1, Origins: []string{"x"}}, {ID: 2}}}, {ID: 2}}
	poison(reflect.ValueOf(&f.projects).Elem(), s)
	f.projects[0].ID, f.projects[0].Keys[0].Active = 1, true
	poison(reflect.ValueOf(&f.shares).Elem(), s)
	f.tags = []tracker.TagShares{{Values: make([]tracker.Share, 1)}}
	poison(reflect.ValueOf(&f.tags).Elem(), s)
	for _, kind := range tracker.IngestKinds {
		f.ingest = append(f.ingest, tracker.IngestCount{Kind: kind, What: s, Count: 3})
	}
	f.settings.Rules, f.settings.Scrub.Remove, f.settings.Filters.Messages = s, []string{s}, []string{s}
	f.views = []tracker.View{{ID: 1}}
	poison(reflect.ValueOf(&f.views).Elem(), s)
	f.views[0].Default = false
	f.preview = tracker.Preview{Events: 2, Moved: 1, Rules: make([]tracker.PreviewRule, 1), Flows: make([]tracker.PreviewFlow, 2)}
	poison(reflect.ValueOf(&f.preview).Elem(), s)
	f.preview.Flows[0].New = 1
	return f
}

// TestTextIsOnlyText puts each payload into every field at once and reads every
// page the way a browser's tokenizer does: the word may occur in text and in
// quoted attributes that neither run nor lead anywhere, and nowhere else.
func TestTextIsOnlyText(t *testing.T) {
	for _, payload := range payloads {
		s := newSite(t, hostile(payload), func(o *Options) {
			o.Mail = MailSettings{Configured: true, Via: payload, Missing: []string{payload}, Recipients: []string{payload}}
		})
		seen := 0
		for _, target := range []string{
			"/?state=all", "/errors/4", "/errors/4?event=100", "/errors/4/delete", "/errors/4/tags", "/views", "/views?" + query(payload), "/alerts", "/projects", "/projects/1", "/projects/1/settings", "/projects/1/rules", "/ingest", "/ingest?project=1&window=week", "/ingest?project=" + escaped(payload), "POST /projects/1/rules", "/nothing/" + escaped(payload),
			"/?" + query(payload), "/errors/4?event=" + escaped(payload) + "&stats=" + escaped(payload),
		} {
			form := url.Values(nil)
			method, path, _ := strings.Cut(target, " ")
			if path == "" {
				method, path = http.MethodGet, target
			} else {
				form = url.Values{"version": {"0"}, "action": {"preview"}, "rules": {""}}
			}
			res := s.do(method, path, form)
			b, _ := io.ReadAll(res.Body)
			seen += strings.Count(string(b), "pwned")
			if where := live(string(b), "pwned"); where != "" {
				t.Errorf("%q on %s: %s", payload, target, where)
			}
		}
		if seen < 100 {
			t.Errorf("%q was shown %d times only: the test does not see the fields", payload, seen)
		}
	}
}

func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("%" + string("0123456789ABCDEF"[s[i]>>4]) + string("0123456789ABCDEF"[s[i]&15]))
	}
	return b.String()
}

func query(s string) string {
	var b strings.Builder
	for _, name := range []string{"search", "project", "environment", "source", "session_id", "time", "sort", "stats", "refresh", "state", "after", "offset"} {
		b.WriteString(name + "=" + escaped(s) + "&")
	}
	return b.String()
}

// live looks for word where it could do something: in the name of a tag or an
// attribute, in an unquoted value, in an attribute that runs or loads, in a
// script or a style. It returns what it found there, or "".
func live(page, word string) string {
	for {
		i := strings.IndexByte(page, '<')
		if i < 0 {
			return ""
		}
		page = page[i+1:]
		if strings.HasPrefix(page, "!--") {
			return "a comment"
		}
		name, rest := page, ""
		if j := strings.IndexAny(page, " \n\t>/"); j > 0 {
			name, rest = page[:j], page[j:]
		} else if strings.HasPrefix(page, "/") {
			page = page[1:]
			continue
		}
		if strings.Contains(name, word) {
			return "the name of a tag: " + name
		}
		for rest != "" && rest[0] != '>' {
			if strings.IndexByte(" \n\t/", rest[0]) >= 0 {
				rest = rest[1:]
				continue
			}
			j := strings.IndexAny(rest, "= \n\t>")
			if j < 0 {
				return "an unfinished tag"
			}
			attr, value := rest[:j], ""
			if rest = rest[j:]; rest[0] == '=' {
				if len(rest) < 2 || rest[1] != '"' {
					return "an unquoted value of " + attr
				}
				end := strings.IndexByte(rest[2:], '"')
				if end < 0 {
					return "an unfinished value of " + attr
				}
				value, rest = rest[2:2+end], rest[2+end+1:]
			}
			low := strings.ToLower(attr)
			switch {
			case strings.Contains(attr, word):
				return "the name of an attribute: " + attr
			case strings.HasPrefix(low, "on"), low == "style", low == "srcdoc", low == "src":
				if low != "src" || !strings.HasPrefix(value, "/assets/") {
					return "attribute " + attr + "=" + value
				}
			case low == "href" || low == "action" || low == "data-copy-url" || low == "data-copy-href":
				v := strings.ToLower(value)
				if !strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "#") && !strings.HasPrefix(v, "?") && !strings.HasPrefix(v, "http://") && !strings.HasPrefix(v, "https://") {
					return "link " + value
				}
			}
		}
		switch strings.ToLower(name) {
		case "script", "style":
			if !strings.HasPrefix(rest, "></script>") {
				return "an inline " + name
			}
		case "iframe", "img", "object", "embed", "base":
			return "an element " + name
		}
		page = rest
	}
}

func TestTheCheckSeesLiveText(t *testing.T) {
	for _, bad := range []string{
		`<b pwned>`, `<pwned>`, `<a href="javascript:pwned()">x</a>`, `<a onclick="pwned()">`, `<a title=pwned>`, `<script>pwned</script>`, `<img src="x">`, `<p style="x">`,
	} {
		if live("<p>x</p>"+bad, "pwned") == "" {
			t.Errorf("%s was not seen", bad)
		}
	}
	if where := live(`<a href="/x" title="&lt;script>pwned()">pwned</a>`, "pwned"); where != "" {
		t.Errorf("harmless text was seen as %s", where)
	}
}

func TestHiddenCharactersAreShown(t *testing.T) {
	s := newSite(t, hostile("ann\u202egpj.exe\u200b\x1b[31m\x00 pwned"))
	for _, target := range []string{"/?state=all", "/errors/4", "/alerts", "/errors/4/delete"} {
		page := s.get(target, 200)
		page = regexp.MustCompile(` value="[^"]*"`).ReplaceAllString(page, "") // what a form sends back is as it was
		wants(t, page, "ann[U&#43;202E]gpj.exe[U&#43;200B]␛[31m␀")
		for _, r := range []string{"\u202e", "\u200b", "\x1b", "\x00"} {
			if strings.Contains(page, r) {
				t.Errorf("%s has a raw %+q", target, r)
			}
		}
	}
}

func TestLinksOfReportsAreSafe(t *testing.T) {
	for url, linked := range map[string]bool{
		"https://shop.example.com/a?b=c": true, "HTTP://x/": true, "javascript:alert(1)": false, "java\nscript:alert(1)": false, " https://x/": false,
		"data:text/html,x": false, "//x/": false, "/x": false, "ftp://x/": false, "https://x/\u202e": false, "vbscript:x": false,
	} {
		f := sample(1)
		f.events[1] = f.events[1][:1]
		f.events[1][0].Event.Request.URL = url
		page := newSite(t, f).get("/errors/1", 200)
		if got := strings.Contains(page, `rel="noopener noreferrer nofollow" target="_blank">open</a>`); got != linked {
			t.Errorf("%q is a link: %v, want %v", url, got, linked)
		}
	}
}

func TestHugeTextsAreCut(t *testing.T) {
	huge := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	f := sample(4)
	for k := range f.issues {
		poison(reflect.ValueOf(&f.issues[k]).Elem(), huge)
		f.issues[k].Source = tracker.Server
	}
	for k := range f.mails {
		m := &f.mails[k]
		m.Subject, m.LastError, m.Recipient, m.Kind = huge, huge, huge, huge
	}
	s := newSite(t, f)
	for target, most := range map[string]int{"/?state=all": 64 << 10, "/alerts": 32 << 10, "/errors/4/delete": 32 << 10} {
		if n := len(s.get(target, 200)); n > most {
			t.Errorf("%s has %d bytes, want at most %d", target, n, most)
		}
	}
	wants(t, s.get("/errors/4", 200), "of 1.0 MiB not shown")

	f = hostile(strings.Repeat("deep ", 4000))
	e := &f.events[4][2].Event
	e.Extra = json.RawMessage(strings.Repeat(`{"a":[`, 5000) + "1" + strings.Repeat("]}", 5000))
	e.Exceptions[1].Frames = make([]event.Frame, 20000)
	if n := len(newSite(t, f).get("/errors/4", 200)); n > 4<<20 {
		t.Errorf("the issue page has %d bytes", n)
	}
}

// TestSparseEvent has nothing but what every event has.
func TestSparseEvent(t *testing.T) {
	f := sample(1)
	for name, e := range map[string]event.Event{
		"nothing":      {},
		"a message":    {Message: event.Message{Formatted: "it broke"}},
		"a thread":     {Threads: []event.Thread{{Crashed: true, Frames: []event.Frame{{Function: "main", Filename: "main.go", Line: 3}}}}},
		"empty frames": {Exceptions: []event.Exception{{Frames: make([]event.Frame, 3)}}},
		"broken JSON":  {Extra: json.RawMessage(`{"a":`), Request: event.Request{Headers: json.RawMessage(`[[`), Body: json.RawMessage(`"text"`)}},
	} {
		f.events[1] = []tracker.Occurrence{{ID: 1, IssueID: 1, First: true, Event: e}}
		f.issues[0].Type, f.issues[0].Message, f.issues[0].Culprit = "", "", ""
		page := newSite(t, f).get("/errors/1", 200)
		wants(t, page, "<h1 dir=\"auto\">Error</h1>")
		lacks(t, page, "%!", "<no value>", "ZgotmplZ")
		_ = name
	}
}

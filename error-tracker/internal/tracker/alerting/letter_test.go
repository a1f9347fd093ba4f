package alerting

import (
	"flag"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var settings = Settings{
	BaseURL: "https://errors.example.com", From: Address{Name: "Monlight", Addr: "errors@example.com"},
	Recipients: []Address{{Addr: "team@example.com"}}, Budget: 10, DigestInterval: 10 * time.Minute,
}

var start = time.Date(2026, 11, 20, 13, 24, 5, 0, time.UTC)

func sampleIssue() (tracker.Issue, event.Event) {
	return tracker.Issue{
			ID: 42, Project: "shop", Type: "ValueError", Message: "unknown currency \"<EUR>\" in order 1042",
			Culprit: "load in app/orders.py", Environment: "production", FirstRelease: "shop@2.3.1", Count: 3, Users: 2,
			FirstSeen: start, LastSeen: start.Add(90 * time.Second),
		}, event.Event{
			Release: "shop@2.4.0",
			Request: event.Request{Method: "POST", URL: "https://shop.example.com/orders/1042/pay?step=2", Query: "hidden=1"},
			User:    event.User{ID: "u-1042", Email: "person@example.net", IP: "203.0.113.9"},
			Traceback: "Traceback (most recent call last):\n" +
				"  File \"/app/app/routes/orders.py\", line 88, in pay\n    order = load(order_id)\n" +
				"  File \"/app/app/orders.py\", line 142, in load\n    raise ValueError(f\"unknown currency \\\"{currency}\\\" in order {order_id}\")\n" +
				"ValueError: unknown currency \"<EUR>\" in order 1042\n",
		}
}

func TestLettersMatchGoldenFiles(t *testing.T) {
	issue, e := sampleIssue()
	back := issue
	back.RegressedAt, back.WasResolved = start.Add(49*time.Hour), start.Add(26*time.Hour)
	back.LastSeen, back.Count, back.Environment = back.RegressedAt, 18_204, "staging"
	bare := tracker.Issue{ID: 7, Message: "no stack, no project, no type", FirstSeen: start, LastSeen: start, Count: 1}

	long, le := sampleIssue()
	long.Message = strings.Repeat("a long message that goes on and on; ", 200)
	le.Traceback = strings.Repeat("  File \"/srv/app/deep.py\", line 1, in recurse\n    recurse(n + 1)\n", 1000)

	var list []topic
	for i := range int64(53) {
		row := issue
		row.ID, row.Count, row.Users = 100+i, 1000-i*17, i%4
		kind := tracker.AlertCreated
		if i%9 == 3 {
			kind = tracker.AlertRegressed
		}
		if i == 5 {
			kind = tracker.AlertUnmuted
		}
		if i%3 == 1 {
			row.Project, row.Type, row.Message = "web", "TypeError", "Cannot read properties of undefined (reading 'total') at checkout "+strings.Repeat("x", int(i)*8)
		}
		list = append(list, topic{kind: kind, issue: row.ID, about: &row})
	}
	letters := map[string]letter{
		"created":   settings.issueLetter(tracker.AlertCreated, issue, &e, 1),
		"regressed": settings.issueLetter(tracker.AlertRegressed, back, &e, 3),
		"unmuted":   settings.issueLetter(tracker.AlertUnmuted, back, &e, 1),
		"bare":      settings.issueLetter(tracker.AlertCreated, bare, &event.Event{}, 1),
		"long":      settings.issueLetter(tracker.AlertCreated, long, &le, 1),
		"digest":    (&Composer{Settings: settings}).digest(list, nil),
		"test":      settings.test(start),
	}
	for name, l := range letters {
		golden(t, name+".txt", "Subject: "+l.subject+"\n\n"+l.text)
		golden(t, name+".html", l.html)
		for _, private := range []string{"u-1042", "person@example.net", "203.0.113.9", "hidden=1"} {
			if strings.Contains(l.text+l.html+l.subject, private) {
				t.Errorf("mail %s holds personal data that no mail may hold: %q", name, private)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; rewrite with -update):\n%s", path, diff)
	}
}

func TestSubject(t *testing.T) {
	tests := map[string]struct {
		issue tracker.Issue
		back  string
		want  string
	}{
		"as the contract has it":   {tracker.Issue{ID: 7, Project: "shop", Type: "E", Message: "boom"}, "", "[shop] E: boom (#7)"},
		"regressed":                {tracker.Issue{ID: 7, Project: "shop", Type: "E", Message: "boom"}, "regressed", "[shop] Regressed: E: boom (#7)"},
		"80 bytes of the message":  {tracker.Issue{ID: 7, Project: "p", Type: "E", Message: strings.Repeat("m", 81)}, "", "[p] E: " + strings.Repeat("m", 80) + " (#7)"},
		"not within a rune":        {tracker.Issue{ID: 7, Project: "p", Type: "E", Message: strings.Repeat("m", 79) + "é"}, "", "[p] E: " + strings.Repeat("m", 79) + " (#7)"},
		"a header in the message":  {tracker.Issue{ID: 7, Project: "p", Type: "E", Message: "x\r\nBcc: a@b\r\n\r\nbody"}, "", "[p] E: x Bcc: a@b body (#7)"},
		"a header in the project":  {tracker.Issue{ID: 7, Project: "p\nBcc: a@b", Type: "E\rTo: c@d", Message: "m"}, "", "[p Bcc: a@b] E To: c@d: m (#7)"},
		"separators and NEL":       {tracker.Issue{ID: 7, Project: "p", Type: "E", Message: "a\u2028b\u0085c\x00d"}, "", "[p] E: a b c d (#7)"},
		"text that runs backwards": {tracker.Issue{ID: 7, Project: "p", Type: "E", Message: "\u202ecod.exe\u202c"}, "", "[p] E: cod.exe (#7)"},
		"not UTF-8":                {tracker.Issue{ID: 7, Project: "p", Type: "E", Message: "a\xff\xfeb"}, "", "[p] E: a\ufffd\ufffdb (#7)"},
		"too long":                 {tracker.Issue{ID: 7, Project: strings.Repeat("p", 600), Type: "E"}, "", "[error-tracker] New error (#7)"},
		"too long and regressed":   {tracker.Issue{ID: 7, Project: strings.Repeat("p", 600), Type: "E"}, "regressed", "[error-tracker] Regressed error (#7)"},
		"nothing known":            {tracker.Issue{ID: 7}, "", "[error-tracker] Error: (#7)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := issueSubject(tt.back, tt.issue); got != tt.want {
				t.Errorf("issueSubject = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTracebackIsCutAt12288BytesOfWholeRunes(t *testing.T) {
	issue, e := sampleIssue()
	e.Traceback = strings.Repeat("x", maxTraceback-1) + "éTAIL"
	l := settings.issueLetter(tracker.AlertCreated, issue, &e, 1)
	for part, body := range map[string]string{"text": l.text, "HTML": l.html} {
		if !strings.Contains(body, strings.Repeat("x", maxTraceback-1)+"\n") || strings.Contains(body, "TAIL") || !strings.Contains(body, "[traceback cut at 12,288 bytes") {
			t.Errorf("traceback in the %s part is not cut at the last whole rune with a marker", part)
		}
		if !utf8.ValidString(body) {
			t.Errorf("%s part is not UTF-8", part)
		}
	}
	e.Traceback = strings.Repeat("x", maxTraceback)
	if l := settings.issueLetter(tracker.AlertCreated, issue, &e, 1); strings.Contains(l.text+l.html, "[traceback cut") {
		t.Errorf("a traceback of exactly 12,288 bytes is cut")
	}
}

func TestTracebackIsMadeOfExceptionsWithoutTheirVariables(t *testing.T) {
	e := event.Event{Exceptions: []event.Exception{
		{Type: "KeyError", Value: "'id'", Frames: []event.Frame{{Function: "get", Filename: "db.py", Line: 3, Vars: []event.Var{{Name: "password", Value: []byte(`"hunter2"`)}}}}},
		{Type: "LoadError", Value: "order", Frames: []event.Frame{
			{Function: "main", Filename: "app.py", Line: 1},
			{Function: "load", Filename: "app.js", Line: 9, Column: 2, ContextLine: "  load(id)\n"},
			{AbsPath: "/srv/x"}, {},
		}},
	}}
	want := "LoadError: order\n    at <anonymous>\n    at <anonymous> (/srv/x)\n    at load (app.js:9:2)\n        load(id)\n    at main (app.py:1)\n" +
		"\nCaused by: KeyError: 'id'\n    at get (db.py:3)\n"
	if diff := cmp.Diff(want, tracebackOf(&e)); diff != "" {
		t.Errorf("tracebackOf (-want +got):\n%s", diff)
	}
}

func TestHostileTextStaysText(t *testing.T) {
	attacks := []string{
		`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"><svg/onload=alert(1)>`, `</pre><h1>x`, `{{.Link}}`,
		`javascript:alert(1)`, `' style='x`, "a\r\n.\r\nRCPT TO:<evil@example.net>", "\x1b[31mred\x1b[0m", "\x00\x07",
	}
	for _, attack := range attacks {
		issue := tracker.Issue{ID: 1, Project: attack, Type: attack, Message: attack, Culprit: attack, Environment: attack, FirstRelease: attack, Count: 1}
		e := event.Event{Traceback: attack, Request: event.Request{Method: attack, URL: attack}}
		for _, l := range []letter{
			settings.issueLetter(tracker.AlertCreated, issue, &e, 1),
			(&Composer{Settings: settings}).digest([]topic{{kind: tracker.AlertCreated, about: &issue}}, nil),
		} {
			for _, bad := range []string{"<script", "<img", "<svg", "</pre><h1", "href=\"javascript", "\x1b", "\x00", "\r"} {
				if strings.Contains(strings.ToLower(l.html), bad) {
					t.Errorf("HTML of %q holds %q", attack, bad)
				}
			}
			if strings.ContainsAny(l.text, "\r\x1b\x00\x07") || strings.ContainsAny(l.subject, "\r\n\x1b\x00\x07") {
				t.Errorf("text or subject of %q holds control characters", attack)
			}
		}
	}
}

func TestHeadersThreadTheMailsOfOneIssue(t *testing.T) {
	get := func(s Settings, m tracker.Mail, name string) string {
		for _, h := range s.Headers(m) {
			if h.Name == name {
				return h.Value
			}
		}
		return ""
	}
	created, regressed := tracker.Mail{Kind: "created", IssueID: 7}, tracker.Mail{Kind: "regressed", IssueID: 7}
	thread := get(settings, created, "References")
	if thread == "" || thread != get(settings, regressed, "References") || thread != get(settings, regressed, "In-Reply-To") {
		t.Errorf("mails about issue 7 refer to %q and %q, want the same", thread, get(settings, regressed, "References"))
	}
	if _, err := mail.ParseAddress(thread); err != nil { // a Message-ID has the form of one
		t.Errorf("References is %q, which is no Message-ID: %v", thread, err)
	}
	other := settings
	other.BaseURL = "https://other.example.com"
	if get(other, created, "References") == thread || get(settings, tracker.Mail{Kind: "created", IssueID: 8}, "References") == thread {
		t.Error("another issue or another installation shares the thread")
	}
	if got := get(settings, tracker.Mail{Kind: "digest"}, "References"); got != "" {
		t.Errorf("a digest refers to %q, want nothing", got)
	}
	if got, want := get(settings, created, "List-Id"), "<error-tracker.errors.example.com>"; got != want {
		t.Errorf("List-Id = %q, want %q", got, want)
	}
	if got := get(settings, created, "Auto-Submitted"); got != "auto-generated" {
		t.Errorf("Auto-Submitted = %q, want auto-generated", got)
	}
}

func FuzzLetter(f *testing.F) {
	f.Add("shop", "ValueError", "boom", "GET", "http://x/", "Traceback\n.\n")
	f.Add("a\r\nBcc: x@y", "\xff", "é\u2028", "\x00", "javascript:", "\r\r\n.\r\n")
	f.Fuzz(func(t *testing.T, project, typ, message, method, url, traceback string) {
		issue := tracker.Issue{ID: 1, Project: project, Type: typ, Message: message, Count: 1}
		e := event.Event{Traceback: traceback, Request: event.Request{Method: method, URL: url}}
		l := settings.issueLetter(tracker.AlertCreated, issue, &e, 1)
		if strings.ContainsAny(l.subject, "\r\n\x00") || len(l.subject) > maxSubject || !utf8.ValidString(l.subject) {
			t.Fatalf("subject %q is not one line of at most %d bytes UTF-8", l.subject, maxSubject)
		}
		if strings.ContainsAny(l.text, "\r\x00") || !utf8.ValidString(l.text) || !utf8.ValidString(l.html) {
			t.Fatalf("body holds control characters or is not UTF-8")
		}
		if n := len(l.text); n > 40_000 {
			t.Fatalf("text has %d bytes", n)
		}
	})
}

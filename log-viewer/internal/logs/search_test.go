package logs

import (
	"strings"
	"testing"

	"github.com/monlight/monlight/shared/errs"
)

func TestParseSearch(t *testing.T) {
	const json = `{"level":"warn","msg":"disk is \"full\"","dur":12.5,"http":{"status":503,"path":"\/api\/users"}}`
	tests := []struct {
		search, message string
		want            bool
	}{
		{"", "anything", true},
		{"  ", "anything", true},
		{"error", "An ERROR occurred", true},
		{"error", "errors", false},
		{"error", "e_error", false},
		{"ERROR disk", "disk error", true},
		{"error disk", "error", false},
		{"error OR disk", "disk", true},
		{"error OR disk full", "disk", false},
		{"(error OR disk) full", "disk full", true},
		{"(error OR disk) full", "disk", false},
		{"disk AND NOT full", "disk full", false},
		{"disk NOT full", "disk empty", true},
		{"disk -full", "disk full", false},
		{"-full", "disk", true},
		{"-(full disk)", "full house", true},
		{"NOT NOT full", "full", true},
		{"or and not", "not and or", true},
		{"conn*", "connection refused", true},
		{"conn*", "reconnection", false},
		{"connection*", "connection", true},
		{`"nection ref"`, "connection refused", true},
		{`"NECTION"`, "connection refused", true},
		{`"connection  refused"`, "connection refused", false},
		{`"a \"quoted\" c:\\x"`, `A "quoted" C:\x`, true},
		{"127.0.0.1", "from 127.0.0.1:8080", true},
		{"127.0.0.1", "from 127.0.0.10", false},
		{"127.0.0.1", "from 1127.0.0.1", false},
		{"127.0.0.1", "from 127-0-0-1", false},
		{"error-42", "see error-42.", true},
		{"error-42", "see error-421", false},
		{"error-*", "see error-421", true},
		{"a:b", "x a:b y", true},
		{"a:b", "x aa:b y", false},
		{"a:b", "a=b", true},
		{"a:b", `{"a":"c b"}`, true},
		{"a:b", `{"a":"bc"}`, false},
		{"/api/users", "GET /api/users/42", true},
		{"/api/users", "GET /v1/api/users/42", true},
		{"/api/users", "GET /api/usersx", false},
		{`/us[ae]rs\/4/`, "GET /api/users/42", true},
		{`/USERS/`, "GET /api/users/42", false},
		{`/USERS/i`, "GET /api/users/42", true},
		{`/a b/ c`, "a b c", true},
		{"3fa85f64-5717-4562-b3fc-2c963f66afa6", "id=3FA85F64-5717-4562-b3fc-2c963f66afa6", true},
		{"10:30:22", "at 10:30:22", true},
		{"http://host:80/x", "get http://host:80/x now", true},
		{"f(x)", "call f(x) now", true},
		{"--flag", "run --flag", true},
		{"überfall", "ÜBERFALL", true},
		{"straße", "Straßen", false},
		{"ok", "\x1b[31mOK\x1b[0m", true},
		{`"all ok"`, "all \x1b[1;31mOK\x1b[0m", true},
		{"msg:full", json, true},
		{`msg:"is \"full"`, json, true},
		{"http.status:503", json, true},
		{"http.status:50", json, false},
		{"http.path:/api/users", json, true},
		{"http.path:=/api/users", json, true},
		{"http.path:=/api", json, false},
		{"http.path:/users$/", json, true},
		{"dur:>12", json, true},
		{"dur:>12.5", json, false},
		{"dur:>=12.5", json, true},
		{"dur:<=12.5", json, true},
		{"dur:<12.5", json, false},
		{"dur:10..12.5", json, true},
		{"dur:1..2", json, false},
		{"dur:*", json, true},
		{"nope:*", json, false},
		{"-nope:>1", json, true},
		{"status:404", "method=GET status=404 msg=\"not found\"", true},
		{`msg:"not f"`, "method=GET status=404 msg=\"not found\"", true},
		{"level:error", "x", true},
		{"level:>=warning", "x", true},
		{"level:>error", "x", false},
		{"level:<error", "x", false},
		{"container:web*", "x", true},
		{"container:*b-1", "x", true},
		{"container:web", "x", false},
		{"stream:stderr", "x", true},
		{"stream:stdout OR container:WEB-1", "x", true},
	}
	for _, tt := range tests {
		x, err := ParseSearch(tt.search)
		if err != nil {
			t.Errorf("ParseSearch(%q): %v", tt.search, err)
			continue
		}
		e := Entry{Message: tt.message, Level: Error, Source: "web-1", Stream: Stderr}
		if got := x.Match(e); got != tt.want {
			t.Errorf("search %q, message %q: matched %v, want %v", tt.search, tt.message, got, tt.want)
		}
	}
}

func TestParseSearchSaysWhereItIsWrong(t *testing.T) {
	tests := map[string]string{
		`foo "bar`:                   `character 5: this " is not closed`,
		`über (foo`:                  `character 6: this ( is not closed`,
		`foo)`:                       `character 4: this ) closes nothing`,
		`foo OR`:                     `character 5: OR wants something on its right`,
		`OR foo`:                     `character 1: OR wants something on its left`,
		`AND foo`:                    `character 1: AND wants something on its left`,
		`foo AND OR bar`:             `character 5: AND wants something on its right`,
		`foo NOT`:                    `character 5: the negation wants`,
		`()`:                         `character 1: these parentheses are empty`,
		`""`:                         `nothing between these quotes`,
		`*`:                          `character 1: * wants`,
		`a:>x`:                       `wants a number after >`,
		`level:loud`:                 `level is "loud"`,
		`level:>critical`:            `no level is > CRITICAL`,
		`stream:in`:                  `stream is "in"`,
		`/a(/`:                       `character 1: error parsing regexp: missing closing )`,
		`x /(((a{100}){10}){9}){9}/`: `character 3: `,
		strings.Repeat("(", 60):      `more than 50 levels`,
		strings.Repeat("-", 9):       ``,
		strings.Repeat("a ", 200):    `more than 100 terms`,
		strings.Repeat("a", 5000):    `the limit is 4096`,
		"\xff":                       `not valid UTF-8`,
	}
	for search, want := range tests {
		_, err := ParseSearch(search)
		if want == "" {
			if err != nil {
				t.Errorf("ParseSearch(%q): %v", search, err)
			}
			continue
		}
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSearch(%q): error %v, want an Invalid with %q", search, err, want)
		}
	}
}

func FuzzParseSearch(f *testing.F) {
	for _, s := range []string{`a OR -"b c" (d* AND e:>1)`, `/x\/y/i level:>=warn`, `f:1..2 g:="x"`, `a\"b`} {
		f.Add(s, `{"a":"b c","f":1.5} d`)
	}
	f.Fuzz(func(t *testing.T, search, message string) {
		x, err := ParseSearch(search)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("ParseSearch(%q): %v, want an Invalid", search, err)
			}
			return
		}
		// A negated search passes exactly the others.
		e := Entry{Message: message}
		not := &Expr{Op: Not, Args: []*Expr{x}}
		if x != nil && x.Match(e) == not.Match(e) {
			t.Fatalf("search %q and its negation agree on %q", search, message)
		}
	})
}

func TestFoldKeepsTokens(t *testing.T) {
	for r := rune(0x80); r <= 0x10ffff; r++ {
		for _, c := range []byte(Fold(string(r))) {
			if !IsTokenByte(c) {
				t.Fatalf("Fold(%q) has the byte %q, which is not part of a token", r, c)
			}
		}
	}
}

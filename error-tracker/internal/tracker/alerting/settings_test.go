package alerting

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	tests := map[string]struct {
		in     string
		header string // "" wants an error
	}{
		"plain":             {"errors@example.com", "<errors@example.com>"},
		"spaces around":     {"  errors@example.com ", "<errors@example.com>"},
		"with a name":       {"Monlight <errors@example.com>", `"Monlight" <errors@example.com>`},
		"name not ASCII":    {"Überwachung <errors@example.com>", "=?utf-8?q?=C3=9Cberwachung?= <errors@example.com>"},
		"plus and dots":     {"a.b+c@sub.example.com", "<a.b+c@sub.example.com>"},
		"no dot in domain":  {"root@localhost", "<root@localhost>"},
		"IDN in its A form": {"a@xn--bcher-kva.example", "<a@xn--bcher-kva.example>"},
		"empty":             {"", ""},
		"no domain":         {"errors@", ""},
		"two addresses":     {"a@example.com, b@example.com", ""},
		"CR and LF":         {"a@example.com\r\nBcc: b@example.com", ""},
		"LF in the name":    {"\"x\nBcc: b@c\" <a@example.com>", ""},
		"NUL":               {"a\x00@example.com", ""},
		"quoted local part": {`"a b"@example.com`, ""},
		"angle in quotes":   {`"a>b"@example.com`, ""},
		"not ASCII":         {"ü@example.com", ""},
		"domain not ASCII":  {"a@bücher.example", ""},
		"address literal":   {"a@[127.0.0.1]", ""},
		"too long":          {strings.Repeat("a", 250) + "@example.com", ""},
		"a command":         {"a@example.com> SIZE=1", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, err := ParseAddress(tt.in)
			if (err != nil) != (tt.header == "") {
				t.Fatalf("ParseAddress(%q) = %v, %v; want an error: %t", tt.in, a, err, tt.header == "")
			}
			if err == nil && a.Header() != tt.header {
				t.Errorf("ParseAddress(%q).Header() = %q, want %q", tt.in, a.Header(), tt.header)
			}
		})
	}
}

func TestParseRecipients(t *testing.T) {
	got, err := ParseRecipients([]string{" a@example.com", "", "A@EXAMPLE.com", "b@example.com "})
	if err != nil || len(got) != 2 {
		t.Errorf("ParseRecipients = %v, %v; want two addresses", got, err)
	}
	_, err = ParseRecipients([]string{"a@example.com", "nobody", "x@"})
	if err == nil || !strings.Contains(err.Error(), `"nobody"`) || !strings.Contains(err.Error(), `"x@"`) {
		t.Errorf("error = %v, want one that names both mistakes", err)
	}
	many := make([]string, MaxRecipients+1)
	for i := range many {
		many[i] = strings.Repeat("x", i+1) + "@example.com"
	}
	if _, err := ParseRecipients(many); err == nil {
		t.Errorf("%d recipients are accepted, the limit is %d", len(many), MaxRecipients)
	}
}

func TestCheckBaseURL(t *testing.T) {
	good := map[string]string{
		"http://localhost:5010": "http://localhost:5010", "https://x.example/errors/": "https://x.example/errors",
		"https://[::1]:8000": "https://[::1]:8000", " https://x.example ": "https://x.example",
	}
	for in, want := range good {
		if got, err := CheckBaseURL(in); got != want || err != nil {
			t.Errorf("CheckBaseURL(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "localhost:5010", "javascript:alert(1)", "https://", "https://u:p@x", "https://x?a=b", "https://x#f", "https://x/\r\nBcc: a", "https://x/a b", "ftp://x", `https://x/"`} {
		if got, err := CheckBaseURL(in); err == nil {
			t.Errorf("CheckBaseURL(%q) = %q, want an error", in, got)
		}
	}
}

func TestCheckedRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*Settings)
		want   string
	}{
		"no sender":           {func(s *Settings) { s.From = Address{} }, "sender"},
		"no recipients":       {func(s *Settings) { s.Recipients = nil }, "recipients"},
		"negative window":     {func(s *Settings) { s.Window = -1 }, "window"},
		"window of a year":    {func(s *Settings) { s.Window = 365 * 24 * 3600e9 }, "window"},
		"negative interval":   {func(s *Settings) { s.DigestInterval = -1 }, "digest"},
		"negative budget":     {func(s *Settings) { s.Budget = -1 }, "budget"},
		"base URL without //": {func(s *Settings) { s.BaseURL = "x" }, "base URL"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := settings
			tt.change(&s)
			if _, err := s.Checked(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Checked() = %v, want an error about %q", err, tt.want)
			}
		})
	}
	s := settings
	s.Budget, s.BaseURL = 0, "https://x.example//"
	got, err := s.Checked()
	if err != nil || got.Window != DefaultWindow || got.Budget != DefaultBudget || got.BaseURL != "https://x.example" {
		t.Errorf("Checked() = %+v, %v; want defaults filled in", got, err)
	}
}

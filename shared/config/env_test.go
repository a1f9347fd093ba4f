package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/monlight/monlight/shared/config"
)

const day = 24 * time.Hour

// environment makes a lookup function of a map.
func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func TestValuesAreTyped(t *testing.T) {
	e := config.New("notes", environment(map[string]string{
		"NAME": " alice ", "PORT": "25", "DEBUG": "Yes", "SIZE": "64MB", "WAIT": "1d12h", "SECONDS": "90",
		"KEEP": "30", "KEEP_SHORT": "1h", "UPSTREAM": "https://example.com:8080/errors/", "ITEMS": "a, b,,c ",
		"PROXIES": "10.1.2.3/8, ::1,192.0.2.7, ::ffff:10.0.0.0/104", "MODE": "FAST", "EMPTY": "  ",
	}))
	got := map[string]any{
		"NAME":       e.String("NAME", "bob", ""),
		"UNSET":      e.String("UNSET", "bob", ""),
		"EMPTY":      e.String("EMPTY", "bob", ""),
		"PORT":       e.Int("PORT", 1, 0, 65535, ""),
		"DEBUG":      e.Bool("DEBUG", false, ""),
		"SIZE":       e.Bytes("SIZE", "1KB", 0, 1<<40, ""),
		"SIZE2":      e.Bytes("SIZE2", "1KB", 0, 1<<40, ""),
		"WAIT":       e.Duration("WAIT", time.Second, 0, 365*day, ""),
		"SECONDS":    e.Duration("SECONDS", time.Second, 0, 365*day, ""),
		"KEEP":       e.Days("KEEP", 90*day, time.Hour, 365*day, ""),
		"KEEP_SHORT": e.Days("KEEP_SHORT", 90*day, time.Hour, 365*day, ""),
		"UPSTREAM":   e.URL("UPSTREAM", "", "").String(),
		"ITEMS":      e.List("ITEMS", ""),
		"PROXIES":    e.Prefixes("PROXIES", ""),
		"MODE":       e.Enum("MODE", "slow", []string{"slow", "fast"}, ""),
	}
	want := map[string]any{
		"NAME": "alice", "UNSET": "bob", "EMPTY": "bob", "PORT": 25, "DEBUG": true,
		"SIZE": int64(64 << 20), "SIZE2": int64(1024), "WAIT": 36 * time.Hour, "SECONDS": 90 * time.Second,
		"KEEP": 30 * day, "KEEP_SHORT": time.Hour, "UPSTREAM": "https://example.com:8080/errors",
		"ITEMS": []string{"a", "b", "c"}, "MODE": "fast",
		"PROXIES": []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"),
			netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("10.0.0.0/8"),
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if err := e.Err(); err != nil {
		t.Errorf("Err() = %v, want nil", err)
	}
	if u := e.URL("NO_URL", "", ""); u != nil {
		t.Errorf("URL of an unset variable = %v, want nil", u)
	}
}

func TestErrNamesEveryMistakeOnItsOwnLine(t *testing.T) {
	e := config.New("notes", environment(map[string]string{
		"PORT": "many", "LIMIT": "0", "BIG": "99999999999999999999", "DEBUG": "perhaps", "SIZE": "12 parsecs", "SMALL": "1KB",
		"WAIT": "-1s", "LONG": "400d", "KEEP": "soon", "FTP": "ftp://example.com", "QUERY": "http://example.com/?a=b",
		"PROXIES": "10.0.0.0/33", "MODE": "medium", "KEY": "short", "WEIRD": "a\nb",
	}))
	port := e.Int("PORT", 25, 1, 65535, "")
	e.Int("LIMIT", 100, 1, 1000, "")
	e.Int64("BIG", 1, 0, 1<<62, "")
	e.Bool("DEBUG", false, "")
	e.Bytes("SIZE", "1MB", 0, 1<<40, "")
	e.Bytes("SMALL", "1MB", 1<<20, 1<<30, "")
	e.Duration("WAIT", time.Minute, 0, time.Hour, "")
	e.Duration("LONG", 2*time.Minute, 90*time.Second, 365*day, "")
	e.Days("KEEP", day, day, 365*day, "")
	e.URL("FTP", "", "")
	e.URL("QUERY", "", "")
	e.RequiredURL("UPSTREAM", "URL of the error tracker")
	e.Required("DATABASE", "path of the database")
	e.Prefixes("PROXIES", "")
	e.Enum("MODE", "slow", []string{"slow", "fast"}, "")
	e.Secret("KEY", "")
	e.Int("WEIRD", 1, 0, 9, "")
	e.Fail("PORT and MODE do not go together")
	want := `PORT = "many", want a whole number from 1 to 65535
LIMIT = "0", want a whole number from 1 to 1000
BIG = "99999999999999999999", want a whole number from 0 to 4611686018427387904
DEBUG = "perhaps", want true or false
SIZE = "12 parsecs", want a size such as 500KB, 64MB or 2GB
SMALL = "1KB", want a size from 1MB to 1GB
WAIT = "-1s", want a time such as 90s, 12h or 30d (a bare number counts seconds)
LONG = "400d", want a time from 1m30s to 365d
KEEP = "soon", want a whole number of days, or a time such as 12h or 30d
FTP = "ftp://example.com", want a URL such as https://monlight.example.com/errors
QUERY = "http://example.com/?a=b", want a URL without user, query and fragment
UPSTREAM is required: URL of the error tracker
DATABASE is required: path of the database
PROXIES = "10.0.0.0/33", "10.0.0.0/33" is no network: want addresses or networks such as 10.0.0.0/8, separated by commas
MODE = "medium", want one of slow, fast
KEY has 5 characters, want at least 16: make one with: openssl rand -hex 16
WEIRD = "a\nb", want a whole number from 0 to 9
PORT and MODE do not go together`
	if diff := cmp.Diff(want, e.Err().Error()); diff != "" {
		t.Errorf("Err() (-want +got):\n%s", diff)
	}
	if port != 25 {
		t.Errorf("Int after a mistake = %d, want the default 25", port)
	}
}

func TestHelpListsEachVariableOnce(t *testing.T) {
	e := config.New("notes", environment(nil))
	e.Int("PORT", 25, 1, 65535, "port of the mail server")
	e.Int("PORT", 25, 1, 65535, "port of the mail server")
	e.Days("KEEP", 90*day, day, 365*day, "how long to keep notes")
	e.Bytes("SIZE", "64MB", 0, 1<<40, "largest database")
	e.Secret("API_KEY", "key of the API")
	e.OptionalSecret("SMTP_PASSWORD", "password")
	e.List("ITEMS", "names")
	e.RequiredURL("UPSTREAM", "where to send")
	var b strings.Builder
	e.WriteHelp(&b)
	want := `  PORT                                 25          port of the mail server
  KEEP                                 90d         how long to keep notes
  SIZE                                 64MB        largest database
  API_KEY or API_KEY_FILE              (required)  key of the API
  SMTP_PASSWORD or SMTP_PASSWORD_FILE  -           password
  ITEMS                                -           names
  UPSTREAM                             (required)  where to send
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("help (-want +got):\n%s", diff)
	}
}

func TestSecretsThatAnybodyCouldGuessAreRefused(t *testing.T) {
	tests := map[string]struct{ key, want string }{
		"unset":               {"", "API_KEY is required"},
		"short":               {"fifteen-letters", "API_KEY has 15 characters, want at least 16"},
		"changeme":            {"changeme-changeme", "example value"},
		"in upper case":       {"CHANGE_ME_0123456789", "example value"},
		"your key here":       {"your-api-key-goes-here", "example value"},
		"ours":                {"replace-with-32-random-chars", "example value"},
		"32 chars":            {"replace_with_32_random_characters", "example value"},
		"one letter":          {"aaaaaaaaaaaaaaaa", "example value"},
		"x":                   {"xxxxxxxxxxxxxxxx", "example value"},
		"two letters":         {"abababababababababab", "example value"},
		"digits in a row":     {"1234567890123456", "example value"},
		"hex in a row":        {"0123456789abcdef0123456789abcdef", "example value"},
		"alphabet":            {"abcdefghijklmnopqrstuvwxyz", "example value"},
		"keyboard":            {"qwertyuiopasdfghjkl", "example value"},
		"password":            {"Password12345678", "example value"},
		"tutorial":            {"my-secret-api-key-123", "example value"},
		"angle brackets":      {"<sixteen characters>", "has a space"},
		"not interpolated":    {"${ERROR_TRACKER_API_KEY}", "example value"},
		"space":               {"correct horse battery staple", "has a space"},
		"newline":             {"d41d8cd98f00b204\ne9800998ecf8427e", "control character"},
		"not ascii":           {"schlüssel-schlüssel-schlüssel", "outside ASCII"},
		"more than 4096":      {strings.Repeat("k3y-", 1025), "has 4100 bytes, want at most 4096"},
		"smoke test key":      {"test_api_key_e2e_12345", ""},
		"smoke test admin":    {"test_admin_key_e2e_12345", ""},
		"openssl rand hex 16": {"9f3c1e0a7b5d42688c6e1f90ab34d7e2", ""},
		"base64":              {"Zk3v9+Qm/7Lw2XcR5tYb8A==", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := config.New("notes", environment(map[string]string{"API_KEY": tt.key}))
			got := e.Secret("API_KEY", "key")
			err := e.Err()
			if tt.want == "" {
				if err != nil || got.Reveal() != tt.key {
					t.Fatalf("Secret(%q) = %q, %v; want it accepted", tt.key, got.Reveal(), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Secret(%q): %v, want %q", tt.key, err, tt.want)
			}
			if !got.IsZero() {
				t.Errorf("Secret(%q) returned the refused key", tt.key)
			}
			if tt.key != "" && strings.Contains(err.Error(), tt.key) {
				t.Errorf("the mistake shows the key: %v", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the mistake has several lines: %v", err)
			}
			if len(tt.key) <= 4096 && !strings.Contains(err.Error(), "openssl rand -hex 16") {
				t.Errorf("the mistake does not say what to do: %v", err)
			}
		})
	}
}

func TestSecretIsReadFromAFile(t *testing.T) {
	const key = "9f3c1e0a7b5d42688c6e1f90ab34d7e2"
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := map[string]struct {
		vars map[string]string
		want string // part of the mistake; "" is none
	}{
		"plain":     {map[string]string{"KEY_FILE": file("plain", key)}, ""},
		"newline":   {map[string]string{"KEY_FILE": file("newline", key+"\n")}, ""},
		"crlf":      {map[string]string{"KEY_FILE": file("crlf", key+"\r\n")}, ""},
		"empty var": {map[string]string{"KEY": "", "KEY_FILE": file("empty var", key)}, ""},
		"both":      {map[string]string{"KEY": key, "KEY_FILE": file("both", key)}, "KEY and KEY_FILE are both set, want one of them"},
		"two lines": {map[string]string{"KEY_FILE": file("two", key+"\n\n")}, "control character"},
		"missing":   {map[string]string{"KEY_FILE": filepath.Join(dir, "none")}, "want a readable file: no such file or directory"},
		"folder":    {map[string]string{"KEY_FILE": dir}, "want a readable file: not a regular file"},
		"device":    {map[string]string{"KEY_FILE": "/dev/zero"}, "not a regular file"},
		"empty":     {map[string]string{"KEY_FILE": file("empty", "\n")}, "want a file that is not empty"},
		"huge":      {map[string]string{"KEY_FILE": file("huge", strings.Repeat("k", 5000))}, "longer than 4096 bytes"},
		"example":   {map[string]string{"KEY_FILE": file("example", "changeme-changeme")}, "KEY is an example value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := config.New("notes", environment(tt.vars))
			got := e.Secret("KEY", "key").Reveal()
			switch err := e.Err(); {
			case tt.want == "" && (err != nil || got != key):
				t.Errorf("Secret = %q, %v; want %q", got, err, key)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Secret: %v, want %q", err, tt.want)
			}
		})
	}
}

func TestOptionalSecretMayBeShortButNoPlaceholder(t *testing.T) {
	for value, ok := range map[string]bool{"": true, "hunter2": true, "pass word": true, "your-smtp-password-here": false} {
		e := config.New("notes", environment(map[string]string{"SMTP_PASSWORD": value}))
		got := e.OptionalSecret("SMTP_PASSWORD", "password")
		if err := e.Err(); (err == nil) != ok || (ok && got.Reveal() != value) {
			t.Errorf("OptionalSecret(%q) = %q, %v; want accepted %v", value, got.Reveal(), err, ok)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	const text = "canary-3b1f8e"
	s := config.NewSecret(text)
	holder := struct {
		Key     config.Secret
		Pointer *config.Secret
	}{s, &s}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "key", s, "holder", holder)
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s), fmt.Sprintf("%v %+v %#v", holder, holder, holder),
		fmt.Sprintf("%v", []config.Secret{s}), fmt.Sprintf("%v", map[string]config.Secret{"k": s}), string(encoded), log.String(),
	} {
		if strings.Contains(out, text) || strings.Contains(out, fmt.Sprintf("%x", text)) {
			t.Errorf("secret is visible in %q", out)
		}
		if !strings.Contains(out, "[redacted]") {
			t.Errorf("%q does not say that there is a secret", out)
		}
	}
	if s.Reveal() != text {
		t.Errorf("Reveal() = %q, want %q", s.Reveal(), text)
	}
}

func TestTwoKeysMustDiffer(t *testing.T) {
	const one, two = "9f3c1e0a7b5d42688c6e1f90ab34d7e2", "4b0f6d1c93ae47d58e12c7a90b3f5d68"
	for name, tt := range map[string]struct{ key, read, want string }{
		"two keys":        {one, two, ""},
		"the same":        {one, one, "READ_API_KEY and API_KEY are the same, want two keys: make one with: openssl rand -hex 16"},
		"unset":           {one, "", ""},
		"a guessable one": {one, "changeme-changeme", "READ_API_KEY is an example value that anybody could guess: make one with: openssl rand -hex 16"},
	} {
		t.Run(name, func(t *testing.T) {
			e := config.New("notes", environment(map[string]string{"API_KEY": tt.key, "READ_API_KEY": tt.read}))
			read := e.OptionalKey("READ_API_KEY", "")
			e.Differ("READ_API_KEY", read, "API_KEY", e.Secret("API_KEY", ""))
			got := ""
			if err := e.Err(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("Err() = %q, want %q", got, tt.want)
			}
		})
	}
	e := config.New("notes", environment(nil))
	e.Differ("READ_API_KEY", config.Secret{}, "UPLOAD_TOKEN", config.Secret{})
	if err := e.Err(); err != nil {
		t.Errorf("two unset keys: %v", err)
	}
}

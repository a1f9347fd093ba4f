package tracker_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/glob"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouprules"
	"github.com/monlight/monlight/error-tracker/internal/tracker/inbound"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
	"github.com/monlight/monlight/error-tracker/internal/tracker/search"
	"github.com/monlight/monlight/error-tracker/internal/tracker/traceback"
	"github.com/monlight/monlight/shared/lineartest"
)

// hostile are pieces of texts that somebody sends to keep what reads events busy.
var hostile = []string{
	"a", "A", "0", " ", "\n", "\t", "\"", "\\", "\\\"", "'", "{", "[", "(", "<", ":", "=", ",", "-", ".", "@", "%", "/", "?", "&", "*", "\x1b[", "\xff", "é", "\x00",
	"a=", "a: ", "a=b&", "a@", "a@b.", "a@b.c ", "/a", "a/b/", "0x", "0xa ", "1-", "1.2.3.4 ", "::", "a:b:", "12345678-1234-1234-1234-123456789012 ", "2026-01-01T00:00:00Z ", "Jan 1 ", "4111 1111 ", "4111111111111111 ",
	"password", "password=", "password: \"", "\"password\":\"", "Bearer ", "Bearer a.", "eyJ", "eyJa.eyJb.", "Authorization: ", "https://a:b@", "https://a/?token=", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----\n", "AKIA", "{\"a\":", "{\"password\":", "<object at 0x7f00>", "at f (a.js:1:1)\n", "(((a", "a.b.c.", "$1", "%s",
}

// TestHostileEventsTakeLinearTime gives everything that looks at the texts of
// events, or at them by rules of people, texts that are far longer than what an event may have.
func TestHostileEventsTakeLinearTime(t *testing.T) {
	const n = 1 << 15
	lineartest.Check(t, "messages for grouping", n, hostile, func(text string) { grouping.Normalize(text) })
	lineartest.Check(t, "grouping", n, hostile, func(text string) {
		grouping.Of(&event.Event{Exceptions: []event.Exception{{Type: text, Value: text, Frames: []event.Frame{{Function: text, Filename: text, ContextLine: text}}}}})
	})
	lineartest.Check(t, "a stack", n, hostile, func(text string) { traceback.Parse("Error: x\n    at f (a:1:1)\n" + text) })
	lineartest.Check(t, "secrets in texts", n, hostile, func(text string) {
		scrub.New(scrub.Rules{}).Event(&event.Event{Message: event.Message{Formatted: text}, Request: event.Request{URL: "https://a/?" + text}})
	})
	lineartest.Check(t, "secrets in JSON", n, hostile, func(text string) {
		scrub.New(scrub.Rules{}).Event(&event.Event{Extra: json.RawMessage(`{"a":{"password":` + strconv.Quote(strings.ToValidUTF8(text, "")) + `}}`)})
	})
	for _, pattern := range []string{"*a*a*a*a*a*a*a*b", strings.Repeat("a*", 90) + "z", "*" + strings.Repeat("?", 190) + "z*", "*" + strings.Repeat("a?", 95) + "z*", "?*?*?*?z"} {
		lineartest.Check(t, "pattern "+pattern[:min(len(pattern), 20)], n, []string{"a", "ab", "é"}, func(text string) { glob.New(pattern).Match(text) })
		p := search.Pattern{Text: pattern, Glob: true}
		lineartest.Check(t, "search "+pattern[:min(len(pattern), 20)], n, []string{"a", "ab", "é"}, func(text string) { p.Match(text) })
	}
	f := inbound.New(inbound.Rules{Messages: []string{"*" + strings.Repeat("a?", 95) + "z*"}, Crawlers: true, Extensions: true, Localhost: true})
	lineartest.Check(t, "filters", n, hostile, func(text string) {
		f.Reason(&event.Event{Message: event.Message{Formatted: text}, Request: event.Request{URL: text}, Exceptions: []event.Exception{{Type: text, Value: text}}})
	})
	rule := "message:*" + strings.Repeat("a?", 95) + "z* -> x\n"
	rules, err := grouprules.Parse(strings.Repeat(rule, min(grouprules.MaxText/len(rule), grouprules.MaxRules)))
	if err != nil {
		t.Fatal(err)
	}
	lineartest.Check(t, "rules for grouping", n/8, []string{"a", "ab", "é", " "}, func(text string) {
		rules.Match(&event.Event{Message: event.Message{Formatted: text}, Exceptions: []event.Exception{{Type: text, Value: text}}})
	})
	lineartest.Check(t, "a search", search.MaxBytes/4, append(hostile, "a:b ", "-", "\"a\" ", "a:\"", "*", "a:*b* ", "is:", ">1 "), func(text string) {
		_, _ = search.Parse(text) // right or wrong
	})
}

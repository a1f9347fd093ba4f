package logs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/monlight/monlight/shared/lineartest"
)

// TestHostileExpressionsTakeLinearTime matches expressions that take an engine
// which goes back exponential time, and those that take ours the most steps.
func TestHostileExpressionsTakeLinearTime(t *testing.T) {
	for _, source := range []string{
		`(a+a+)+y`, `(a*)*c`, `(a|aa|b?){60}c`, `[^z]{300}z`, `(a|a)*c`, `(.*)(.*)(.*)(.*)(.*)z`, `(?i:\w{1,30}\W?){25}$`, `a.{500}z`, `(?:a?){400}a{400}z`, `(\pL|\pN){200}\pZ`,
		`.*.*.*.*=.*`, `(?:[a-z]+[0-9]*)+!`, `\b(?:\w+\b\W*){80}z`, `^(([a-z])+.)+[A-Z]([a-z])+$`, `(?s:.){900}z`,
	} {
		p := parser{text: "/" + source + "/"}
		re, ok, err := p.regex()
		if err != nil || !ok {
			t.Errorf("%s: %v", source, err)
			continue
		}
		lineartest.Check(t, source, 2<<10, []string{"a", "ab", "a ", "aé"}, func(text string) { regexMatch(re, text) })
	}
}

// TestExpressionsAreBounded has the time of a match depend on nothing but limits.
func TestExpressionsAreBounded(t *testing.T) {
	for what, text := range map[string]string{
		"long": strings.Repeat("a", maxRegexBytes+1), "many steps": `(?s:.{900}){3}`, "many steps together": `(a{500}b{500}){3}`,
	} {
		p := parser{text: "/" + text + "/"}
		if _, ok, err := p.regex(); err == nil {
			t.Errorf("%s: taken (%v)", what, ok)
		}
	}
	p := parser{}
	for n := range 4 {
		p.text, p.pos = "/a{600}/", 0
		if _, _, err := p.regex(); (err != nil) != (n == 3) {
			t.Errorf("expression %d of 600 steps each: %v", n, err)
		}
	}
	re := regexp.MustCompile("z")
	if regexMatch(re, strings.Repeat("a", maxRegexText)+"z") || !regexMatch(re, fmt.Sprint(strings.Repeat("a", maxRegexText-1), "z")) {
		t.Error("more or less of a text than its limit is looked at")
	}
}

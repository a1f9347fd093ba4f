package webui

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	tests := map[string]struct{ in, line, block string }{
		"plain":              {"käse 世界", "käse 世界", "käse 世界"},
		"lines":              {"a\r\nb\nc\td", "a ↵ b ↵ c d", "a\nb\nc\td"},
		"controls":           {"a\x00b\x1b[0m\x7f", "a␀b␛[0m␡", "a␀b␛[0m␡"},
		"C1":                 {"a\u009bb", "a[U+009B]b", "a[U+009B]b"},
		"direction":          {"x\u202egpj.exe\u2066", "x[U+202E]gpj.exe[U+2066]", "x[U+202E]gpj.exe[U+2066]"},
		"zero width":         {"a\u200bb\ufeffc\u00add", "a[U+200B]b[U+FEFF]c[U+00AD]d", "a[U+200B]b[U+FEFF]c[U+00AD]d"},
		"line separators":    {"a\u2028b", "a[U+2028]b", "a[U+2028]b"},
		"tag characters":     {"a\U000e0041", "a[U+E0041]", "a[U+E0041]"},
		"emoji stay":         {"👩‍💻 ❤️", "👩‍💻 ❤️", "👩‍💻 ❤️"},
		"joiner of letters":  {"世\u200d界", "世[U+200D]界", "世[U+200D]界"},
		"joiner in a word":   {"pay\u200dpal", "pay[U+200D]pal", "pay[U+200D]pal"},
		"invalid UTF-8":      {"a\xffb", "a\ufffdb", "a\ufffdb"},
		"carriage return":    {"real\rfake", "real ↵ fake", "real␍fake"},
		"joiner at the end":  {"👩\u200d", "👩[U+200D]", "👩[U+200D]"},
		"nothing at all":     {"", "", ""},
		"two line feeds":     {"\n\n", " ↵  ↵ ", "\n\n"},
		"replacement stands": {"a\ufffdb", "a\ufffdb", "a\ufffdb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Visible(tt.in); got != tt.line {
				t.Errorf("Visible(%q) = %q, want %q", tt.in, got, tt.line)
			}
			if got := VisibleBlock(tt.in); got != tt.block {
				t.Errorf("VisibleBlock(%q) = %q, want %q", tt.in, got, tt.block)
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"äöü", 3, "äöü"}, {"äöüß", 3, "äö…"}, {"", 1, ""}, {"ab", 1, "…"}, {"世界人", 2, "世…"}, {"世界", 2, "世界"},
	} {
		if got := Cut(tt.in, tt.n); got != tt.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestClipSaysWhatIsMissing(t *testing.T) {
	if got := Clip("äöü", 3); got != "ä\n… 4 B of 6 B not shown" {
		t.Errorf("Clip = %q", got)
	}
	if got := Clip("abc", 3); got != "abc" {
		t.Errorf("Clip = %q", got)
	}
}

// FuzzLine states what lists rely on: the result is short, valid, one line, and
// holds nothing that hides.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "a", "\x00", "a\nb", "\u202e", "äöü", "\xff\xfe", strings.Repeat("👩‍💻", 50)} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = 1 + (n&0xff+0xff)&0xff
		got := Line(s, n)
		if c := utf8.RuneCountInString(got); c > n {
			t.Errorf("Line(%q, %d) has %d characters", s, n, c)
		}
		if !utf8.ValidString(got) {
			t.Errorf("Line(%q, %d) = %q is not UTF-8", s, n, got)
		}
		for _, r := range got {
			if suspicious(r) && r != zwj {
				t.Errorf("Line(%q, %d) = %q holds %U", s, n, got, r)
			}
		}
	})
}

func TestWebURL(t *testing.T) {
	for in, want := range map[string]bool{
		"http://x": true, "HTTPS://x/y?z#a": true, "https://x/a b": false, "javascript:x": false, "https:x": false, "//x": false, "": false,
		"https://x/\u202e": false, "http://" + strings.Repeat("x", 3000): false, `https://x/"`: false, "httpsx://x": false, "\nhttp://x": false,
	} {
		if got := WebURL(in) != ""; got != want {
			t.Errorf("WebURL(%.40q) links: %v, want %v", in, got, want)
		}
	}
}

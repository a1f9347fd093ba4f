package webui

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Visible makes what could deceive the reader readable: control characters,
// and invisible ones such as those that turn the direction of writing
// (U+202E in a file name), are shown by their code. Line breaks become "↵" and
// tabs spaces, so the result is one line. Text without any is returned as it is.
func Visible(s string) string { return visible(s, true) }

// VisibleBlock is Visible for text of several lines: line breaks and tabs stay.
func VisibleBlock(s string) string { return visible(s, false) }

func visible(s string, oneLine bool) string {
	i := strings.IndexFunc(s, func(r rune) bool { return suspicious(r) })
	if i < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	prev := rune(0)
	for i, r := range s {
		switch {
		case !suspicious(r):
			b.WriteRune(r)
		case r == '\n' && !oneLine, r == '\t' && !oneLine:
			b.WriteRune(r)
		case r == '\r' && strings.HasPrefix(s[i+1:], "\n"):
			// The line feed that follows stands for both.
		case r == '\n', r == '\r' && oneLine:
			b.WriteString(" ↵ ")
		case r == '\t':
			b.WriteByte(' ')
		case r == zwj && pictograph(prev) && pictograph(nextRune(s[i+utf8.RuneLen(r):])):
			b.WriteRune(r) // joins the parts of an emoji
		case r < 0x20:
			b.WriteRune(0x2400 + r) // the control pictures: ␀ ␁ …
		case r == 0x7f:
			b.WriteRune('␡')
		default:
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
		prev = r
	}
	return b.String()
}

const zwj = 0x200d

func nextRune(s string) rune {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return 0
	}
	return r
}

// pictograph tells symbols and emoji, and the selector that follows them.
func pictograph(r rune) bool {
	return r >= 0x2190 && r < 0x2e80 || r == 0xfe0f || r >= 0x1f000 && r < 0x1fb00
}

// suspicious tells the characters that do not show themselves. Variation
// selectors are left out: they follow emoji and hide nothing.
func suspicious(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f:
		return true
	case r < 0xad:
		return false
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5,
		r >= 0x180b && r <= 0x180e, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e,
		r >= 0x2060 && r <= 0x206f, r == 0x3164, r == 0xfeff, r == 0xffa0, r >= 0xfff9 && r <= 0xfffb,
		r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

// Cut shortens s to at most n characters, the last of which is then "…".
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	count := 0
	for i := range s {
		count++
		if count == n {
			if utf8.RuneCountInString(s[i:min(len(s), i+2*utf8.UTFMax)]) > 1 {
				return s[:i] + "…"
			}
			return s
		}
	}
	return s
}

// Line is the way for text from outside into a list: visible, on one line, and
// at most n characters long.
func Line(s string, n int) string {
	// Bytes first, so that a megabyte is not looked at for eighty characters.
	if len(s) > n*utf8.UTFMax {
		s = s[:n*utf8.UTFMax]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
	}
	return Cut(Visible(strings.TrimSpace(s)), n)
}

// Clip is VisibleBlock cut to about n bytes, with a sentence that says how
// much is missing.
func Clip(s string, n int) string {
	if len(s) <= n {
		return VisibleBlock(s)
	}
	cut := n
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return VisibleBlock(s[:cut]) + fmt.Sprintf("\n… %s of %s not shown", Bytes(int64(len(s)-cut)), Bytes(int64(len(s))))
}

// WebURL returns s when it is an absolute http or https address without
// anything that hides in it, and so may become a link; else "".
func WebURL(s string) string {
	if len(s) > 2048 || strings.IndexFunc(s, func(r rune) bool { return suspicious(r) || r == ' ' || r == '"' || r == '<' || r == '>' }) >= 0 {
		return ""
	}
	low := strings.ToLower(s[:min(len(s), 8)])
	if !strings.HasPrefix(low, "http://") && low != "https://" {
		return ""
	}
	return s
}

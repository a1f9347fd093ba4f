package logs

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Searching compares text as people see it: without the escape sequences of
// terminals, and without regard to case. The functions here say what that
// means; the index and the search both use them, so that they cannot disagree.

// Plain is s without the escape sequences that colour it on a terminal.
func Plain(s string) string {
	i := strings.IndexByte(s, esc)
	if i < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i >= 0 {
		out = append(out, s[:i]...)
		s = s[i+EscapeLength(s[i:]):]
		i = strings.IndexByte(s, esc)
	}
	return string(append(out, s...))
}

const esc = 0x1b

// EscapeLength is the length of the escape sequence at the start of s: a CSI
// with its parameters, an OSC up to its end, or else the one byte.
func EscapeLength(s string) int {
	if len(s) < 2 {
		return len(s)
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			switch c := s[i]; {
			case c >= 0x40 && c <= 0x7e:
				return i + 1
			case c < 0x20 || c > 0x3f:
				return i // not a sequence after all: keep what follows
			}
		}
		return len(s)
	case ']':
		const most = 4096 // a sequence that is not ended does not hide the rest of a line
		for i := 2; i < min(len(s), most); i++ {
			if s[i] == 0x07 {
				return i + 1
			}
			if s[i] == esc && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
		}
	}
	return 1
}

// Fold is s with every letter in lower case, rune by rune. It maps runs of
// token bytes to runs of token bytes.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c-'A' < 26 || c >= utf8.RuneSelf {
			return string(AppendFold(make([]byte, 0, len(s)+8), s))
		}
	}
	return s
}

// AppendFold appends Fold(s) to dst. Bytes that are not UTF-8 stay as they are.
func AppendFold(dst []byte, s string) []byte {
	dst = slices.Grow(dst, len(s))
	for i := 0; i < len(s); {
		if i+8 <= len(s) { // nearly all text is ASCII: eight bytes at a time
			if x := binary.LittleEndian.Uint64([]byte(s[i : i+8])); x&topBits == 0 {
				dst = binary.LittleEndian.AppendUint64(dst, lower8(x))
				i += 8
				continue
			}
		}
		c := s[i]
		if c < utf8.RuneSelf {
			if c-'A' < 26 {
				c |= 0x20
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 {
			dst = append(dst, c)
			i++
			continue
		}
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
		i += n
	}
	return dst
}

const (
	eachByte = 0x0101010101010101
	topBits  = 0x80 * eachByte
)

// lower8 puts eight ASCII letters in lower case. Adding to a byte carries into
// its top bit, which ASCII leaves free, where it is beyond a bound.
func lower8(x uint64) uint64 {
	fromA := x + eachByte*(0x80-'A')
	beyondZ := x + eachByte*(0x80-'Z'-1)
	return x | (fromA&^beyondZ&topBits)>>2
}

// IsTokenByte tells whether c can be part of a token: a letter, a digit, '_',
// or any byte of a rune outside ASCII.
func IsTokenByte(c byte) bool { return tokenBytes[c] }

var tokenBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= utf8.RuneSelf || c == '_' || c-'0' < 10 && c >= '0' || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	return t
}()

// contains tells whether text holds piece, both folded. With start, the byte
// before it must not continue a token that piece begins; with end, the same
// holds for the byte after it.
func contains(text, piece string, start, end bool) bool {
	if piece == "" {
		return true
	}
	start = start && IsTokenByte(piece[0])
	end = end && IsTokenByte(piece[len(piece)-1])
	for from := 0; ; {
		i := strings.Index(text[from:], piece)
		if i < 0 {
			return false
		}
		i += from
		j := i + len(piece)
		if (!start || i == 0 || !IsTokenByte(text[i-1])) && (!end || j == len(text) || !IsTokenByte(text[j])) {
			return true
		}
		from = i + 1
	}
}

package scrub

import "strings"

// found is a part of a text that must go.
type found struct {
	from, to int
	reason   string
}

// search finds what must go in a text: values that are assigned to names with a
// reason, and what looks like a secret whatever it is called. In code only
// literals count as values.
func (s *Scrubber) search(text string, code bool, at []found) []found {
	for i := 0; i < len(text); {
		c := text[i]
		if kinds[c] == 0 {
			i++
			continue
		}
		f, ok := found{}, false
		switch {
		case c == '=' || c == ':':
			f, ok = s.assigned(text, i, code)
		case c == '-':
			f, ok = privateKey(text, i)
		case i > 0 && wordByte(text[i-1]):
		case c >= '0' && c <= '9':
			f, ok = cardNumber(text, i)
		default:
			if f, ok = knownToken(text, i); !ok {
				f, ok = bankAccount(text, i)
			}
		}
		if !ok || f.to <= i {
			i++
			continue
		}
		at = append(at, f)
		i = f.to
	}
	return at
}

// kinds marks the bytes at which something may begin.
var kinds = func() (t [256]uint8) {
	for _, c := range []byte("=:-0123456789") {
		t[c] = 1
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = 1
	}
	for _, p := range prefixes {
		t[p.text[0]] = 1
	}
	for _, s := range schemes {
		t[s[0]] = 1
	}
	return t
}()

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// wordEnd is the end of the bytes from i on that are letters, digits or in more.
func wordEnd(text string, i int, more string) int {
	for i < len(text) && (wordByte(text[i]) || strings.IndexByte(more, text[i]) >= 0) {
		i++
	}
	return i
}

// prefixes begin the tokens of services, and say how long these are at least.
var prefixes = []struct {
	text string
	rest int
	more string
}{
	{"eyJ", 20, "-."}, {"ghp_", 20, ""}, {"gho_", 20, ""}, {"ghu_", 20, ""}, {"ghs_", 20, ""}, {"ghr_", 20, ""}, {"github_pat_", 20, ""},
	{"glpat-", 16, "-"}, {"xoxb-", 10, "-"}, {"xoxp-", 10, "-"}, {"xoxa-", 10, "-"}, {"xoxr-", 10, "-"}, {"xoxs-", 10, "-"},
	{"sk_live_", 10, ""}, {"sk_test_", 10, ""}, {"rk_live_", 10, ""}, {"rk_test_", 10, ""}, {"sk-", 20, "-"}, {"whsec_", 16, ""},
	{"AKIA", 16, ""}, {"ASIA", 16, ""}, {"AIza", 30, "-"}, {"SG.", 30, "-."}, {"npm_", 30, ""}, {"pypi-", 30, "-"}, {"dop_v1_", 30, ""}, {"ya29.", 20, "-."},
	{"NRAK-", 20, ""}, {"hf_", 20, ""},
}

// byFirst are the places in prefixes of those that begin with a byte.
var byFirst = func() (t [256][]int) {
	for k, p := range prefixes {
		t[p.text[0]] = append(t[p.text[0]], k)
	}
	return t
}()

// schemes stand before credentials in a header.
var schemes = []string{"bearer ", "basic ", "digest ", "negotiate "}

func knownToken(text string, i int) (found, bool) {
	rest := text[i:]
	for _, k := range byFirst[rest[0]] {
		p := &prefixes[k]
		if !strings.HasPrefix(rest, p.text) {
			continue
		}
		end := wordEnd(text, i+len(p.text), p.more)
		for end > i && strings.IndexByte(".-", text[end-1]) >= 0 {
			end-- // the end of a sentence
		}
		if end-i-len(p.text) >= p.rest && (p.text != "eyJ" || strings.Count(text[i:end], ".") >= 2) {
			return found{i, end, token}, true
		}
	}
	if len(rest) < 7 || rest[5] != ' ' && rest[6] != ' ' && (len(rest) < 10 || rest[9] != ' ') {
		return found{}, false // no scheme: their names have 5, 6 and 9 letters
	}
	for _, s := range schemes {
		if len(rest) > len(s) && strings.EqualFold(rest[:len(s)], s) {
			begin := i + len(s)
			if end := wordEnd(text, begin, "-.~+/=:"); end-begin >= 8 && hasDigit(text[begin:end]) {
				return found{begin, end, auth}, true
			}
		}
	}
	return found{}, false
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

const (
	beginMark = "-----BEGIN "
	endMark   = "-----END "
)

func privateKey(text string, i int) (found, bool) {
	if !strings.HasPrefix(text[i:], beginMark) {
		return found{}, false
	}
	head, rest, ok := strings.Cut(text[i+len(beginMark):], "-----")
	if !ok || !strings.HasSuffix(head, "PRIVATE KEY") && !strings.HasSuffix(head, "PRIVATE KEY BLOCK") {
		return found{}, false
	}
	if _, after, ok := strings.Cut(rest, endMark); ok {
		if _, after, ok := strings.Cut(after, "-----"); ok {
			return found{i, len(text) - len(after), "private key"}, true
		}
	}
	return found{i, len(text), "private key"}, true // cut before its end
}

// cardNumber finds the number of a payment card: its first digits are those of an
// issuer, its length fits, and its last digit is right.
func cardNumber(text string, i int) (found, bool) {
	var digits [20]byte
	n, end := 0, i
	for j := i; j < len(text) && n < len(digits); j++ {
		c := text[j]
		if digit(c) {
			digits[n] = c - '0'
			n++
			end = j + 1
			continue
		}
		if c != ' ' && c != '-' || j+1 == len(text) || !digit(text[j+1]) || j-i > 24 {
			break
		}
	}
	if end < len(text) && wordByte(text[end]) || !issued(digits[:n]) {
		return found{}, false
	}
	sum := 0
	for k := range n {
		d := int(digits[n-1-k])
		if k%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	if sum%10 != 0 {
		return found{}, false
	}
	return found{i, end, card}, true
}

func issued(d []byte) bool {
	if len(d) < 13 || len(d) > 19 {
		return false
	}
	two, four := int(d[0])*10+int(d[1]), int(d[0])*1000+int(d[1])*100+int(d[2])*10+int(d[3])
	switch {
	case d[0] == 4:
		return len(d) == 13 || len(d) == 16 || len(d) == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return len(d) == 16
	case two == 34 || two == 37:
		return len(d) == 15
	case two == 36 || two == 38 || four >= 3000 && four <= 3059:
		return len(d) == 14
	case four == 6011, two == 65, four >= 6440 && four <= 6499, four >= 3528 && four <= 3589:
		return len(d) >= 16
	}
	return false
}

// bankAccount finds an IBAN, with blanks between groups of four or without.
func bankAccount(text string, i int) (found, bool) {
	if i+15 > len(text) || !upper(text[i]) || !upper(text[i+1]) || !digit(text[i+2]) || !digit(text[i+3]) {
		return found{}, false
	}
	var digits []byte
	var plain [34]byte
	n, end := 0, i
	for j := i; j < len(text) && n < len(plain); j++ {
		c := text[j]
		if upper(c) || digit(c) {
			plain[n] = c
			n++
			end = j + 1
			continue
		}
		if c != ' ' || n%4 != 0 {
			break
		}
	}
	if n < 15 || end < len(text) && wordByte(text[end]) {
		return found{}, false
	}
	rem := 0
	for _, c := range append(append(digits, plain[4:n]...), plain[:4]...) {
		if digit(c) {
			rem = (rem*10 + int(c-'0')) % 97
		} else {
			rem = (rem*100 + int(c-'A') + 10) % 97
		}
	}
	if rem != 1 {
		return found{}, false
	}
	return found{i, end, iban}, true
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }

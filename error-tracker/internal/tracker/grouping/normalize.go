package grouping

import (
	"strings"
	"unicode/utf8"
)

// Limits of what Normalize reads.
const (
	normalizeBytes = 1024
	normalizeLines = 2
	lookahead      = 256 // bytes that one token may have
)

// Normalize replaces what differs between two occurrences of the same message
// (numbers, identifiers, addresses, dates, paths) by what it is: "order 42 not
// found" becomes "order <int> not found". It reads the first two lines that
// are not empty, at most 1024 bytes, once, and takes linear time.
func Normalize(s string) string {
	s = head(s)
	n := normalizer{in: s}
	n.out.Grow(len(s) + 16)
	for n.pos < len(s) {
		n.step()
	}
	return n.out.String()
}

// head is the part of a message that tells what it is about.
func head(s string) string {
	if len(s) > 4*normalizeBytes { // blanks may come first
		s = s[:4*normalizeBytes]
	}
	var b strings.Builder
	lines := 0
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if lines++; lines > normalizeLines {
			break
		}
		if lines > 1 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	s = b.String()
	if len(s) <= normalizeBytes {
		return s
	}
	end := normalizeBytes
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// normalizer is a tokenizer that goes through a message from left to right.
type normalizer struct {
	in  string
	pos int
	out strings.Builder
}

// matchers are tried in this order where a word begins. Each tells how many
// bytes it takes, 0 for none, and what to write instead of them.
var matchers = []func(s string) (int, string){
	matchURL, matchEmail, matchUUID, matchTrace, matchDate, matchIPv6, matchIPv4, matchHex, matchDuration, matchNumber, matchID,
}

// step reads one token.
func (n *normalizer) step() {
	rest := n.in[n.pos:]
	c := rest[0]
	if n.pos > 0 && n.in[n.pos-1] == '=' {
		if size, as := matchAssigned(rest); size > 0 {
			n.take(size, as)
			return
		}
	}
	switch {
	case !n.wordStart():
		n.out.WriteByte(c)
		n.pos++
		return
	case c == '/' || c == '\\' || isLetter(c) && len(rest) > 3 && rest[1] == ':' && (rest[2] == '\\' || rest[2] == '/'):
		// A path begins behind a blank or a quote, not within a word.
		if n.pos > 0 && (isWord(n.in[n.pos-1]) || strings.IndexByte("/.>)-", n.in[n.pos-1]) >= 0) {
			break
		}
		if size := directory(rest); size > 0 {
			n.pos += size
			return
		}
	case c == ':':
		if size, as := matchIPv6(rest); size > 0 {
			n.take(size, as)
			return
		}
	case c == '-' || c == '+':
		// A sign, unless it joins two words.
		if n.pos > 0 && (isWord(n.in[n.pos-1]) || n.in[n.pos-1] == '>' || n.in[n.pos-1] == ')') {
			break
		}
		if len(rest) > 1 && isDigit(rest[1]) {
			if size, as := matchNumber(rest[1:]); size > 0 {
				n.take(size+1, as)
				return
			}
		}
	case isWord(c):
		if n.pos > 0 && n.in[n.pos-1] == '_' && span(rest, isAlnum) < 3 && isDigit(c) { // x86_64, utf_8
			n.word()
			return
		}
		for _, match := range matchers {
			if size, as := match(rest); size > 0 {
				n.take(size, as)
				return
			}
		}
		n.word()
		return
	}
	n.out.WriteByte(c)
	n.pos++
}

// wordStart tells whether a token may begin here.
func (n *normalizer) wordStart() bool {
	return n.pos == 0 || !isAlnum(n.in[n.pos-1]) || !isAlnum(n.in[n.pos])
}

func (n *normalizer) take(size int, as string) {
	n.out.WriteString(as)
	n.pos += size
}

// word copies letters and digits. Four and more digits at the end of a word
// are a number: "user10023".
func (n *normalizer) word() {
	end := n.pos
	for end < len(n.in) && isAlnum(n.in[end]) {
		end++
	}
	if end == n.pos {
		end++
	}
	w := n.in[n.pos:end]
	stem := strings.TrimRight(w, "0123456789")
	if stem != "" && len(w)-len(stem) >= 4 {
		n.take(len(w), stem+"<int>")
		return
	}
	n.take(len(w), w)
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) || c >= utf8.RuneSelf }
func isWord(c byte) bool   { return isAlnum(c) || c == '_' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// span counts the bytes that s begins with and that belong to a class.
func span(s string, class func(byte) bool) int {
	n := 0
	for n < len(s) && n < lookahead && class(s[n]) {
		n++
	}
	return n
}

// ends tells whether a token may end before s[i].
func ends(s string, i int) bool { return i >= len(s) || !isAlnum(s[i]) }

func matchURL(s string) (int, string) {
	scheme := span(s, func(c byte) bool { return isAlnum(c) || c == '+' || c == '-' || c == '.' })
	if scheme < 2 || !isLetter(s[0]) || !strings.HasPrefix(s[scheme:], "://") {
		return 0, ""
	}
	end := scheme + 3
	for end < len(s) && !strings.ContainsRune(" \t\n\"'`<>|\\^{}", rune(s[end])) {
		end++
	}
	end = len(strings.TrimRight(s[:end], ".,;:!?)]"))
	if end <= scheme+3 {
		return 0, ""
	}
	return end, "<url>"
}

func matchEmail(s string) (int, string) {
	local := span(s, func(c byte) bool { return isWord(c) || c == '.' || c == '+' || c == '-' || c == '%' })
	if local == 0 || local > 64 || local >= len(s) || s[local] != '@' {
		return 0, ""
	}
	domain := span(s[local+1:], func(c byte) bool { return isAlnum(c) || c == '.' || c == '-' })
	host := strings.TrimRight(s[local+1:local+1+domain], ".-")
	if i := strings.LastIndexByte(host, '.'); i <= 0 || !isLetter(host[i+1]) {
		return 0, ""
	}
	return local + 1 + len(host), "<email>"
}

// groups tells whether s begins with groups of hex digits of these lengths,
// with a dash between them.
func groups(s string, lengths ...int) (int, bool) {
	at := 0
	for i, n := range lengths {
		if i > 0 {
			if at >= len(s) || s[at] != '-' {
				return 0, false
			}
			at++
		}
		if len(s) < at+n || span(s[at:], isHex) != n {
			return 0, false
		}
		at += n
	}
	return at, ends(s, at)
}

func matchUUID(s string) (int, string) {
	if n, ok := groups(s, 8, 4, 4, 4, 12); ok {
		return n, "<uuid>"
	}
	return 0, ""
}

// matchTrace reads the trace contexts of W3C and of AWS.
func matchTrace(s string) (int, string) {
	if n, ok := groups(s, 2, 32, 16, 2); ok {
		return n, "<trace>"
	}
	if n, ok := groups(s, 1, 8, 24); ok {
		return n, "<trace>"
	}
	return 0, ""
}

func matchIPv4(s string) (int, string) {
	at := 0
	for i := range 4 {
		if i > 0 {
			if at >= len(s) || s[at] != '.' {
				return 0, ""
			}
			at++
		}
		n := span(s[at:], isDigit)
		if n < 1 || n > 3 || n == 3 && s[at:at+3] > "255" {
			return 0, ""
		}
		at += n
	}
	if !ends(s, at) || at+1 < len(s) && s[at] == '.' && isDigit(s[at+1]) {
		return 0, ""
	}
	return at, "<ip>"
}

// matchIPv6 needs two colons at least, and something that no time of day and
// no qualified name has. An address of six pairs is one of a network card.
func matchIPv6(s string) (int, string) {
	size := span(s, func(c byte) bool { return isHex(c) || c == ':' })
	text := s[:size]
	if size < 3 || strings.Count(text, ":") < 2 || !ends(s, size) {
		return 0, ""
	}
	if i := strings.LastIndexByte(text, ':'); i > 0 && size < len(s) && s[size] == '.' { // ::ffff:10.0.0.1
		if n, _ := matchIPv4(s[i+1:]); n > 0 {
			size = i + 1 + n
			text = s[:i+1] + "0"
		}
	}
	compressed := strings.Contains(text, "::")
	if strings.Contains(text, ":::") || strings.Count(text, "::") > 1 || !compressed && strings.HasSuffix(text, ":") {
		return 0, ""
	}
	words, pairs, digit := 0, 0, false
	for w := range strings.SplitSeq(text, ":") {
		if len(w) > 4 {
			return 0, ""
		}
		if w != "" {
			words++
			digit = digit || strings.ContainsAny(w, "0123456789")
		}
		if len(w) == 2 {
			pairs++
		}
	}
	switch {
	case pairs == 6 && words == 6 && !compressed:
		return size, "<mac>"
	case compressed && (digit || words >= 2 && size < len(s) && s[size] == '/') && words <= 7, !compressed && words == 8:
		return size, "<ip>"
	}
	return 0, ""
}

// matchHex reads hexadecimal numbers: with a prefix, or of seven digits and
// more that are mixed, or of eight and more that are all decimal.
func matchHex(s string) (int, string) {
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		if n := span(s[2:], isHex); n > 0 && ends(s, 2+n) {
			return 2 + n, "<hex>"
		}
	}
	n := span(s, isHex)
	if n < 7 || n > 128 || !ends(s, n) {
		return 0, ""
	}
	decimal := span(s[:n], isDigit) == n
	mixed := !decimal && strings.ContainsAny(s[:n], "0123456789")
	if decimal && n < 8 || !decimal && !mixed || decimal && n < len(s) && s[n] == '.' {
		return 0, ""
	}
	return n, "<hex>"
}

// durationUnits are what a number of time ends in, the longer ones first.
var durationUnits = []string{"seconds", "second", "secs", "sec", "minutes", "minute", "mins", "min", "hours", "hour", "ms", "us", "ns", "\u00b5s", "s", "m", "h", "d"}

// matchDuration reads "250ms", "1.5s" and "1h2m3.5s".
func matchDuration(s string) (int, string) {
	at := 0
	for at < len(s) && isDigit(s[at]) {
		i := at + span(s[at:], isDigit)
		if i+1 < len(s) && s[i] == '.' && isDigit(s[i+1]) {
			i += 1 + span(s[i+1:], isDigit)
		}
		unit := ""
		for _, u := range durationUnits {
			if strings.HasPrefix(s[i:], u) && (ends(s, i+len(u)) || isDigit(s[i+len(u)])) {
				unit = u
				break
			}
		}
		if unit == "" {
			return 0, ""
		}
		at = i + len(unit)
	}
	if at == 0 || !ends(s, at) {
		return 0, ""
	}
	return at, "<duration>"
}

// matchNumber reads versions, floats and whole numbers, and leaves a unit that
// follows: "10MB" gives "<int>MB".
func matchNumber(s string) (int, string) {
	n := span(s, isDigit)
	if n == 0 {
		if s[0]|0x20 == 'v' && len(s) > 1 && isDigit(s[1]) { // v1.2.3
			if size, as := matchNumber(s[1:]); as == "<version>" {
				return size + 1, as
			}
		}
		return 0, ""
	}
	dots := 0
	for n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
		n += 1 + span(s[n+1:], isDigit)
		dots++
	}
	if dots == 0 {
		for n+3 < len(s) && s[n] == ',' && span(s[n+1:], isDigit) == 3 { // 4,150,908
			n += 4
		}
	}
	if dots <= 1 && n+1 < len(s) && s[n]|0x20 == 'e' { // 1e9, 1.5e-3
		i := n + 1
		if (s[i] == '-' || s[i] == '+') && i+1 < len(s) {
			i++
		}
		if k := span(s[i:], isDigit); k > 0 && ends(s, i+k) {
			n, dots = i+k, 1
		}
	}
	if suffix := span(s[n:], isAlnum); suffix > 3 || suffix > 0 && strings.ContainsAny(s[n:n+suffix], "0123456789") {
		return 0, "" // part of a longer word
	}
	switch dots {
	case 0:
		return n, "<int>"
	case 1:
		return n, "<float>"
	}
	return n, "<version>"
}

// matchID reads words that no one would write: random letters and digits.
func matchID(s string) (int, string) {
	n, changes, digitCount := 0, 0, 0
	var lower, upper bool
	for n < len(s) && n < lookahead && (isDigit(s[n]) || isLetter(s[n])) {
		c := s[n]
		if n > 0 && isDigit(c) != isDigit(s[n-1]) {
			changes++
		}
		switch {
		case isDigit(c):
			digitCount++
		case c >= 'a':
			lower = true
		default:
			upper = true
		}
		n++
	}
	random := n >= 10 && digitCount >= 3 && changes >= 3 || n >= 20 && digitCount >= 1 && (lower && upper || changes >= 2)
	if !random {
		return 0, ""
	}
	// Base 64 goes on after its other characters.
	for n < len(s) && n < lookahead && (s[n] == '+' || s[n] == '/' || s[n] == '=' || isAlnum(s[n])) && n >= 24 {
		n++
	}
	return n, "<id>"
}

// matchAssigned reads a value that follows "=": a quoted string or a truth value.
func matchAssigned(s string) (int, string) {
	switch s[0] {
	case '"', '\'':
		if i := strings.IndexByte(s[1:], s[0]); i >= 0 {
			return i + 2, "<str>"
		}
	case 't', 'T', 'f', 'F':
		for _, word := range []string{"true", "false"} {
			if len(s) >= len(word) && strings.EqualFold(s[:len(word)], word) && ends(s, len(word)) {
				return len(word), "<bool>"
			}
		}
	}
	return 0, ""
}

// roots are directories that absolute paths of files begin with, as opposed to
// the paths of web addresses.
var roots = map[string]bool{
	"usr": true, "var": true, "home": true, "tmp": true, "opt": true, "srv": true, "mnt": true, "etc": true, "root": true, "proc": true, "dev": true,
	"private": true, "Users": true, "Applications": true, "Library": true, "Volumes": true,
}

// directory counts the bytes of an absolute path before its last name. It is 0
// for the path of a web address, in which every part tells something.
func directory(s string) int {
	start := 0
	windows := false
	if isLetter(s[0]) {
		start, windows = 2, true
	} else if s[0] == '\\' {
		windows = true
		if len(s) < 2 || s[1] != '\\' {
			return 0
		}
	}
	last, end, first := -1, start, ""
	for end < len(s) && end < lookahead && !strings.ContainsRune(" \t\n\"'`<>|:*?,;()[]{}=", rune(s[end])) {
		if s[end] == '/' || s[end] == '\\' && windows {
			if last >= 0 && first == "" {
				first = s[last+1 : end]
			}
			last = end
		}
		end++
	}
	if last < 0 || first == "" || last+1 >= end {
		return 0
	}
	name := s[last+1 : end]
	dot := strings.LastIndexByte(name, '.')
	if !windows && !roots[first] && (dot <= 0 || dot == len(name)-1) {
		return 0
	}
	return last + 1
}

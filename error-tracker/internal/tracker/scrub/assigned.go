package scrub

import "strings"

// assigned finds the value that belongs to the "=" or ":" at i, if the name
// before it gives a reason: in a query string, a form, JSON, a dump of an object
// or a line of a log. Of a URL it finds the password.
func (s *Scrubber) assigned(text string, i int, code bool) (found, bool) {
	if strings.HasPrefix(text[i:], "://") {
		return userInfo(text, i+3)
	}
	begin := i + 1
	if text[i] == '=' {
		if begin < len(text) && text[begin] == '=' || i > 0 && strings.IndexByte("=!<>~", text[i-1]) >= 0 {
			return found{}, false // a comparison
		}
		if begin < len(text) && text[begin] == '>' {
			begin++
		}
	}
	name, before, quoted := nameBefore(text, i)
	if name == "" {
		return found{}, false
	}
	reason := s.reason(name)
	if reason == "" {
		return found{}, false
	}
	blank := begin
	for begin < len(text) && (text[begin] == ' ' || text[begin] == '\t') {
		begin++
	}
	blank = begin - blank
	if from, to, ok := literal(text, begin); ok {
		if nothing(text[from:to]) || strings.ContainsAny(text[from:to], "{%$") && to-from < 6 {
			return found{}, false
		}
		return found{from, to, reason}, true
	}
	query := before >= 0 && strings.IndexByte("?&;", text[before]) >= 0
	if code && !query {
		return found{}, false
	}
	end := valueEnd(text, begin, reason)
	value := text[begin:end]
	if nothing(value) || strings.IndexByte("{[(<%", value[0]) >= 0 || value[0] == '$' && len(value) > 1 && !digit(value[1]) {
		return found{}, false
	}
	// In a sentence the word behind a colon is a value only if it looks like one,
	// or nothing follows it.
	if text[i] == ':' && blank > 0 && !quoted && !looksMade(value) && strings.TrimSpace(text[end:]) != "" && text[end] != '\n' && text[end] != '\r' {
		return found{}, false
	}
	return found{begin, end, reason}, true
}

// nameBefore is the name that ends before i, without quotes and brackets; before
// is the place of the byte in front of it, -1 if there is none.
func nameBefore(text string, i int) (name string, before int, quoted bool) {
	j := i
	for j > 0 && i-j < 3 && text[j-1] == ' ' {
		j--
	}
	for j > 0 && strings.IndexByte("\"'`\\]", text[j-1]) >= 0 && i-j < 8 {
		j--
		quoted = true
	}
	end := j
	for j > 0 && end-j < 64 && (wordByte(text[j-1]) || text[j-1] == '-' || text[j-1] == '.') {
		j--
	}
	return strings.Trim(text[j:end], "-."), j - 1, quoted
}

// literal is the text between quotes at i, which may be escaped, as JSON in a
// string is, or have the marks of Python before them.
func literal(text string, i int) (from, to int, ok bool) {
	for i < len(text) && strings.IndexByte("bBuUrRfF", text[i]) >= 0 && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\'') {
		i++
	}
	slashes := 0
	for i < len(text) && text[i] == '\\' {
		slashes++
		i++
	}
	if i >= len(text) || strings.IndexByte("\"'`", text[i]) < 0 {
		return 0, 0, false
	}
	quote := text[i]
	from = i + 1
	for j := from; j < len(text); j++ {
		switch {
		case text[j] == '\\':
			n := 0
			for j < len(text) && text[j] == '\\' {
				n++
				j++
			}
			if n == slashes && slashes > 0 && j < len(text) && text[j] == quote {
				return from, j - n, true
			}
		case text[j] == quote && slashes == 0:
			return from, j, true
		}
	}
	return from, len(text), true // cut before its end
}

// valueEnd is where a value without quotes ends.
func valueEnd(text string, i int, reason string) int {
	if reason == cookie {
		return lineEnd(text, i)
	}
	end := i
	for end < len(text) && strings.IndexByte(" \t\r\n,;&)]}\"'<>#|", text[end]) < 0 {
		end++
	}
	if reason == auth && end < len(text) && text[end] == ' ' {
		switch strings.ToLower(text[i:end]) {
		case "digest", "sentry", "aws4-hmac-sha256":
			return lineEnd(text, i)
		case "bearer", "basic", "token", "apikey", "negotiate":
			return valueEnd(text, end+1, "")
		}
	}
	return end
}

func lineEnd(text string, i int) int {
	if n := strings.IndexAny(text[i:], "\r\n\"'"); n >= 0 {
		return i + n
	}
	return len(text)
}

// looksMade tells a value that nobody would write in a sentence.
func looksMade(value string) bool {
	return hasDigit(value) || strings.ContainsAny(value, "!@#$%^&*_+=/~") || strings.ToLower(value[1:]) != value[1:]
}

// userInfo finds the password in the address whose host part begins at i.
func userInfo(text string, i int) (found, bool) {
	end := i
	for end < len(text) && strings.IndexByte("/?# \t\r\n\"'<>\\,", text[end]) < 0 {
		end++
	}
	host := strings.LastIndexByte(text[i:end], '@')
	if host < 0 {
		return found{}, false
	}
	colon := strings.IndexByte(text[i:i+host], ':')
	if colon < 0 || nothing(text[i+colon+1:i+host]) {
		return found{}, false
	}
	return found{i + colon + 1, i + host, password}, true
}

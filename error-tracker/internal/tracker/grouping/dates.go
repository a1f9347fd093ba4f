package grouping

import "strings"

// matchDate reads dates and times of day in the forms that programs print:
// ISO 8601 and RFC 3339, RFC 822, 850 and 1123, JavaScript's and C's.
func matchDate(s string) (int, string) {
	var n int
	if isDigit(s[0]) {
		n = numericDate(s)
		if n == 0 {
			n = clock(s)
		}
	} else {
		n = namedDate(s)
	}
	if n == 0 || !ends(s, n) {
		return 0, ""
	}
	return n, "<date>"
}

// field reads a number of lo to hi digits that is at most limit.
func field(s string, lo, hi, limit int) int {
	n := span(s, isDigit)
	if n < lo || n > hi || atoi(s[:n]) > limit {
		return 0
	}
	return n
}

func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// numericDate reads 2006-01-02, 2006/01/02, 02/01/2006, 02.01.2006 and
// 20060102, each with a time of day behind it or not.
func numericDate(s string) int {
	digits := span(s, isDigit)
	var n int
	switch digits {
	case 4:
		if len(s) < 8 || s[4] != '-' && s[4] != '/' {
			return 0
		}
		month := field(s[5:], 1, 2, 12)
		if month == 0 || len(s) <= 5+month || s[5+month] != s[4] {
			return 0
		}
		day := field(s[6+month:], 1, 2, 31)
		if day == 0 {
			return 0
		}
		n = 6 + month + day
	case 1, 2:
		if len(s) < 8 || s[digits] != '/' && s[digits] != '.' {
			return 0
		}
		month := span(s[digits+1:], isDigit)
		if month < 1 || month > 2 || atoi(s[digits+1:digits+1+month]) > 31 || atoi(s[:digits]) > 31 {
			return 0
		}
		at := digits + 1 + month
		if at >= len(s) || s[at] != s[digits] || span(s[at+1:], isDigit) != 4 {
			return 0
		}
		n = at + 5
	case 8:
		if s[0] != '1' && s[0] != '2' || atoi(s[4:6]) > 12 || atoi(s[6:8]) > 31 || atoi(s[4:6]) == 0 || atoi(s[6:8]) == 0 {
			return 0
		}
		n = 8
	default:
		return 0
	}
	if n+1 < len(s) && (s[n] == 'T' || s[n] == 't' || s[n] == ' ' || s[n] == '_') {
		if t := clock(s[n+1:]); t > 0 {
			return n + 1 + t
		}
		if digits == 8 && span(s[n+1:], isDigit) == 6 {
			n += 7
			return n + zone(s[n:])
		}
	}
	return n
}

// clock reads 15:04, 15:04:05.999 and 3:04 PM, and the zone behind it.
func clock(s string) int {
	n := field(s, 1, 2, 24)
	if n == 0 || len(s) <= n || s[n] != ':' || field(s[n+1:], 2, 2, 59) == 0 {
		return 0
	}
	n += 3
	if n < len(s) && s[n] == ':' {
		if span(s[n+1:], isDigit) == 0 {
			return n // "at 10:30: failed"
		}
		if field(s[n+1:], 2, 2, 60) == 0 {
			return 0
		}
		n += 3
		if n+1 < len(s) && (s[n] == '.' || s[n] == ',') && isDigit(s[n+1]) {
			n += 1 + span(s[n+1:], isDigit)
		}
	}
	at := n
	if at < len(s) && s[at] == ' ' {
		at++
	}
	if at+1 < len(s) && (s[at]|0x20 == 'a' || s[at]|0x20 == 'p') && s[at+1]|0x20 == 'm' && ends(s, at+2) {
		n = at + 2
	}
	return n + zone(s[n:])
}

// zone reads Z, +01:00, -0700, " +0000", " UTC" and " GMT+0100 (CET)".
func zone(s string) int {
	n := 0
	if n < len(s) && s[n]|0x20 == 'z' {
		n++
		if n < len(s) && isDigit(s[n]) { // the layout "Z07:00" itself
			return n + offset("+"+s[n:]) - 1
		}
		return n
	}
	if k := offset(s); k > 0 {
		return k
	}
	if s == "" || s[0] != ' ' {
		return 0
	}
	n = 1
	if k := offset(s[n:]); k > 0 {
		n += k
	} else {
		k := span(s[n:], func(c byte) bool { return 'A' <= c && c <= 'Z' })
		switch name := s[n : n+k]; name {
		case "UTC", "GMT", "CET", "CEST", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "BST", "IST", "JST", "MSK", "EET", "EEST", "AEST":
		default:
			return 0
		}
		n += k
		n += offset(s[n:])
	}
	if strings.HasPrefix(s[n:], " (") {
		if end := strings.IndexByte(s[n:min(len(s), n+48)], ')'); end > 0 && !strings.ContainsAny(s[n+2:n+end], "0123456789(\"'=") {
			n += end + 1
		}
	}
	return n
}

// offset reads +0100 and -07:00.
func offset(s string) int {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0
	}
	switch k := span(s[1:], isDigit); {
	case k == 4:
		return 5
	case k == 2 && len(s) > 4 && s[3] == ':' && span(s[4:], isDigit) == 2:
		return 6
	}
	return 0
}

var (
	weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	months   = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
)

// name reads one of the names, whole or its first three letters.
func name(s string, names []string) int {
	n := span(s, isLetter)
	if n < 3 {
		return 0
	}
	for _, w := range names {
		if strings.EqualFold(s[:n], w) || n == 3 && strings.EqualFold(s[:3], w[:3]) {
			return n
		}
	}
	return 0
}

// namedDate reads "Mon, 02 Jan 2006 15:04:05 MST", "Monday, 02-Jan-06
// 15:04:05 MST", "Mon Jan 02 2006 15:04:05 GMT-0700 (MST)", "Mon Jan _2
// 15:04:05 2006", "Jan 18, 2019" and Python's "datetime.datetime(2025, 6, …)".
func namedDate(s string) int {
	for _, constructor := range []string{"datetime.datetime(", "datetime.date("} {
		if strings.HasPrefix(s, constructor) {
			if end := strings.IndexByte(s[:min(len(s), 120)], ')'); end > 0 {
				return end + 1
			}
		}
	}
	n := 0
	if k := name(s, weekdays); k > 0 {
		n = k
		if n < len(s) && s[n] == ',' {
			n++
		}
		n += blanks(s[n:])
		if n >= len(s) {
			return 0
		}
	}
	weekday := n > 0
	switch {
	case isDigit(s[n]): // 02 Jan 2006, 02-Jan-06
		if !weekday {
			return 0
		}
		n += span(s[n:], isDigit)
		n += separator(s[n:])
		k := name(s[n:], months)
		if k == 0 {
			return 0
		}
		n += k
		n += separator(s[n:])
		k = span(s[n:], isDigit)
		if k != 2 && k != 4 {
			return 0
		}
		n += k
	default: // Jan 02 2006, Jan 18, 2019, Jan _2 15:04:05 2006
		k := name(s[n:], months)
		if k == 0 {
			return 0
		}
		n += k
		gap := blanks(s[n:])
		if gap == 0 {
			return 0
		}
		n += gap
		k = field(s[n:], 1, 2, 31)
		if k == 0 {
			return 0
		}
		n += k
		at := n
		if at < len(s) && s[at] == ',' {
			at++
		}
		at += blanks(s[at:])
		if k := clock(s[at:]); k > 0 { // the year may come last
			at += k
			if y := at + blanks(s[at:]); span(s[y:], isDigit) == 4 {
				at = y + 4
			}
			return at
		}
		if span(s[at:], isDigit) == 4 {
			n = at + 4
		} else if !weekday {
			return 0 // "may 3 users" is no date
		}
	}
	if n < len(s) && s[n] == ' ' {
		if k := clock(s[n+1:]); k > 0 {
			n += 1 + k
		}
	}
	return n
}

func blanks(s string) int { return span(s, func(c byte) bool { return c == ' ' }) }

func separator(s string) int { return span(s, func(c byte) bool { return c == ' ' || c == '-' }) }

package scrub

import (
	"encoding/base64"
	"strings"
)

// plain tells values that may well stand elsewhere for another reason: words,
// numbers, dates, addresses.
func plain(value string) bool {
	letters, digits, others := 0, 0, 0
	for i := range len(value) {
		switch c := value[i]; {
		case digit(c):
			digits++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		default:
			others++
		}
	}
	switch {
	case digits == 0 && others == 0:
		return len(value) < 16 || !mixed(value) // "production", "application"
	case letters == 0:
		return digits < 12 && strings.Trim(value, "0123456789.:-/ ") == "" // a date, an address, a version
	case strings.Contains(value, "://"):
		return true
	}
	return false
}

// mixed tells letters that change their case within.
func mixed(s string) bool {
	return strings.ToLower(s[1:]) != s[1:] && strings.ToUpper(s) != s
}

func decodeBase64(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		b, err = base64.RawURLEncoding.DecodeString(s)
	}
	if err != nil {
		return ""
	}
	return string(b)
}

package alerting

import (
	"fmt"
	"net/mail"
	"strings"
)

// maxAddress is the longest address in bytes (RFC 5321 §4.5.3.1.3 allows a
// path of 256, two of them angle brackets).
const maxAddress = 254

// Address is a mail address that is safe in a header and on an SMTP envelope:
// ASCII, and without spaces, control characters or quoting.
type Address struct {
	Name string // display name, may be empty
	Addr string // local@domain
}

// ParseAddress reads "errors@example.com" or "Monlight <errors@example.com>".
func ParseAddress(s string) (Address, error) {
	a, err := mail.ParseAddress(strings.TrimSpace(s))
	if err != nil {
		return Address{}, fmt.Errorf("%q is not a mail address", s)
	}
	at := strings.LastIndexByte(a.Address, '@')
	switch {
	case len(a.Address) > maxAddress:
		return Address{}, fmt.Errorf("mail address is %d bytes long, the limit is %d", len(a.Address), maxAddress)
	case at < 1 || !dotted(a.Address[:at], "!#$%&'*+-/=?^_`{|}~") || !dotted(a.Address[at+1:], "-"):
		return Address{}, fmt.Errorf("%q is not a mail address that every server takes: want ASCII only, no quotes, and domains of other scripts in their xn-- form", s)
	case oneLine(a.Name, 200) != a.Name:
		return Address{}, fmt.Errorf("the name in %q has control characters or is longer than 200 bytes", s)
	}
	return Address{Name: a.Name, Addr: a.Address}, nil
}

// ParseRecipients reads a list of addresses. Empty entries are skipped and
// repeated ones kept once; every bad one is named in the error.
func ParseRecipients(list []string) ([]Address, error) {
	var (
		out  []Address
		bad  []string
		seen = map[string]bool{}
	)
	for _, s := range list {
		if strings.TrimSpace(s) == "" {
			continue
		}
		a, err := ParseAddress(s)
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		if key := strings.ToLower(a.Addr); !seen[key] {
			seen[key] = true
			out = append(out, a)
		}
	}
	if bad != nil {
		return nil, fmt.Errorf("%s", strings.Join(bad, "; "))
	}
	if len(out) > MaxRecipients {
		return nil, fmt.Errorf("%d addresses, the limit is %d; use a mailing list", len(out), MaxRecipients)
	}
	return out, nil
}

// Header is the address as it stands in a From or To header: a name that is
// not ASCII is encoded (RFC 2047).
func (a Address) Header() string {
	return (&mail.Address{Name: a.Name, Address: a.Addr}).String()
}

// Domain is the part behind the @.
func (a Address) Domain() string {
	return a.Addr[strings.LastIndexByte(a.Addr, '@')+1:]
}

// dotted tells whether s is one or more parts, with dots between them, of ASCII
// letters, digits and the characters in more: a dot-atom of RFC 5322 §3.2.3.
func dotted(s, more string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for _, c := range []byte(part) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			case strings.IndexByte(more, c) >= 0:
			default:
				return false
			}
		}
	}
	return true
}

package alerting

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

// Header is a field of a mail's header, safe as it stands: ASCII on one line.
type Header struct{ Name, Value string }

// Headers are the fields of m that a mail program sorts, threads and silences
// alerts by. All mails about one issue refer to the same Message-ID, which no
// mail has: that makes them one thread, whichever of them arrived.
func (s Settings) Headers(m tracker.Mail) []Header {
	h := []Header{
		{"Auto-Submitted", "auto-generated"},    // RFC 3834: no vacation answers
		{"X-Auto-Response-Suppress", "All"},     // the same for Exchange
		{"List-Id", "<" + s.listID() + ">"},     // RFC 2919
		{"X-Monlight-Alert", flatASCII(m.Kind)}, // created, regressed, digest or test
	}
	if m.IssueID != 0 {
		id := strconv.FormatInt(m.IssueID, 10)
		thread := "<issue-" + id + "." + s.instance() + "@" + s.From.Domain() + ">"
		h = append(h, Header{"X-Monlight-Issue", id}, Header{"In-Reply-To", thread}, Header{"References", thread})
	}
	return h
}

// listID names this installation after the host of its base URL:
// "error-tracker.monlight.example.com".
func (s Settings) listID() string {
	u, err := url.Parse(s.BaseURL)
	if err != nil {
		return "error-tracker"
	}
	host := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '-':
			return r
		}
		return '-' // an IPv6 address, or a name that is not ASCII
	}, strings.ToLower(u.Hostname()))
	return "error-tracker." + strings.Trim(host, ".-")
}

// flatASCII leaves what may stand in a header without being encoded.
func flatASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, s)
}

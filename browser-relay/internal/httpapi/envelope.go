package httpapi

import (
	"bytes"
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
)

// Limits of envelopes, as the error tracker has them.
const (
	maxEnvelopeLine  = 64 << 10 // of the header of an envelope or an item
	maxEnvelopeItems = 1000
	maxDSNKey        = 64
	maxProjectDigits = 18
	maxSDKName       = 80
)

// usefulItems are the types of items that the error tracker keeps.
var usefulItems = map[string]bool{"event": true, "attachment": true, "session": true, "sessions": true, "client_report": true}

// decodeEnvelope reads what has to be known of an envelope, and checks that it is one.
// dsn is the text in its first line.
func decodeEnvelope(body []byte) (e relay.Envelope, dsn string, err error) {
	line, rest, _ := bytes.Cut(body, []byte("\n"))
	if len(bytes.TrimSpace(line)) == 0 {
		return e, "", errs.New(errs.Invalid, "the envelope has no header")
	}
	err = decodeLine(line, "the header of the envelope", func(p *jsonpull.Parser, name string) {
		switch name {
		case "dsn":
			dsn, _ = p.String()
		case "event_id":
			e.EventID, _ = p.String()
		case "sdk":
			for member := range p.Object() {
				switch member {
				case "name":
					e.SDK.Name, _ = p.String()
				case "version":
					e.SDK.Version, _ = p.String()
				}
			}
		}
	})
	if err != nil {
		return e, "", err
	}
	if !isName(e.SDK.String()) {
		e.SDK = relay.SDK{}
	}
	e.EventID = relay.Cut(e.EventID, relay.MaxName)
	e.Body = body
	return e, dsn, countItems(&e, rest)
}

// countItems reads the headers of the items.
func countItems(e *relay.Envelope, rest []byte) error {
	items := 0
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		if len(line) == 0 {
			continue // empty lines in between do no harm
		}
		if items++; items > maxEnvelopeItems {
			return errs.New(errs.Invalid, "the envelope has more than %d items", maxEnvelopeItems)
		}
		var wrong error
		kind, length := "", -1
		err := decodeLine(line, "the header of an item", func(p *jsonpull.Parser, name string) {
			switch name {
			case "type":
				kind, _ = p.String()
			case "length":
				length, wrong = itemLength(p)
			}
		})
		if err = cmp.Or(err, wrong); err != nil {
			return err
		}
		switch {
		case length < 0:
			_, rest, _ = bytes.Cut(rest, []byte("\n"))
		case length > len(rest):
			return errs.New(errs.Invalid, "length of an item is %d, but the envelope has only %d bytes more", length, len(rest))
		case length < len(rest) && rest[length] != '\n':
			return errs.New(errs.Invalid, "an item does not end after its length of %d bytes", length)
		default:
			rest = rest[min(length+1, len(rest)):]
		}
		if kind == "event" {
			e.Events++
		}
		e.Useful = e.Useful || usefulItems[kind]
	}
	return nil
}

// itemLength reads a length; -1 is none.
func itemLength(p *jsonpull.Parser) (int, error) {
	if p.Null() {
		return -1, nil
	}
	text, ok := p.Number()
	n, err := strconv.Atoi(text)
	if !ok || err != nil || n < 0 {
		return 0, errs.New(errs.Invalid, "length of an item is %.40q, want a whole number", text)
	}
	return n, nil
}

// decodeLine reads a line that must be an object.
func decodeLine(line []byte, what string, member func(p *jsonpull.Parser, name string)) error {
	if len(line) > maxEnvelopeLine {
		return errs.New(errs.Invalid, "%s has %d bytes, the limit is %d", what, len(line), maxEnvelopeLine)
	}
	if err := decodeObject(line, member); err != nil {
		return errs.Wrap(errs.Invalid, err, "%s is not a JSON object", what)
	}
	return nil
}

// isName tells whether s may stand in a header that has commas and spaces of its own.
func isName(s string) bool {
	return len(s) <= maxSDKName && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == ',' || c == '=' })
}

// TrackerHosts are the hosts, as in URLs, that a DSN may name.
type TrackerHosts []string

// NewTrackerHosts are the hosts of URLs; nil ones are left out.
func NewTrackerHosts(urls ...*url.URL) (hosts TrackerHosts) {
	for _, u := range urls {
		if u != nil {
			hosts = append(hosts, hostOf(u))
		}
	}
	return hosts
}

// hostOf is the host of a URL with its port, in one spelling.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port
}

// read finds project and key in a DSN of one of the hosts:
// https://key@host/prefix/project. ok is false for the DSN of another host.
func (hosts TrackerHosts) read(dsn string, e *relay.Envelope) (ok bool, err error) {
	if dsn == "" {
		return false, errs.New(errs.Invalid, "the header of the envelope has no dsn: is the tunnel set in the SDK's options?")
	}
	u, err := url.Parse(dsn)
	if err != nil || u.User == nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false, errs.New(errs.Invalid, "the dsn of the envelope is no DSN, want https://key@host/project")
	}
	e.Key = u.User.Username()
	e.Project = u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	switch {
	case e.Key == "" || len(e.Key) > maxDSNKey || strings.ContainsFunc(e.Key, func(c rune) bool {
		return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_'
	}):
		return false, errs.New(errs.Invalid, "the key of the dsn must be 1 to %d letters, digits and hyphens", maxDSNKey)
	case e.Project == "" || len(e.Project) > maxProjectDigits || strings.Trim(e.Project, "0123456789") != "":
		return false, errs.New(errs.Invalid, "the project of the dsn is %.40q, want a number", e.Project)
	}
	host := hostOf(u)
	for _, h := range hosts {
		if h == host {
			return true, nil
		}
	}
	return false, errs.New(errs.Forbidden, "the dsn is of %.100s, which is not the error tracker of this relay", host)
}

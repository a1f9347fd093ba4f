package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
)

// maxCommand is the size of the body of anything but a report, in bytes.
const maxCommand = 64 << 10

// command is the body of the requests that change issues. Other than a report
// it is read strictly: who changes many issues at once should mean what they say.
type command struct {
	Action      string
	IDs         []int64 // sorted, each once
	Until       string
	For         string
	Events      int64
	Users       int64
	Environment string
	In          string
	Release     string
	Assignee    string
	Fingerprint string

	muted tracker.Mute // what a mute has become, by the time of the request
}

// readDecision reads a command from the query string, or the body when nothing
// of it is there. With objectsOnly a body that does not begin as a JSON object is
// passed over: some requests had none of their own in the first protocol.
func readDecision(w http.ResponseWriter, r *http.Request, objectsOnly bool) (c command, err error) {
	v, err := parameters(r)
	if err != nil {
		return c, err
	}
	found := false
	for name, text := range map[string]*string{
		"until": &c.Until, "for": &c.For, "environment": &c.Environment, "in": &c.In, "release": &c.Release, "assignee": &c.Assignee,
	} {
		if v.Has(name) {
			*text, found = v.Get(name), true
		}
	}
	for name, n := range map[string]*int64{"events": &c.Events, "users": &c.Users} {
		if !v.Has(name) {
			continue
		}
		found = true
		if *n, err = count(name, v.Get(name)); err != nil {
			return c, err
		}
	}
	if found {
		return c, nil
	}
	body, err := readBody(w, r, maxCommand)
	if err != nil || objectsOnly && !strings.HasPrefix(strings.TrimSpace(body), "{") {
		return c, err
	}
	return parseCommand(body)
}

// count reads a number of events or users.
func count(name, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, errs.New(errs.Invalid, "%s = %.60q, want a whole number from 1", name, text)
	}
	return n, nil
}

// onlyFor refuses members that do not belong to the action.
func (c *command) onlyFor() error {
	for _, m := range []struct {
		name    string
		set     bool
		actions []string
	}{
		{"until", c.Until != "", []string{"mute"}},
		{"for", c.For != "", []string{"mute"}},
		{"events", c.Events != 0, []string{"mute"}},
		{"users", c.Users != 0, []string{"mute"}},
		{"environment", c.Environment != "", []string{"mute", "unmute"}},
		{"in", c.In != "", []string{"resolve"}},
		{"release", c.Release != "", []string{"resolve"}},
		{"assignee", c.Assignee != "", []string{"assign"}},
	} {
		if m.set && !slices.Contains(m.actions, c.Action) {
			return errs.New(errs.Invalid, "%s goes with the action %s, not with %s", m.name, strings.Join(m.actions, " or "), c.Action)
		}
	}
	return nil
}

// readCommand reads the body; one without any is an empty command.
func readCommand(w http.ResponseWriter, r *http.Request) (c command, err error) {
	body, err := readBody(w, r, maxCommand)
	if err != nil {
		return c, err
	}
	return parseCommand(body)
}

func parseCommand(body string) (c command, err error) {
	err = parseMembers(body, c.member)
	slices.Sort(c.IDs)
	c.IDs = slices.Compact(c.IDs)
	return c, err
}

// readMembers reads a small JSON object from the body, as decodeMembers does. A
// request without a body has no members.
func readMembers(w http.ResponseWriter, r *http.Request, member func(p *jsonpull.Parser, name string) error) error {
	body, err := readBody(w, r, maxCommand)
	if err != nil {
		return err
	}
	return parseMembers(body, member)
}

// parseMembers is decodeMembers for a text that may be empty.
func parseMembers(body string, member func(p *jsonpull.Parser, name string) error) error {
	if strings.TrimSpace(body) == "" {
		return nil
	}
	return decodeMembers(body, member)
}

// decodeMembers calls member for each member of a JSON object, to read its value.
// The first error of member is returned, after the whole text was found to be JSON.
func decodeMembers(body string, member func(p *jsonpull.Parser, name string) error) error {
	p := jsonpull.New(body, maxDepth)
	if p.Kind() != jsonpull.Object {
		p.Skip()
		if err := jsonError(p); err != nil {
			return err
		}
		return errs.New(errs.Invalid, "Request body must be a JSON object")
	}
	var bad error // the first member that is not as it should be
	for name := range p.Object() {
		if err := member(p, name); bad == nil {
			bad = err
		}
	}
	if err := jsonError(p); err != nil {
		return err
	}
	return bad
}

func (c *command) member(p *jsonpull.Parser, name string) error {
	var ok bool
	switch name {
	case "action":
		c.Action, ok = p.String()
	case "until":
		c.Until, ok = stringOrNull(p)
	case "for":
		c.For, ok = stringOrNull(p)
	case "environment":
		c.Environment, ok = stringOrNull(p)
	case "in":
		c.In, ok = stringOrNull(p)
	case "release":
		c.Release, ok = stringOrNull(p)
	case "assignee":
		c.Assignee, ok = stringOrNull(p)
	case "fingerprint":
		c.Fingerprint, ok = p.String()
	case "events":
		return readCount(p, name, &c.Events)
	case "users":
		return readCount(p, name, &c.Users)
	case "ids":
		return c.readIDs(p)
	default:
		return errs.New(errs.Invalid, "unknown field: %s", shortName(name))
	}
	if !ok {
		return errs.New(errs.Invalid, "%s must be a string", name)
	}
	return nil
}

// readCount reads a number of events or users; null is none.
func readCount(p *jsonpull.Parser, name string, n *int64) (err error) {
	if p.Null() {
		return nil
	}
	text, ok := p.Number()
	if !ok {
		return errs.New(errs.Invalid, "%s must be a whole number", name)
	}
	*n, err = count(name, text)
	return err
}

func stringOrNull(p *jsonpull.Parser) (string, bool) {
	if p.Null() {
		return "", true
	}
	return p.String()
}

func (c *command) readIDs(p *jsonpull.Parser) error {
	if p.Kind() != jsonpull.Array {
		return errs.New(errs.Invalid, "ids must be an array of whole numbers")
	}
	c.IDs = nil
	bad, count := false, 0
	for range p.Array() {
		text, ok := p.Number()
		id, err := strconv.ParseInt(text, 10, 64)
		bad = bad || !ok || err != nil || id <= 0
		if count++; count <= maxIDs {
			c.IDs = append(c.IDs, id)
		}
	}
	if bad {
		return errs.New(errs.Invalid, "ids must be an array of whole numbers")
	}
	if count > maxIDs {
		return errs.New(errs.Invalid, "ids has %d entries, the limit is %d", count, maxIDs)
	}
	return nil
}

func (c *command) needIDs() error {
	if len(c.IDs) == 0 {
		return errs.New(errs.Invalid, "Missing required field: ids")
	}
	return nil
}

// fix says which events are to bring an issue back. A release alone is in=this.
func (c *command) fix() tracker.Fix {
	f := tracker.Fix{In: tracker.FixIn(c.In), Release: c.Release}
	if c.Release != "" && c.In == "" {
		f.In = tracker.FixThis
	}
	return f
}

// mute is what is asked for.
func (c *command) mute(now time.Time) (tracker.Mute, error) {
	until, err := c.muteUntil(now)
	return tracker.Mute{Until: until, Events: c.Events, Users: c.Users, Environment: c.Environment}, err
}

// muteUntil is the end of a mute, zero for none.
func (c *command) muteUntil(now time.Time) (time.Time, error) {
	switch {
	case c.Until != "" && c.For != "":
		return time.Time{}, errs.New(errs.Invalid, "until and for are both set, want one of them")
	case c.For != "":
		d, ok := parseAge(c.For)
		if !ok || d == 0 {
			return time.Time{}, errs.New(errs.Invalid, "for = %q, want a duration such as 30m, 24h or 7d", eventjson.Cut(c.For, 60))
		}
		return now.Add(d), nil
	case c.Until != "":
		t, ok := parseTime(c.Until)
		if !ok {
			return time.Time{}, errs.New(errs.Invalid, "until = %q, want a time such as 2026-01-31T08:00:00Z", eventjson.Cut(c.Until, 60))
		}
		if !t.After(now) {
			return time.Time{}, errs.New(errs.Invalid, "until = %q is in the past", eventjson.Cut(c.Until, 60))
		}
		return t, nil
	}
	return time.Time{}, nil
}

// nullable is a string that is null in JSON when it is nil, also where an
// absent one is left out.
type nullable struct{ s *string }

// MarshalJSON gives the string or null.
func (n nullable) MarshalJSON() ([]byte, error) { return json.Marshal(n.s) }

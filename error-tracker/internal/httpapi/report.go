package httpapi

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
)

// decodeReport reads the body of POST /api/errors. Only four members are
// required; anything else that is absent, of another type than documented or
// unknown is left out. Of a member that is given twice the last one counts.
// The strings of the result share the memory of body.
func decodeReport(body string) (*tracker.Report, error) {
	p := parsers.Get().(*jsonpull.Parser) //nolint:forcetypeassert // nothing else is put there
	defer parsers.Put(p)
	p.Reset(body, maxDepth)
	defer p.Reset("", 0) // before Put: do not hold on to the body
	if p.Kind() != jsonpull.Object {
		p.Skip()
		if err := jsonError(p); err != nil {
			return nil, err
		}
		return nil, errs.New(errs.Invalid, "Request body must be a JSON object")
	}
	d := reportDecoder{p: p}
	for name := range p.Object() {
		d.member(name)
	}
	if err := jsonError(p); err != nil {
		return nil, err
	}
	if err := d.missing(); err != nil {
		return nil, err
	}
	return &d.report, nil
}

var parsers = sync.Pool{New: func() any { return new(jsonpull.Parser) }}

// jsonError is nil if the whole text was JSON.
func jsonError(p *jsonpull.Parser) error {
	err := p.End()
	if err == nil {
		return nil
	}
	if deep, ok := errors.AsType[*jsonpull.DepthError](err); ok {
		return errs.New(errs.Invalid, "JSON is nested deeper than %d levels", deep.Max)
	}
	return errs.Wrap(errs.Invalid, err, "Invalid JSON")
}

// reportDecoder turns the members of a report into a tracker.Report.
type reportDecoder struct {
	p      *jsonpull.Parser
	report tracker.Report
	frames int // kept so far, of all exceptions

	hasProject, hasType, hasMessage, hasTraceback bool
}

// missing names the first required member that was not there as a string.
func (d *reportDecoder) missing() error {
	for _, required := range []struct {
		name string
		has  bool
	}{
		{"project", d.hasProject}, {"exception_type", d.hasType}, {"message", d.hasMessage}, {"traceback", d.hasTraceback},
	} {
		if !required.has {
			return errs.New(errs.Invalid, "Missing required field: %s", required.name)
		}
	}
	return nil
}

func (d *reportDecoder) member(name string) {
	p, e := d.p, &d.report.Facts
	switch name {
	case "project":
		e.Project, d.hasProject = p.String()
		e.Project = strings.Clone(e.Project) // may be remembered for long, unlike the body
	case "exception_type":
		d.report.ExceptionType, d.hasType = p.String()
	case "message":
		d.report.Message, d.hasMessage = p.String()
	case "traceback":
		e.Traceback, d.hasTraceback = p.String()

	case "event_id":
		s, _ := p.String()
		e.ID, _ = event.ParseID(s)
	case "replace":
		d.report.Replace, _ = p.Bool()
	case "timestamp":
		e.OccurredAt = d.time()
	case "platform":
		e.Platform = d.label()
	case "level":
		e.Level = d.label()
	case "logger":
		e.Logger = d.label()
	case "transaction":
		e.Transaction = d.text(maxName)
	case "server_name":
		e.ServerName = d.label()
	case "environment":
		e.Environment = d.label()
	case "release":
		e.Release = d.label()
	case "dist":
		e.Dist = d.label()

	case "request_url":
		e.Request.URL = d.text(maxURL)
	case "request_method":
		e.Request.Method = d.text(maxMethod)
	case "request_headers":
		e.Request.Headers = d.any()
	case "user_id":
		d.report.UserID = d.text(maxName)
	case "user":
		e.User = d.user()
	case "extra":
		e.Extra = d.any()
	case "tags":
		e.Tags = d.pairs(maxTags)
	case "modules":
		e.Modules = d.pairs(maxModules)
	case "contexts":
		e.Contexts = d.contexts()
	case "breadcrumbs":
		e.Breadcrumbs = d.breadcrumbs()
	case "fingerprint":
		e.Fingerprint = d.fingerprint()
	case "sdk":
		e.SDK = d.sdk()
	case "exceptions":
		e.Exceptions = d.exceptions()
	case "frames":
		d.report.Frames = d.stack()
	}
}

// text reads a string of at most limit bytes; longer ones are cut.
func (d *reportDecoder) text(limit int) string {
	s, _ := d.p.String()
	return cut(s, limit)
}

// label reads a short string that may be remembered for longer than the report.
func (d *reportDecoder) label() string { return strings.Clone(d.text(maxLabel)) }

// scalar reads a string, a number or a boolean as text.
func (d *reportDecoder) scalar(limit int) (string, bool) {
	if s, ok := d.p.String(); ok {
		return cut(s, limit), true
	}
	if n, ok := d.p.Number(); ok {
		return cut(n, limit), true
	}
	if b, ok := d.p.Bool(); ok {
		return fmt.Sprint(b), true
	}
	return "", false
}

// any reads a value of any kind but null.
func (d *reportDecoder) any() []byte {
	if d.p.Null() {
		return nil
	}
	return d.p.Raw()
}

// value is any for a value that should be small. A larger one is replaced by
// a string that begins like it.
func (d *reportDecoder) value() []byte {
	raw := d.any()
	if len(raw) <= maxValue {
		return raw
	}
	return quote(cut(string(raw), maxValue))
}

// cut shortens s to at most limit bytes and says how long it was. It does not
// cut a character in two.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	mark := fmt.Sprintf("… [cut, %d bytes]", len(s))
	end := max(0, limit-len(mark))
	for end > 0 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end] + mark
}

package httpapi

import (
	"errors"
	"strings"
	"sync"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
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
	d := reportDecoder{Decoder: eventjson.Decoder{P: p}}
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
	eventjson.Decoder

	report tracker.Report

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
	p, e := d.P, &d.report.Facts
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
		e.OccurredAt = d.Time()
	case "platform":
		e.Platform = d.Label()
	case "level":
		e.Level = d.Label()
	case "logger":
		e.Logger = d.Label()
	case "transaction":
		e.Transaction = d.Text(eventjson.MaxName)
	case "server_name":
		e.ServerName = d.Label()
	case "environment":
		e.Environment = d.Label()
	case "release":
		e.Release = d.Label()
	case "dist":
		e.Dist = d.Label()

	case "request_url":
		e.Request.URL = d.Text(eventjson.MaxURL)
	case "request_method":
		e.Request.Method = d.Text(eventjson.MaxMethod)
	case "request_headers":
		e.Request.Headers = d.Any()
	case "user_id":
		d.report.UserID = d.Text(eventjson.MaxName)
	case "user":
		e.User = d.User()
	case "extra":
		e.Extra = d.Any()
	case "tags":
		e.Tags = d.Pairs(eventjson.MaxTags)
	case "modules":
		e.Modules = d.Pairs(eventjson.MaxModules)
	case "contexts":
		e.Contexts = d.Contexts()
	case "breadcrumbs":
		e.Breadcrumbs = d.Breadcrumbs()
	case "fingerprint":
		e.Fingerprint = d.Fingerprint()
	case "sdk":
		e.SDK = d.SDK()
	case "exceptions":
		e.Exceptions = d.Exceptions()
	case "frames":
		d.report.Frames = d.Frames()
	}
}

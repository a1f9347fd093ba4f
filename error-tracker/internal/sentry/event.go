package sentry

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

// payload is an event as SDKs write it.
type payload struct {
	event.Event

	kind    string // "transaction" for what is no error
	autoIP  bool   // the address of the sender is that of the user
	culprit string
	stack   []event.Frame // of older SDKs, beside the exceptions
	message event.Message // of older SDKs, beside logentry
}

var parsers = sync.Pool{New: func() any { return new(jsonpull.Parser) }}

// decodeEvent reads an event. Each member is read by itself: whatever its shape,
// the others count. Only a text that is no JSON object at all is an error, of
// kind Invalid. The strings of the result share the memory of text.
func decodeEvent(text string) (*payload, error) {
	e, err := parseEvent(text)
	if err != nil {
		if mended, ok := mend(text); ok {
			if again, errAgain := parseEvent(mended); errAgain == nil {
				return again, nil
			}
		}
	}
	return e, err
}

func parseEvent(text string) (*payload, error) {
	p := parsers.Get().(*jsonpull.Parser) //nolint:forcetypeassert // nothing else is put there
	defer parsers.Put(p)
	p.Reset(text, maxDepth)
	defer p.Reset("", 0) // before Put: do not hold on to the text
	if p.Kind() != jsonpull.Object {
		return nil, errs.New(errs.Invalid, "the event is no JSON object")
	}
	e := new(payload)
	d := &eventjson.Decoder{P: p, Lenient: true}
	for name := range p.Object() {
		e.member(d, name)
	}
	if err := p.End(); err != nil {
		if deep, ok := errors.AsType[*jsonpull.DepthError](err); ok {
			return nil, errs.New(errs.Invalid, "the event nests deeper than %d levels", deep.Max)
		}
		return nil, errs.Wrap(errs.Invalid, err, "the event is not valid JSON")
	}
	e.finish()
	return e, nil
}

// member reads one member. The longer names are those of SDKs before 2018.
func (e *payload) member(d *eventjson.Decoder, name string) {
	switch name {
	case "event_id":
		s, _ := d.P.String()
		e.ID, _ = event.ParseID(s)
	case "type":
		e.kind = d.Text(eventjson.MaxLabel)
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
	case "culprit":
		e.culprit = d.Text(eventjson.MaxName)
	case "server_name":
		e.ServerName = d.Label()
	case "environment":
		e.Environment = d.Label()
	case "release":
		e.Release = d.Label()
	case "dist":
		e.Dist = d.Label()
	case "message":
		e.message = message(d)
	case "logentry", "sentry.interfaces.Message":
		if m := message(d); m.Text() != "" {
			e.Message = m
		}
	case "exception", "sentry.interfaces.Exception":
		if x := d.Exceptions(); len(x) > 0 {
			e.Exceptions = x
		}
	case "threads", "sentry.interfaces.Threads":
		e.Threads = append(e.Threads, d.Threads()...)
	case "stacktrace", "sentry.interfaces.Stacktrace":
		e.stack = d.Stacktrace()
	case "breadcrumbs", "sentry.interfaces.Breadcrumbs":
		if b := d.Breadcrumbs(); len(b) > 0 {
			e.Breadcrumbs = b
		}
	case "user", "sentry.interfaces.User":
		e.User = d.User()
	case "request", "sentry.interfaces.Http":
		e.Request = request(d)
	case "tags":
		e.Tags = d.Pairs(eventjson.MaxTags)
	case "contexts":
		e.Contexts = append(e.Contexts, d.Contexts()...)
	case "csp", "sentry.interfaces.Csp":
		if d.P.Kind() == jsonpull.Object {
			e.Contexts = append(e.Contexts, event.Context{Name: "csp", Data: d.Value()})
		}
	case "extra":
		e.Extra = d.Any()
	case "modules":
		e.Modules = d.Pairs(eventjson.MaxModules)
	case "fingerprint":
		e.Fingerprint = d.Fingerprint()
	case "sdk":
		d.P.Ahead(func(ahead *jsonpull.Parser) { e.autoIP = infersIP(ahead) })
		e.SDK = d.SDK()
	case "debug_meta":
		e.DebugImages = debugImages(d)
	case "_meta":
		e.Marks = marks(d.P)
	}
}

// infersIP tells whether the SDK asks for the address of the sender.
func infersIP(p *jsonpull.Parser) (yes bool) {
	for name := range p.Object() {
		if name != "settings" {
			continue
		}
		for setting := range p.Object() {
			if setting == "infer_ip" {
				s, _ := p.String()
				yes = s == "auto"
			}
		}
	}
	return yes
}

func debugImages(d *eventjson.Decoder) (images []event.DebugImage) {
	for name := range d.P.Object() {
		if name != "images" {
			continue
		}
		d.List(func() {
			var i event.DebugImage
			for name := range d.P.Object() {
				switch name {
				case "type":
					i.Type = d.Text(eventjson.MaxLabel)
				case "code_file":
					i.CodeFile = d.Text(eventjson.MaxPath)
				case "debug_id":
					i.DebugID = d.Text(eventjson.MaxLabel)
				}
			}
			// Only source maps are ours to apply.
			if i.Type == "sourcemap" && i.DebugID != "" && len(images) < eventjson.MaxFramesPerReport {
				images = append(images, i)
			}
		})
	}
	return images
}

// finish settles what more than one member has a say in.
func (e *payload) finish() {
	if e.Message.Text() == "" {
		e.Message = e.message
	}
	if e.Transaction == "" {
		e.Transaction = e.culprit
	}
	e.Level = tracker.Level(e.Level)
	if e.User.IP == "{{auto}}" {
		e.User.IP, e.autoIP = "", true
	}
	for i := range e.Exceptions {
		nameFiles(e.Exceptions[i].Frames)
	}
	for i := range e.Threads {
		nameFiles(e.Threads[i].Frames)
	}
	nameFiles(e.stack)
	e.placeStack()
}

// nameFiles gives frames that have no more than an address or a symbol the
// function and file they can be called by.
func nameFiles(frames []event.Frame) {
	for i := range frames {
		f := &frames[i]
		if f.Function == "" {
			f.Function = f.RawFunction
		}
		if f.Filename == "" && f.AbsPath == "" && f.Module == "" && f.Package != "" {
			f.Filename = f.Package[strings.LastIndexAny(f.Package, `/\`)+1:]
		}
	}
}

// placeStack gives an exception that came without a stack that of the thread that
// crashed, or the one that older SDKs send beside it. A stack that belongs to no
// exception becomes a thread.
func (e *payload) placeStack() {
	bare := len(e.Exceptions) > 0
	for i := range e.Exceptions {
		bare = bare && len(e.Exceptions[i].Frames) == 0
	}
	if bare && len(e.stack) == 0 {
		for i := range e.Threads {
			if t := &e.Threads[i]; t.Crashed && len(t.Frames) > 0 {
				e.stack, t.Frames = t.Frames, nil
				break
			}
		}
	}
	switch {
	case len(e.stack) == 0:
	case bare:
		e.Exceptions[len(e.Exceptions)-1].Frames = e.stack
	default:
		e.Threads = append(e.Threads, event.Thread{Current: true, Frames: e.stack})
	}
}

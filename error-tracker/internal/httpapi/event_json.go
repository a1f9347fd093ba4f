package httpapi

import (
	"bytes"
	"encoding/json"

	"github.com/monlight/monlight/error-tracker/internal/eventjson"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// eventJSON is an occurrence in full. Its members have the names that a report
// has, so that one can be sent again as it came out.
type eventJSON struct {
	occurrenceJSON
	ErrorID       int64           `json:"error_id"`
	OlderID       *int64          `json:"older_id"`
	NewerID       *int64          `json:"newer_id"`
	Project       string          `json:"project"`
	ExceptionType string          `json:"exception_type"`
	Platform      string          `json:"platform"`
	Logger        string          `json:"logger"`
	Dist          string          `json:"dist"`
	Exceptions    []exceptionJSON `json:"exceptions"`
	Threads       []threadJSON    `json:"threads,omitempty"`
	Breadcrumbs   []crumbJSON     `json:"breadcrumbs"`
	User          json.RawMessage `json:"user"`
	Tags          [][2]string     `json:"tags"`
	Contexts      json.RawMessage `json:"contexts"`
	Modules       [][2]string     `json:"modules"`
	SDK           *sdkJSON        `json:"sdk"`
	Grouping      []string        `json:"client_fingerprint,omitempty"`
	Request       *requestJSON    `json:"request,omitempty"`
	Message       *messageJSON    `json:"logentry,omitempty"`
	Attachments   []fileJSON      `json:"attachments,omitempty"`
	Marks         []markJSON      `json:"marks,omitempty"`
	Images        []imageJSON     `json:"debug_images,omitempty"`
}

type messageJSON struct {
	Template  string          `json:"message,omitempty"`
	Formatted string          `json:"formatted,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
}

type fileJSON struct {
	Name        string `json:"filename"`
	ContentType string `json:"content_type"`
	Size        int    `json:"size"`
}

// imageJSON ties a file of the stack to the ID of its source map.
type imageJSON struct {
	CodeFile string `json:"code_file"`
	DebugID  string `json:"debug_id"`
}

type markJSON struct {
	Path string `json:"path"`
	Note string `json:"note"`
}

type exceptionJSON struct {
	Type      string         `json:"type"`
	Value     string         `json:"value"`
	Module    string         `json:"module,omitempty"`
	Mechanism *mechanismJSON `json:"mechanism,omitempty"`
	Frames    []frameJSON    `json:"frames"`
}

type mechanismJSON struct {
	Type        string          `json:"type,omitempty"`
	Handled     *bool           `json:"handled,omitempty"`
	Synthetic   bool            `json:"synthetic,omitempty"`
	Source      string          `json:"source,omitempty"`
	ExceptionID *int            `json:"exception_id,omitempty"`
	ParentID    *int            `json:"parent_id,omitempty"`
	IsGroup     bool            `json:"is_exception_group,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
}

type frameJSON struct {
	Filename    string          `json:"filename,omitempty"`
	AbsPath     string          `json:"abs_path,omitempty"`
	Function    string          `json:"function,omitempty"`
	RawFunction string          `json:"raw_function,omitempty"`
	Module      string          `json:"module,omitempty"`
	Package     string          `json:"package,omitempty"`
	Platform    string          `json:"platform,omitempty"`
	Line        int             `json:"lineno,omitempty"`
	Column      int             `json:"colno,omitempty"`
	InApp       *bool           `json:"in_app,omitempty"`
	ContextLine string          `json:"context_line,omitempty"`
	PreContext  []string        `json:"pre_context,omitempty"`
	PostContext []string        `json:"post_context,omitempty"`
	Vars        json.RawMessage `json:"vars,omitempty"`
	SourceMap   string          `json:"source_map,omitempty"`
	Address     string          `json:"instruction_addr,omitempty"`
	DebugID     string          `json:"debug_id,omitempty"`
}

type threadJSON struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	Crashed bool        `json:"crashed"`
	Current bool        `json:"current"`
	Frames  []frameJSON `json:"frames"`
}

type crumbJSON struct {
	Timestamp *string         `json:"timestamp"`
	Type      string          `json:"type,omitempty"`
	Category  string          `json:"category,omitempty"`
	Level     string          `json:"level,omitempty"`
	Message   string          `json:"message,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
}

type sdkJSON struct {
	Name         string        `json:"name"`
	Version      string        `json:"version"`
	Integrations []string      `json:"integrations,omitempty"`
	Packages     []packageJSON `json:"packages,omitempty"`
}

type packageJSON struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// requestJSON is what protocols other than our own tell of a request, beside
// request_url, request_method and request_headers.
type requestJSON struct {
	Query   string          `json:"query_string,omitempty"`
	Cookies json.RawMessage `json:"cookies,omitempty"`
	Body    json.RawMessage `json:"data,omitempty"`
	Env     json.RawMessage `json:"env,omitempty"`
}

func newEventJSON(o *tracker.Occurrence, older, newer int64) *eventJSON {
	e := &o.Event
	j := &eventJSON{
		occurrenceJSON: newOccurrenceJSON(o),
		ErrorID:        o.IssueID, OlderID: orNullID(older), NewerID: orNullID(newer),
		Project: e.Project, Platform: e.Platform, Logger: e.Logger, Dist: e.Dist,
		Exceptions: make([]exceptionJSON, len(e.Exceptions)), Breadcrumbs: make([]crumbJSON, len(e.Breadcrumbs)),
		User: userJSON(&e.User), Tags: pairsJSON(e.Tags), Contexts: contextsJSON(e.Contexts), Modules: pairsJSON(e.Modules),
		Grouping: e.Fingerprint,
	}
	if q := e.Request; q.Query != "" || q.Cookies != nil || q.Body != nil || q.Env != nil {
		j.Request = &requestJSON{q.Query, q.Cookies, q.Body, q.Env}
	}
	if m := e.Message; m.Text() != "" || m.Params != nil {
		j.Message = &messageJSON{m.Template, m.Formatted, m.Params}
	}
	for _, f := range e.Attachments {
		j.Attachments = append(j.Attachments, fileJSON{f.Name, f.ContentType, f.Size})
	}
	for _, m := range e.Marks {
		j.Marks = append(j.Marks, markJSON(m))
	}
	for _, i := range e.DebugImages {
		j.Images = append(j.Images, imageJSON{i.CodeFile, i.DebugID})
	}
	for i := range e.Exceptions {
		j.Exceptions[i] = newExceptionJSON(&e.Exceptions[i])
		j.ExceptionType = e.Exceptions[i].Type // the last one's stays
	}
	for i := range e.Threads {
		t := &e.Threads[i]
		j.Threads = append(j.Threads, threadJSON{t.ID, t.Name, t.Crashed, t.Current, newFrameList(t.Frames)})
	}
	for i, b := range e.Breadcrumbs {
		j.Breadcrumbs[i] = crumbJSON{nil, b.Type, b.Category, b.Level, b.Message, b.Data}
		if !b.At.IsZero() {
			at := b.At.UTC().Format("2006-01-02T15:04:05.000Z") // breadcrumbs come many to a second
			j.Breadcrumbs[i].Timestamp = &at
		}
	}
	if e.SDK.Name != "" || e.SDK.Version != "" {
		j.SDK = &sdkJSON{Name: e.SDK.Name, Version: e.SDK.Version, Integrations: e.SDK.Integrations}
		for _, p := range e.SDK.Packages {
			j.SDK.Packages = append(j.SDK.Packages, packageJSON{p.Name, p.Value})
		}
	}
	return j
}

func orNullID(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func newExceptionJSON(x *event.Exception) exceptionJSON {
	j := exceptionJSON{Type: x.Type, Value: x.Value, Module: x.Module, Frames: newFrameList(x.Frames)}
	if m := x.Mechanism; m != (event.Mechanism{}) {
		j.Mechanism = &mechanismJSON{m.Type, m.Handled, m.Synthetic, m.Source, m.ExceptionID, m.ParentID, m.IsGroup, json.RawMessage(m.Data)}
	}
	return j
}

func newFrameList(frames []event.Frame) []frameJSON {
	list := make([]frameJSON, len(frames))
	for i := range frames {
		f := &frames[i]
		list[i] = frameJSON{
			Filename: f.Filename, AbsPath: f.AbsPath, Function: f.Function, RawFunction: f.RawFunction,
			Module: f.Module, Package: f.Package, Platform: f.Platform, Line: f.Line, Column: f.Column, InApp: f.InApp,
			ContextLine: f.ContextLine, PreContext: f.PreContext, PostContext: f.PostContext, SourceMap: f.SourceMap,
			Address: f.Address, DebugID: f.DebugID,
		}
		var vars bytes.Buffer
		for _, v := range f.Vars {
			eventjson.WriteMember(&vars, v.Name, eventjson.OrNull(v.Value))
		}
		list[i].Vars = eventjson.CloseObject(&vars)
	}
	return list
}

func pairsJSON(tags []event.Tag) [][2]string {
	pairs := make([][2]string, len(tags))
	for i, t := range tags {
		pairs[i] = [2]string{t.Name, t.Value}
	}
	return pairs
}

func contextsJSON(contexts []event.Context) json.RawMessage {
	var b bytes.Buffer
	for _, c := range contexts {
		eventjson.WriteMember(&b, c.Name, eventjson.OrNull(c.Data))
	}
	return eventjson.CloseObject(&b)
}

// userJSON is the object that a report told the user in.
func userJSON(u *event.User) json.RawMessage {
	var b bytes.Buffer
	for _, m := range []struct{ name, value string }{
		{"id", u.ID}, {"email", u.Email}, {"username", u.Username}, {"ip_address", u.IP},
	} {
		if m.value != "" {
			eventjson.WriteMember(&b, m.name, eventjson.Quote(m.value))
		}
	}
	if other := bytes.TrimSpace(u.Data); len(other) > 2 && other[0] == '{' {
		if b.Len() == 0 {
			return other
		}
		b.WriteByte(',')
		b.Write(other[1:])
		return b.Bytes()
	}
	return eventjson.CloseObject(&b)
}

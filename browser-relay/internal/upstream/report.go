package upstream

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

// maxReport is the longest report that is sent, in bytes, a little below what
// the error tracker takes.
const maxReport = 256_000

// Encoder implements relay.Encoder.
type Encoder struct{}

// report is a report as the error tracker reads it: docs/api/error-tracker.md.
type report struct {
	EventID       string            `json:"event_id"`
	Replace       bool              `json:"replace,omitempty"`
	Project       string            `json:"project"`
	ExceptionType string            `json:"exception_type"`
	Message       string            `json:"message"`
	Traceback     string            `json:"traceback"`
	Timestamp     string            `json:"timestamp,omitempty"`
	Platform      string            `json:"platform"`
	Environment   string            `json:"environment,omitempty"`
	Release       string            `json:"release,omitempty"`
	Transaction   string            `json:"transaction,omitempty"`
	RequestURL    *string           `json:"request_url,omitempty"`
	RequestMethod string            `json:"request_method"`
	UserID        string            `json:"user_id,omitempty"`
	Extra         map[string]any    `json:"extra,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
	Contexts      map[string]any    `json:"contexts,omitempty"`
	SDK           *sdk              `json:"sdk,omitempty"`
	Breadcrumbs   []crumb           `json:"breadcrumbs,omitempty"`
	Exceptions    []exception       `json:"exceptions,omitempty"`
}

type sdk struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
}

type crumb struct {
	Timestamp string          `json:"timestamp,omitempty"`
	Category  string          `json:"category,omitempty"`
	Message   string          `json:"message,omitempty"`
	Level     string          `json:"level,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
}

type exception struct {
	Type      string     `json:"type"`
	Value     string     `json:"value"`
	Mechanism *mechanism `json:"mechanism,omitempty"`
	Frames    []frame    `json:"frames,omitempty"`
}

type mechanism struct {
	Type    string `json:"type"`
	Handled *bool  `json:"handled,omitempty"`
	Source  string `json:"source,omitempty"`
}

type frame struct {
	Function    string   `json:"function,omitempty"`
	Filename    string   `json:"filename,omitempty"`
	AbsPath     string   `json:"abs_path,omitempty"`
	Line        int      `json:"lineno,omitempty"`
	Col         int      `json:"colno,omitempty"`
	ContextLine string   `json:"context_line,omitempty"`
	Pre         []string `json:"pre_context,omitempty"`
	Post        []string `json:"post_context,omitempty"`
	InApp       bool     `json:"in_app"`
}

// Report implements relay.Encoder.
func (Encoder) Report(project string, e *relay.Event) ([]byte, error) {
	r := report{
		EventID: e.ID, Replace: e.Replace, Project: project, ExceptionType: e.Type, Message: e.Message, Traceback: traceback(e),
		Timestamp: stamp(e.At), Platform: "javascript", Environment: environment(e), Release: e.Release,
		Transaction: e.Page, RequestMethod: "BROWSER", UserID: userID(e), Extra: extra(e), Tags: tags(e),
		Exceptions: exceptions(e),
	}
	if e.URL != "" {
		r.RequestURL = &e.URL
	}
	if e.SDK != (relay.SDK{}) {
		r.SDK = &sdk{e.SDK.Name, e.SDK.Version}
	}
	for _, b := range e.Breadcrumbs {
		r.Breadcrumbs = append(r.Breadcrumbs, crumb{stamp(b.At), b.Category, b.Message, b.Level, b.Data})
	}
	return r.fit()
}

// fit encodes r; as long as it is too long, it leaves out what is least missed.
func (r *report) fit() ([]byte, error) {
	steps := []func(){
		func() {},
		func() { // source lines around those of the frames
			for i := range r.Exceptions {
				for j := range r.Exceptions[i].Frames {
					r.Exceptions[i].Frames[j].Pre, r.Exceptions[i].Frames[j].Post = nil, nil
				}
			}
		},
		func() { delete(r.Extra, "raw_stack") },
		func() {
			for i := range r.Breadcrumbs {
				r.Breadcrumbs[i].Data = nil
			}
		},
		func() {
			if r.Extra["context"] != nil {
				r.Extra["context"] = map[string]string{"cut": "the context was too large"}
			}
		},
		func() { r.Breadcrumbs, r.Exceptions, r.Contexts = nil, nil, nil },
		func() { r.Message, r.Traceback = relay.Cut(r.Message, 8<<10), relay.Cut(r.Traceback, 64<<10) },
		func() { r.Extra, r.Traceback = nil, relay.Cut(r.Traceback, 16<<10) },
	}
	var body []byte
	for _, leaveOut := range steps {
		leaveOut()
		var err error
		if body, err = marshal(r); err != nil || len(body) <= maxReport {
			return body, err
		}
	}
	return body, nil
}

// marshal is json.Marshal without the escapes that only a page would need: they
// make six bytes of one.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// traceback is the stack as text.
func traceback(e *relay.Event) string {
	if s := e.Symbolicated; s != nil && len(s.Stacks) > 0 {
		return s.Stacks[0]
	}
	return e.Stack
}

// exceptions is the chain of errors, the oldest cause first.
func exceptions(e *relay.Event) []exception {
	m := &mechanism{Type: e.Mechanism, Handled: e.Handled}
	if m.Type == "" {
		m.Type = "generic"
	}
	if e.Symbolicated == nil {
		return nil // without frames the error tracker would not look at the text
	}
	chain := []exception{{Type: e.Type, Value: e.Message, Mechanism: m, Frames: frames(e, 0)}}
	for i, c := range e.Causes {
		x := exception{Type: c.Type, Value: c.Message, Mechanism: &mechanism{Type: "chained", Source: "cause"}, Frames: frames(e, i+1)}
		chain = append([]exception{x}, chain...)
	}
	return chain
}

func frames(e *relay.Event, stack int) []frame {
	if e.Symbolicated == nil || stack >= len(e.Symbolicated.Frames) {
		return nil
	}
	var list []frame
	for _, f := range e.Symbolicated.Frames[stack] {
		list = append(list, frame{
			Function: f.Function, Filename: f.Filename, AbsPath: f.AbsPath, Line: f.Line, Col: f.Col,
			ContextLine: f.ContextLine, Pre: f.Pre, Post: f.Post, InApp: f.InApp,
		})
	}
	return list
}

// fromContext reads a text of the page's context.
func fromContext(e *relay.Event, name string) string {
	var c map[string]json.RawMessage
	if json.Unmarshal(e.Context, &c) != nil {
		return ""
	}
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// environment is where the page says it runs, there or as the first SDK did.
func environment(e *relay.Event) string {
	if e.Environment != "" {
		return e.Environment
	}
	return relay.Cut(fromContext(e, "environment"), relay.MaxName)
}

func userID(e *relay.Event) string {
	if e.UserID != "" {
		return e.UserID
	}
	return relay.Cut(fromContext(e, "user_id"), relay.MaxUserID)
}

// extra is what else the page told, under the names that the first relay used.
func extra(e *relay.Event) map[string]any {
	x := map[string]any{}
	for name, value := range map[string]string{
		"user_agent": e.UserAgent, "session_id": e.SessionID, "release": e.Release, "timestamp": e.Timestamp, "page_view": e.PageView,
	} {
		if value != "" {
			x[name] = value
		}
	}
	if e.Context != nil {
		x["context"] = e.Context
	}
	if e.Repeats > 0 {
		x["suppressed_repeats"] = e.Repeats
	}
	if s := e.Symbolicated; s != nil {
		if s.Notes != nil {
			x["source_maps"] = s.Notes
		}
		if s.Resolved {
			x["raw_stack"] = e.Stack
		}
	}
	if len(x) == 0 {
		return nil
	}
	return x
}

func tags(e *relay.Event) map[string]string {
	t := map[string]string{}
	if e.Page != "" {
		t["page"] = relay.Cut(e.Page, relay.MaxName)
	}
	if e.Mechanism != "" {
		t["mechanism"] = e.Mechanism
	}
	if len(t) == 0 {
		return nil
	}
	return t
}

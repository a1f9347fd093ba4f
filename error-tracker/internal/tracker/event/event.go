// Package event is the model of one error report, the same for every protocol
// that reports come in by. It holds facts as they were reported, in structure:
// nothing here depends on how they arrived or how they are stored.
package event

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Event is one error report. Every field but Project and ReceivedAt may be
// empty: an absent fact is the zero value.
type Event struct {
	ID          ID
	Project     string
	ReceivedAt  time.Time // stamped by this service
	OccurredAt  time.Time // the sender's clock; zero when it was not told
	Platform    string    // "python", "javascript", "node", "go", "java", "ruby", "php", "csharp", …
	Level       string    // "fatal", "error", "warning", "info" or "debug"
	Logger      string
	Transaction string // what the program was doing: a route, a job name
	ServerName  string
	Environment string
	Release     string
	Dist        string

	Message    Message
	Exceptions []Exception // oldest cause first; the last one is what was raised last
	Threads    []Thread
	Traceback  string // the sender's own text, kept verbatim beside what was parsed from it

	Breadcrumbs []Breadcrumb // oldest first
	User        User
	Tags        []Tag
	Contexts    []Context
	Request     Request
	Extra       json.RawMessage // compact JSON of any shape, or nil
	Modules     []Tag           // package name and version
	SDK         SDK
	DebugImages []DebugImage
	Attachments []Attachment
	Marks       []Mark // what is not as the program had it

	// Fingerprint is the sender's own grouping, one entry for each part.
	// "{{ default }}" stands for the built-in rule.
	Fingerprint []string
}

// Summary is what a person would call the message of e: that of the last
// exception, else what was logged.
func (e *Event) Summary() string {
	if n := len(e.Exceptions); n > 0 {
		return e.Exceptions[n-1].Value
	}
	return e.Message.Text()
}

// Message is what a program logged, as opposed to what it raised.
type Message struct {
	Template  string // "payment %s failed"
	Formatted string // "payment 42 failed"
	Params    json.RawMessage
}

// Text is the message as a person reads it.
func (m Message) Text() string {
	if m.Formatted != "" {
		return m.Formatted
	}
	return m.Template
}

// Exception is one link of a chain of errors.
type Exception struct {
	Type      string
	Value     string
	Module    string // package or namespace of Type
	Mechanism Mechanism
	Frames    []Frame // outermost caller first; the last one is where it was raised
}

// Mechanism says how an exception was caught and how it hangs in its chain.
type Mechanism struct {
	Type        string // "generic", "onerror", "chained", …
	Handled     *bool  // nil when the sender did not say
	Synthetic   bool   // the type and stack were made up by the SDK to carry a message
	IsGroup     bool   // holds several exceptions (Python ExceptionGroup, JS AggregateError)
	ExceptionID *int
	ParentID    *int
	Source      string // "__cause__", "__context__", "errors[0]", …
	Data        string // what else was told of it: a compact JSON object, or ""
}

// Frame is one call in a stack. Lines and columns count from 1; 0 is unknown.
type Frame struct {
	Function    string
	RawFunction string
	Module      string
	Filename    string // as the program knows it, relative where it can be
	AbsPath     string
	Line        int
	Column      int
	InApp       *bool // nil: the sender did not say
	ContextLine string
	PreContext  []string
	PostContext []string
	Vars        []Var
	Package     string
	Platform    string // when it differs from the event's
	DebugID     string
	Address     string
	SourceMap   string // how the frame was un-minified, or why it was not
}

// Var is a local variable, its value as the sender printed it.
type Var struct {
	Name  string
	Value json.RawMessage
}

// Thread is one thread of the program at the time of the report.
type Thread struct {
	ID      string
	Name    string
	Crashed bool
	Current bool
	Frames  []Frame
}

// Breadcrumb is something that happened before the error.
type Breadcrumb struct {
	At       time.Time
	Type     string
	Category string
	Level    string
	Message  string
	Data     json.RawMessage
}

// User is who met the error. Its identity is the first of ID, Email, Username
// and IP that is not empty.
type User struct {
	ID       string
	Email    string
	Username string
	IP       string
	Data     json.RawMessage // everything else that was told about them
}

// Identity is a string that is equal for reports about the same person, or ""
// when nothing tells who it was.
func (u User) Identity() string {
	switch {
	case u.ID != "":
		return "id:" + u.ID
	case u.Email != "":
		return "email:" + u.Email
	case u.Username != "":
		return "username:" + u.Username
	case u.IP != "":
		return "ip:" + u.IP
	}
	return ""
}

// Tag is a name and a value, in the sender's order.
type Tag struct {
	Name  string
	Value string
}

// Context is a named block of facts: "runtime", "os", "browser", "trace", ….
type Context struct {
	Name string
	Data json.RawMessage // a JSON object
}

// Request is the HTTP request during which the error happened.
type Request struct {
	Method  string // "GET", …; "BROWSER" marks a report from a web page
	URL     string
	Query   string
	Headers json.RawMessage // compact JSON as it came: an object, usually
	Cookies json.RawMessage
	Body    json.RawMessage
	Env     json.RawMessage
}

// SDK names the library that made the report.
type SDK struct {
	Name         string
	Version      string
	Integrations []string
	Packages     []Tag // name and version
}

// Attachment is a file that came with an event.
type Attachment struct {
	Name        string
	ContentType string // as it was told, or found by looking at the file
	Kind        string // "event.attachment", "event.view_hierarchy", …; may be empty
	Size        int    // bytes
	Data        []byte // nil where only the facts are wanted, or kept
}

// Mark says that a value is not as the program had it: it was shortened or
// removed, by the sender or by us.
type Mark struct {
	Path string // "request.headers.Authorization", "exception.0.frames.3.vars.token"
	Note string // "removed: password", "cut, 4,096 characters", …
}

// DebugImage ties a file of the stack to an uploaded source map.
type DebugImage struct {
	Type     string
	CodeFile string
	DebugID  string
}

// ID names an event for ever; the same ID sent again counts once.
type ID [16]byte

// NewID returns a random ID.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	return id
}

// IsZero tells whether no ID was given.
func (id ID) IsZero() bool { return id == ID{} }

// String is the ID as 32 lower-case hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads 32 hex digits, or a UUID with dashes, in either case of letters.
func ParseID(s string) (ID, bool) {
	var id ID
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(s) != 32 {
		return id, false
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, false
	}
	return id, true
}

package relay

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// Limits of an event. Text beyond is cut and says so; of lists the newest or
// outermost are kept.
const (
	MaxType        = 200 // bytes
	MaxMessage     = 16 << 10
	MaxStack       = 48 << 10
	MaxName        = 200 // release, environment, mechanism, page view, session
	MaxURL         = 8192
	MaxUserAgent   = 500
	MaxUserID      = 500
	MaxPage        = 500
	MaxCauses      = 10
	MaxBreadcrumbs = 100
	MaxDebugIDs    = 200
)

// Event is an error as a web page reports it.
type Event struct {
	ID      string // 32 hex digits, of the page or made by NewEventID
	Type    string
	Message string
	Stack   string // as the browser wrote it

	At           time.Time // when it happened, by our clock; zero is not known
	Timestamp    string    // as the page wrote it; "" if it did not
	URL          string
	Page         string // the route, such as "/orders/:id"
	PageView     string
	SessionID    string
	UserAgent    string
	Release      string
	Environment  string
	UserID       string
	Handled      *bool
	Mechanism    string // how it was caught: "onerror", …
	Causes       []Cause
	Breadcrumbs  []Breadcrumb
	DebugIDs     map[string]string // URL of a script -> debug ID of its map
	Repeats      int               // further ones that the page did not send
	Context      json.RawMessage   // an object, or nil
	SDK          SDK
	Symbolicated *Symbolicated // nil as long as nobody looked for maps
	Replace      bool          // it was reported before, when less was known
}

// Cause is the error behind an error.
type Cause struct {
	Type, Message, Stack string
}

// Breadcrumb is something that happened before an error.
type Breadcrumb struct {
	At       time.Time
	Category string
	Message  string
	Level    string
	Data     json.RawMessage // any JSON, or nil
}

// SDK is the library that a page uses.
type SDK struct{ Name, Version string }

// String is "name/version", "" when neither is known.
func (s SDK) String() string {
	switch {
	case s.Name == "" && s.Version == "":
		return ""
	case s.Version == "":
		return s.Name
	}
	return s.Name + "/" + s.Version
}

// NewEventID returns 32 random hex digits.
func NewEventID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails; it ends the process instead
	return hex.EncodeToString(b[:])
}

// EventID returns s as 32 lower-case hex digits: of these, or of a UUID. Anything
// else is replaced by a new ID.
func EventID(s string) string {
	if len(s) == 36 {
		s = strings.ReplaceAll(s, "-", "")
	}
	if len(s) != 32 || strings.Trim(s, "0") == "" {
		return NewEventID()
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return NewEventID()
		}
	}
	return strings.ToLower(s)
}

// clamp keeps e within its limits and completes it.
func (e *Event) clamp() {
	e.ID = EventID(e.ID)
	e.Type = Cut(e.Type, MaxType)
	e.Message = Cut(e.Message, MaxMessage)
	e.Stack = Cut(e.Stack, MaxStack)
	e.URL = Cut(e.URL, MaxURL)
	e.Page = Cut(e.Page, MaxPage)
	e.UserAgent = Cut(e.UserAgent, MaxUserAgent)
	e.UserID = Cut(e.UserID, MaxUserID)
	for _, s := range []*string{&e.PageView, &e.SessionID, &e.Release, &e.Environment, &e.Mechanism, &e.Timestamp, &e.SDK.Name, &e.SDK.Version} {
		*s = Cut(*s, MaxName)
	}
	e.Causes = e.Causes[:min(len(e.Causes), MaxCauses)]
	for i := range e.Causes {
		c := &e.Causes[i]
		c.Type, c.Message, c.Stack = Cut(c.Type, MaxType), Cut(c.Message, MaxMessage), Cut(c.Stack, MaxStack)
	}
	e.Breadcrumbs = e.Breadcrumbs[max(0, len(e.Breadcrumbs)-MaxBreadcrumbs):]
}

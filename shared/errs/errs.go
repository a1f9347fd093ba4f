// Package errs sorts errors by what the caller can do about them.
package errs

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what the caller can do about an error.
type Kind uint8

const (
	Internal     Kind = iota // our fault; details only in the log
	Invalid                  // the request is wrong; repeating it does not help
	Unauthorized             // the key or session is missing or wrong
	Forbidden                // known caller, but not allowed
	NotFound
	Conflict
	TooLarge
	RateLimited // repeat after RetryAfter
	Unavailable // repeat after RetryAfter: disk full, queue full, stopping
	Unsupported // the form of the body is not one we read: content type or encoding
	Timeout     // the request did not arrive in time
	MethodNotAllowed
	Upstream // a service behind us failed the request
)

// Error is a classified error. Its text is safe to show to the caller; the
// cause is for the log only.
type Error struct {
	Kind       Kind
	Text       string
	Cause      error         // may be nil
	RetryAfter time.Duration // for RateLimited and Unavailable; 0 is unknown
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Text
	}
	return e.Text + ": " + e.Cause.Error()
}

func (e *Error) Unwrap() error { return e.Cause }

// New returns an error whose formatted text may be shown to the caller.
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause, which is logged and never sent.
func Wrap(k Kind, cause error, format string, args ...any) error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...), Cause: cause}
}

// RetryIn is New with the time after which the caller should try again.
func RetryIn(k Kind, after time.Duration, format string, args ...any) error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...), RetryAfter: after}
}

// KindOf classifies err: the kind of the first Error in its tree, else Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

package jsonpull

import "fmt"

// SyntaxError is a text that is not JSON.
type SyntaxError struct {
	What   string
	Offset int // in bytes
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// DepthError is a text that nests more objects and arrays than it may.
type DepthError struct{ Max int }

func (e *DepthError) Error() string { return fmt.Sprintf("nested deeper than %d levels", e.Max) }

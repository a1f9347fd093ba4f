package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// redacted stands for a secret wherever it is printed.
const redacted = "[redacted]"

// Secret is a text that does not print: every way of formatting it, encoding
// it or logging it gives "[redacted]". The zero value is an unset secret.
type Secret struct{ text string }

// NewSecret returns text as a Secret without checking it. Settings come from
// [Env.Secret]; this is for tests and for secrets from elsewhere.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether the secret is unset.
func (s Secret) IsZero() bool { return s.text == "" }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// Format writes "[redacted]" for every verb; %d would go past String.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// GoString returns "[redacted]", for %#v.
func (Secret) GoString() string { return redacted }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// LogValue returns "[redacted]", for log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

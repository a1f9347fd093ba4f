// Package auth lets in who has the API key, or the key that can only read: programs
// by a header, people by a session that begins with a sign-in form.
package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/monlight/monlight/shared/config"
)

// Key knows an API key without holding it: its SHA-256 sum, and a secret for
// sessions that is derived from it and does not lead back.
type Key struct {
	sum     [sha256.Size]byte
	session []byte
}

// NewKey returns the Key of an API key. That of an unset one matches nothing.
func NewKey(s config.Secret) Key {
	if s.IsZero() {
		return Key{}
	}
	session, err := hkdf.Extract(sha256.New, []byte(s.Reveal()), []byte("monlight session"))
	if err != nil {
		panic("auth: " + err.Error()) //nolint:forbidigo // only for a hash that FIPS mode refuses
	}
	return Key{sha256.Sum256([]byte(s.Reveal())), session}
}

// isSet tells whether there is such a key.
func (k Key) isSet() bool { return k.session != nil }

// Match reports whether text is the key. Its time depends on the length of text
// alone.
func (k Key) Match(text string) bool {
	sum := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(sum[:], k.sum[:]) == 1
}

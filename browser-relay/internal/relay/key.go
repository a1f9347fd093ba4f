package relay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// Limits of keys.
const (
	MaxProject   = 100 // bytes
	MaxLabel     = 100 // bytes
	MaxPublicKey = 64  // bytes; those we make have 32
	MaxOrigins   = 32  // of a key, and of CORS_ORIGINS
	MaxOrigin    = 256 // bytes
	MaxKeys      = 10_000
	MaxKeyRate   = 1_000_000 // requests per minute
	MaxGrace     = 90 * 24 * time.Hour
)

// Key is the public key of the pages of a project: a DSN key. It says where
// reports belong; it is in every page and no secret.
type Key struct {
	ID        int64
	PublicKey string
	Project   string
	Label     string // for people; may be empty
	Origins   Origins
	Rate      int // requests per minute of all clients together; 0 is the service's default
	Active    bool
	Expires   time.Time // when a key that was replaced stops working; zero is never
	Created   time.Time
	LastSeen  time.Time // of the last accepted request, to the minute, but not before Created; zero is never
}

// Works tells whether requests with k are accepted at a time.
func (k *Key) Works(now time.Time) bool {
	return k.Active && (k.Expires.IsZero() || now.Before(k.Expires))
}

// Matches tells whether text is a part of k's project, label or public key, or of
// one of its origins, in whichever case.
func (k *Key) Matches(text string) bool {
	text = strings.ToLower(text)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	return has(k.Project) || has(k.Label) || has(k.PublicKey) || slices.ContainsFunc(k.Origins, has)
}

// SetActive switches k on or off. A key that is switched on no longer expires.
func (k *Key) SetActive(active bool) {
	k.Active = active
	if active {
		k.Expires = time.Time{}
	}
}

// NewPublicKey returns 32 random hex digits.
func NewPublicKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails; it ends the process instead
	return hex.EncodeToString(b[:])
}

// Validate says what is wrong with what people chose for a key.
func (k *Key) Validate() error {
	switch {
	case k.Project == "":
		return errs.New(errs.Invalid, "project is empty, want 1 to %d bytes", MaxProject)
	case len(k.Project) > MaxProject:
		return errs.New(errs.Invalid, "project has %d bytes, want 1 to %d", len(k.Project), MaxProject)
	case !utf8.ValidString(k.Project), hasControl(k.Project):
		return errs.New(errs.Invalid, "project has control characters or is not valid UTF-8")
	case len(k.Label) > MaxLabel:
		return errs.New(errs.Invalid, "label has %d bytes, want at most %d", len(k.Label), MaxLabel)
	case hasControl(k.Label):
		return errs.New(errs.Invalid, "label has control characters")
	case k.Rate < 0 || k.Rate > MaxKeyRate:
		return errs.New(errs.Invalid, "rate_limit is %d, want 0 to %d requests per minute, 0 being the default", k.Rate, MaxKeyRate)
	}
	return k.Origins.Validate()
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// KeyStore keeps keys. A write that returned nil survives a power cut.
type KeyStore interface {
	// Keys returns all keys in the order of their ids.
	Keys(ctx context.Context) ([]Key, error)
	// AddKey stores a new key and returns it with its id. Conflict when there
	// is a key of that text, or MaxKeys already.
	AddKey(ctx context.Context, k Key) (Key, error)
	// ReplaceKey stores a new key and lets the one with the id old end at a
	// time, both or neither.
	ReplaceKey(ctx context.Context, old int64, end time.Time, k Key) (Key, error)
	// SaveKey changes the key with k's id: everything but text, project and
	// time of creation. NotFound if there is none.
	SaveKey(ctx context.Context, k Key) error
	// SawKeys keeps when keys were used last.
	SawKeys(ctx context.Context, seen map[int64]time.Time) error
}

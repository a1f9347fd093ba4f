package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

const (
	sessionLife  = 30 * 24 * time.Hour
	renewAfter   = 24 * time.Hour
	maxClockSkew = 5 * time.Minute

	tokenVersion = 1
	idBytes      = 16
	bodyBytes    = 1 + 8 + idBytes
	tokenBytes   = bodyBytes + sha256.Size

	// maxRevoked bounds the list of sessions that were signed out.
	maxRevoked = 4096
)

// session is what a token says: which one it is and since when.
//
// A token is base64url of: version (1 byte), time of issue (Unix seconds, 8
// bytes, big endian), id (16 random bytes), HMAC-SHA-256 over those. The secret
// of the HMAC is derived from the key, the role and the name of the service, so a
// new key ends its sessions, and a token of one service or role is nothing to another.
type session struct {
	issued time.Time
	id     [idBytes]byte
}

// name is a short name of the session for limits and logs. It does not help to
// forge a token.
func (s session) name() string { return hex.EncodeToString(s.id[:4]) }

// sessions makes and checks tokens.
type sessions struct {
	secret []byte
	now    func() time.Time

	mu      sync.Mutex
	revoked map[[idBytes]byte]time.Time // id -> time of sign-out
}

// newSessions returns the sessions of a key. Without one nobody knows their secret.
func newSessions(key Key, purpose string, now func() time.Time) *sessions {
	from := key.session
	if from == nil {
		from = make([]byte, sha256.Size)
		_, _ = rand.Read(from) // never fails; it ends the process instead
	}
	secret, err := hkdf.Expand(sha256.New, from, purpose, sha256.Size)
	if err != nil {
		panic("auth: " + err.Error()) //nolint:forbidigo // only for a length that is too large
	}
	return &sessions{secret: secret, now: now, revoked: map[[idBytes]byte]time.Time{}}
}

// begin returns a new session.
func (s *sessions) begin() session {
	var id [idBytes]byte
	_, _ = rand.Read(id[:]) // never fails; it ends the process instead
	return session{s.now(), id}
}

// token returns the text of a session.
func (s *sessions) token(v session) string {
	b := make([]byte, 0, tokenBytes)
	b = append(b, tokenVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(v.issued.Unix())) //nolint:gosec // after 1970
	b = append(b, v.id[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac(b)...))
}

// open returns the session of a token. ok is false when the token is not ours,
// too old, or was signed out.
func (s *sessions) open(token string) (v session, ok bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return session{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || !hmac.Equal(b[bodyBytes:], s.mac(b[:bodyBytes])) || b[0] != tokenVersion {
		return session{}, false
	}
	v.issued = time.Unix(int64(binary.BigEndian.Uint64(b[1:])), 0) //nolint:gosec // signed by us
	copy(v.id[:], b[9:])
	age := s.now().Sub(v.issued)
	if age > sessionLife || age < -maxClockSkew || s.isRevoked(v) {
		return session{}, false
	}
	return v, true
}

// renew returns the session from now on; ok is false while that is not needed.
func (s *sessions) renew(v session) (_ session, ok bool) {
	if s.now().Sub(v.issued) <= renewAfter {
		return v, false
	}
	v.issued = s.now()
	return v, true
}

// revoke makes copies of a session useless, until the process ends.
func (s *sessions) revoke(v session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest [idBytes]byte
	first := s.now()
	for id, at := range s.revoked {
		if s.now().Sub(at) > sessionLife {
			delete(s.revoked, id)
		} else if at.Before(first) {
			oldest, first = id, at
		}
	}
	if len(s.revoked) >= maxRevoked {
		delete(s.revoked, oldest)
	}
	s.revoked[v.id] = s.now()
}

func (s *sessions) isRevoked(v session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.revoked[v.id]
	return ok
}

func (s *sessions) mac(body []byte) []byte {
	m := hmac.New(sha256.New, s.secret)
	m.Write(body)
	return m.Sum(nil)
}

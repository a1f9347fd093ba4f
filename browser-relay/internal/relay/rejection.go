package relay

import (
	"slices"
	"time"
)

// Limits of the list of refused requests. There are some of each reason, so
// that a flood of one does not hide the others.
const (
	RejectionsPerReason = 20
	maxExcerpt          = 300 // bytes of a body
	maxFact             = 200 // bytes of a header
)

// Rejection is a request that was refused. All its text is from outside.
type Rejection struct {
	At        time.Time
	Reason    string
	Status    int
	Detail    string // what was answered
	Key       int64  // 0 if the key was wrong
	GivenKey  string // the wrong key, cut
	Path      string
	Origin    string
	UserAgent string
	SDK       string
	Excerpt   string // the beginning of the body, if it was read
	Bytes     int64  // of the body; -1 is unknown
}

// WithoutKeys leaves out of r what may hold a key: the one that was given, and the
// body, in which an envelope has its DSN.
func (r *Rejection) WithoutKeys() { r.GivenKey, r.Excerpt = "", "" }

// Reject counts and remembers a refused request.
func (t *Traffic) Reject(r Rejection) {
	r.At = t.now()
	r.Excerpt = Cut(r.Excerpt, maxExcerpt)
	for _, s := range []*string{&r.GivenKey, &r.Path, &r.Origin, &r.UserAgent, &r.Detail} {
		*s = Cut(*s, maxFact)
	}
	r.SDK = sdkName(r.SDK)
	t.Add(Count{Key: r.Key, SDK: r.SDK, What: CountRefused, Reason: r.Reason}, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	of := 0
	for i := len(t.rejected) - 1; i >= 0; i-- {
		if t.rejected[i].Reason != r.Reason {
			continue
		}
		if of++; of == RejectionsPerReason {
			t.rejected = slices.Delete(t.rejected, i, i+1)
			break
		}
	}
	t.rejected = append(t.rejected, r)
	t.dirty = true
}

// Rejected returns the last refused requests, newest first.
func (t *Traffic) Rejected() []Rejection {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := slices.Clone(t.rejected)
	slices.Reverse(list)
	return list
}

// sdkName is the name under which an SDK is counted.
func sdkName(s string) string {
	if slug(s, 80) {
		return s
	}
	if s == "" {
		return ""
	}
	return ReasonOther
}

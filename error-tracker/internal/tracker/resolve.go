package tracker

import (
	"context"

	"github.com/monlight/monlight/error-tracker/internal/tracker/release"
	"github.com/monlight/monlight/shared/errs"
)

// Fix says which events bring a resolved issue back.
type Fix struct {
	In FixIn
	// Release is the one that events must be newer than. Asking for FixThis, ""
	// is the newest one that the issue was seen in.
	Release string
}

// FixIn is where the cause of an issue is mended.
type FixIn string

const (
	FixAnywhere FixIn = ""     // any event brings it back
	FixThis     FixIn = "this" // only events of releases newer than one
	FixNext     FixIn = "next" // only events of releases newer than all there are
)

// MaxRelease is how many bytes the name of a release has at most.
const MaxRelease = 200

// Validate says what is wrong with what people ask for.
func (f Fix) Validate() error {
	switch f.In {
	case FixAnywhere, FixThis, FixNext:
	default:
		return errs.New(errs.Invalid, "in = %.60q, want this or next", string(f.In))
	}
	switch {
	case f.Release != "" && f.In != FixThis:
		return errs.New(errs.Invalid, "release = %.60q goes with in = %q only", f.Release, FixThis)
	case len(f.Release) > MaxRelease:
		return errs.New(errs.Invalid, "release has %d bytes, the limit is %d", len(f.Release), MaxRelease)
	case !printable(f.Release):
		return errs.New(errs.Invalid, "release has control characters or is not valid UTF-8")
	}
	return nil
}

// Reopens tells whether an event of a release brings back an issue that was
// resolved like that. fixed is f.Release. An event that does not tell its release
// is taken for one of an old release: a program that tells it has begun to at
// some time.
func (f Fix) Reopens(fixed, of release.Release) bool {
	if f.In == FixAnywhere {
		return true
	}
	return of.Name != "" && release.Compare(of, fixed) > 0
}

// Resolve marks issues as resolved; see Store.Resolve.
func (s *Service) Resolve(ctx context.Context, ids []int64, f Fix) ([]int64, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return s.Store.Resolve(ctx, ids, f, s.now().UTC())
}

// Unresolve takes Resolve back.
func (s *Service) Unresolve(ctx context.Context, ids []int64) ([]int64, error) {
	return s.Store.Unresolve(ctx, ids, s.now().UTC())
}

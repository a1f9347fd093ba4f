package symbolicate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/shared/errs"
)

// reason is why a call has no source.
type reason string

// The reasons, as they stand in the notes of an event.
const (
	reasonNone      reason = ""
	reasonRelease   reason = "no_release" // and no debug ID: nothing tells which build it is
	reasonMap       reason = "no_map"
	reasonMapping   reason = "no_mapping" // the map has nothing at this place
	reasonDamaged   reason = "damaged_map"
	reasonPlace     reason = "no_place" // native, anonymous or evaluated code, or no column
	reasonForeign   reason = "no_file"  // an extension, or a URL that is no file
	reasonLimit     reason = "limit"
	reasonUnreached reason = "unavailable" // the store did not answer
)

// resolved is a call and what is known of its source.
type resolved struct {
	call   call
	found  bool
	frame  sourcemap.Frame
	lines  sourcemap.Lines
	text   bool // lines are known
	reason reason
	file   string // normalised
	detail string // of the reason, for people
}

// position is the key of the cache of frames.
type position struct {
	mapID        int64
	line, column int
}

// cached is what was found at a position.
type cached struct {
	found bool
	frame sourcemap.Frame
	lines sourcemap.Lines
	text  bool
}

// cost is about how much memory it takes.
func (c *cached) cost() int {
	n := 300 + len(c.frame.Source) + len(c.frame.Name) + len(c.lines.Line)
	for _, lines := range [][]string{c.lines.Pre, c.lines.Post} {
		for _, line := range lines {
			n += 16 + len(line)
		}
	}
	return n
}

// job is the symbolication of one event.
type job struct {
	*Symbolicator
	project, release string
	debugIDs         map[string]string // by URL, and by normalised path
	files            map[string]*file  // by URL
	lookups          int
	used             func(id int64) // is told each map that was found
}

// file is a script of the event's stacks and its map.
type file struct {
	path    string
	debugID string
	mapID   int64
	by      string // how it was found
	reason  reason
	detail  string
	calls   int // that are in it
	mapped  int // of them
}

// fileKey is what the map of a script is found by, at a time.
type fileKey struct {
	changes                         uint64 // Maps.MapChanges before it was looked for
	project, release, path, debugID string
}

// resolve finds the source of a call.
func (j *job) resolve(ctx context.Context, c call) resolved {
	r := resolved{call: c}
	switch c.place {
	case inEngine:
		r.reason, r.detail = reasonPlace, "native code of the browser"
		return r
	case anonymous:
		r.reason, r.detail = reasonPlace, "code without a file"
		return r
	case inWasm:
		r.reason, r.detail = reasonPlace, "WebAssembly"
		return r
	case noColumn:
		r.reason, r.detail = reasonPlace, "the browser tells no column for code that was evaluated"
		r.file = NormalizePath(c.url)
		return r
	}
	if why := notFetched(c.url); why != "" {
		r.reason, r.detail = reasonForeign, why
		return r
	}
	f := j.file(ctx, c.url)
	f.calls++
	r.file = f.path
	if f.reason != reasonNone {
		r.reason, r.detail = f.reason, f.detail
		return r
	}
	if j.lookups++; j.lookups > maxLookups {
		r.reason, r.detail = reasonLimit, fmt.Sprintf("more than %d calls in one event", maxLookups)
		return r
	}
	got, err := j.lookup(ctx, position{f.mapID, c.line, c.column})
	switch {
	case err != nil:
		r.reason, r.detail = j.failed(err)
	case !got.found || got.frame.Source == "":
		r.reason, r.detail = reasonMapping, "the map has no source for this place: it may be of another build, or the code was added by the bundler"
	default:
		f.mapped++
		r.found, r.frame, r.lines, r.text = true, got.frame, got.lines, got.text
	}
	return r
}

// failed sorts an error of a map that is there.
func (j *job) failed(err error) (reason, string) {
	switch {
	case errors.Is(err, sourcemap.ErrDamaged):
		return reasonDamaged, "the stored map is damaged: upload it again"
	case errs.KindOf(err) == errs.NotFound:
		return reasonDamaged, "parts of the stored map are missing: upload it again"
	}
	if j.Log != nil {
		j.Log.Warn("source map not read", "project", j.project, "err", err)
	}
	return reasonUnreached, "the source maps could not be read in time"
}

// lookup finds a position and its source lines.
func (j *job) lookup(ctx context.Context, p position) (cached, error) {
	if c, ok := j.frames.Get(p); ok {
		return c, nil
	}
	m, err := j.cache.Open(ctx, p.mapID, j.maps.MapIndex)
	if err != nil {
		return cached{}, err
	}
	var c cached
	if c.frame, c.found, err = m.Lookup(ctx, p.line, p.column); err != nil {
		return c, err
	}
	if c.found {
		if c.lines, c.text, err = m.Context(ctx, c.frame, contextLines); err != nil {
			return c, err
		}
	}
	j.frames.Put(p, c, c.cost())
	return c, nil
}

// file finds the map of a script, once for an event.
func (j *job) file(ctx context.Context, url string) *file {
	if f := j.files[url]; f != nil {
		return f
	}
	f := &file{path: NormalizePath(url)}
	if len(j.files) >= maxFiles {
		f.reason, f.detail = reasonLimit, fmt.Sprintf("more than %d files in one event", maxFiles)
		return f
	}
	j.files[url] = f
	if f.debugID = j.debugIDs[url]; f.debugID == "" {
		f.debugID = j.debugIDs[f.path]
	}
	key := fileKey{j.maps.MapChanges(), j.project, j.release, f.path, f.debugID}
	if known, ok := j.Symbolicator.files.Get(key); ok {
		*f = known
	} else if err := j.find(ctx, f); err != nil {
		f.reason, f.detail = j.failed(err)
	} else {
		j.Symbolicator.files.Put(key, *f, 300+len(j.project)+len(j.release)+2*len(f.path)+len(f.detail))
	}
	if f.mapID != 0 {
		j.used(f.mapID)
	}
	return f
}

// find looks by debug ID first, then by release and path.
func (j *job) find(ctx context.Context, f *file) error {
	if f.debugID != "" {
		id, found, err := j.maps.MapByDebugID(ctx, j.project, f.debugID)
		if err != nil {
			return err
		}
		if found {
			f.mapID, f.by = id, "debug_id"
			return nil
		}
	}
	if j.release == "" {
		f.reason, f.detail = reasonRelease, "the event has no release and the file no debug ID, so nothing tells which build it is of"
		if f.debugID != "" {
			f.reason, f.detail = reasonMap, "no map with debug ID "+f.debugID+" was uploaded, and the event has no release"
		}
		return nil
	}
	candidates, err := j.maps.MapsByBase(ctx, j.project, j.release, BasePath(f.path))
	if err != nil {
		return err
	}
	if c, ok := bestMatch(f.path, candidates); ok {
		f.mapID, f.by = c.ID, "release"
		return nil
	}
	f.reason = reasonMap
	f.detail, err = j.whyNoMap(ctx, f)
	return err
}

// whyNoMap tells what was looked for and what is there instead.
func (j *job) whyNoMap(ctx context.Context, f *file) (string, error) {
	paths, total, err := j.maps.ReleasePaths(ctx, j.project, j.release, shownPaths)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if f.debugID != "" {
		fmt.Fprintf(&b, "no map with debug ID %s was uploaded; ", f.debugID)
	}
	if total == 0 {
		fmt.Fprintf(&b, "release %q has no source maps", j.release)
	} else {
		fmt.Fprintf(&b, "of the %d source maps of release %q none is for %s: %s", total, j.release, f.path, strings.Join(paths, ", "))
		if total > len(paths) {
			b.WriteString(", …")
		}
	}
	return b.String(), nil
}

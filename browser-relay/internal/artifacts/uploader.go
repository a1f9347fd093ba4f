package artifacts

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/jsonstream"
	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/symbolicate"
	"github.com/monlight/monlight/shared/errs"
)

// Limits of what is said about a map, in bytes.
const (
	MaxProject = 100
	MaxRelease = 100
	MaxFileURL = 500
	maxBy      = 100
)

const (
	// parallel bounds the uploads that are worked on at once: each needs about 4 MB.
	parallel = 2
	// turnWait is how long an upload waits for its turn.
	turnWait = 20 * time.Second
)

// Uploader takes maps in. Its fields may not be changed once it is in use.
type Uploader struct {
	store   Store
	arrived func(Map)
	working func() (done func())
	turns   chan struct{}
}

// NewUploader returns an Uploader to store. arrived is called for each map that
// was stored and must not block; working is called when an upload begins, and what
// it returns when that one ends. Both may be nil.
func NewUploader(store Store, arrived func(Map), working func() (done func())) *Uploader {
	if arrived == nil {
		arrived = func(Map) {}
	}
	if working == nil {
		working = func() func() { return func() {} }
	}
	return &Uploader{store: store, arrived: arrived, working: working, turns: make(chan struct{}, parallel)}
}

// turn waits until an upload may begin; Unavailable when that takes too long.
func (u *Uploader) turn(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	select {
	case u.turns <- struct{}{}:
		rest := u.working()
		return func() { rest(); <-u.turns }, nil
	case <-ctx.Done():
		return nil, errs.RetryIn(errs.Unavailable, 10*time.Second, "%d uploads are worked on already, try again", parallel)
	}
}

// Stored is a map on disk.
type Stored struct {
	ID int64
	Map
}

// Upload is a map that is coming in. The parts of a request come in any order: what
// the map is of may be told after it.
type Upload struct {
	Map // Result is nil until Build

	uploader *Uploader
	writer   MapWriter
	done     func()
}

// Begin begins an upload. The caller ends it with Close, after Commit or without.
func (u *Uploader) Begin(ctx context.Context, by string) (*Upload, error) {
	done, err := u.turn(ctx)
	if err != nil {
		return nil, err
	}
	w, err := u.store.BeginMap(ctx)
	if err != nil {
		done()
		return nil, err
	}
	return &Upload{Map: Map{By: by[:min(len(by), maxBy)]}, uploader: u, writer: w, done: done}, nil
}

// Close gives up what was not committed.
func (u *Upload) Close() {
	u.writer.Discard()
	u.done()
}

// Build reads the map.
func (u *Upload) Build(ctx context.Context, r io.Reader) error {
	if u.Result != nil {
		return errs.New(errs.Invalid, "the source map is there twice")
	}
	res, err := sourcemap.Build(ctx, r, u.writer)
	if err != nil {
		return err
	}
	u.Result = res
	return nil
}

// Commit stores the map if all that is needed was told.
func (u *Upload) Commit(ctx context.Context) (Stored, error) {
	if err := u.complete(); err != nil {
		return Stored{}, err
	}
	id, err := u.writer.Commit(ctx, u.Map)
	if err != nil {
		return Stored{}, err
	}
	u.uploader.arrived(u.Map)
	return Stored{ID: id, Map: u.Map}, nil
}

// complete checks what the map is said to be of, and derives the rest.
func (u *Upload) complete() error {
	m := &u.Map
	if m.DebugID == "" && m.Result != nil {
		m.DebugID = m.Result.DebugID
	}
	for _, f := range []struct {
		name, value string
		limit       int
		optional    bool
	}{
		{"project", m.Project, MaxProject, false},
		{"release", m.Release, MaxRelease, m.DebugID != ""},
		{"file_url", m.FileURL, MaxFileURL, m.DebugID != ""},
	} {
		switch {
		case f.value == "" && !f.optional:
			return errs.New(errs.Invalid, "Missing required field: %s", f.name)
		case len(f.value) > f.limit:
			return errs.New(errs.Invalid, "%s has %d bytes, the limit is %d", f.name, len(f.value), f.limit)
		}
	}
	if m.Result == nil {
		return errs.New(errs.Invalid, "Missing required field: map_content")
	}
	m.Path = ""
	if m.FileURL != "" {
		m.Path = symbolicate.NormalizePath(m.FileURL)
	}
	return nil
}

// SetDebugID takes the debug ID that an upload is said to have.
func (u *Upload) SetDebugID(text string) error {
	if text == "" {
		return nil
	}
	id, ok := sourcemap.ParseDebugID(text)
	if !ok {
		return errs.New(errs.Invalid, "debug_id is %.50q, want a UUID", text)
	}
	u.DebugID = id
	return nil
}

// Set takes one of the texts that tell what a map is of; known is false for others.
func (u *Upload) Set(name, value string) (known bool, err error) {
	switch name {
	case "project":
		u.Project = value
	case "release":
		u.Release = value
	case "file_url":
		u.FileURL = value
	case "debug_id":
		return true, u.SetDebugID(value)
	default:
		return false, nil
	}
	return true, nil
}

// ReadJSON reads an upload that is one JSON object, with the map as a string in
// map_content, or as an object. Nothing of it is held as a whole.
func (u *Upload) ReadJSON(ctx context.Context, r io.Reader) error {
	j := jsonstream.NewReader(r)
	if kind, err := j.Peek(); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) && errs.KindOf(err) == errs.Invalid {
			return errs.Wrap(errs.Invalid, err, "Request body is empty")
		}
		if errs.KindOf(err) == errs.Invalid {
			return errs.Wrap(errs.Invalid, err, "Invalid JSON")
		}
		return err
	} else if kind != jsonstream.Object {
		return errs.New(errs.Invalid, "Request body must be a JSON object")
	}
	err := j.Object(func(name string) error {
		kind, err := j.Peek()
		if err != nil {
			return err
		}
		switch {
		case name == "map_content" && kind == jsonstream.String:
			text, err := j.OpenText()
			if err != nil {
				return err
			}
			if err := u.Build(ctx, text); err != nil {
				return formatError(err)
			}
			return nil
		case name == "map_content" && kind == jsonstream.Object:
			if u.Result != nil {
				return errs.New(errs.Invalid, "the source map is there twice")
			}
			u.Result, err = sourcemap.BuildFrom(ctx, j, u.writer)
			return formatError(err)
		case kind == jsonstream.String:
			value, cut, err := j.Text(MaxFileURL + 1)
			if err != nil {
				return err
			}
			known, err := u.Set(name, value)
			if known && cut && err == nil {
				err = errs.New(errs.Invalid, "%s has more than %d bytes", name, MaxFileURL)
			}
			return err
		}
		return j.Skip()
	})
	if err != nil {
		return err
	}
	return j.End()
}

// formatError names what was wrong with a map inside of another text.
func formatError(err error) error {
	if err == nil || err == sourcemap.ErrFormat || errs.KindOf(err) != errs.Invalid { //nolint:errorlint // that very one
		return err
	}
	return errs.Wrap(errs.Invalid, err, "%s: %s", sourcemap.ErrFormat, err)
}

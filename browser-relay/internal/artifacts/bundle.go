package artifacts

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"io"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/browser-relay/internal/symbolicate"
	"github.com/monlight/monlight/shared/errs"
)

// Bundle says what an artifact bundle is of, beside what it says itself.
type Bundle struct {
	Projects []string
	Release  string // of the request; that of the bundle counts if it is empty
	By       string
	MapLimit int64 // bytes of each map, unpacked
}

// BundleRelease is how long the release of a bundle may be, which sentry-cli lets
// people choose freely.
const BundleRelease = 200

// AddBundle stores the maps of an artifact bundle, as sentry-cli and the bundler
// plugins make them, and returns how many. Names in it are keys, never paths of
// files. It stops at the first map that cannot be taken; those before it stay.
func (u *Uploader) AddBundle(ctx context.Context, r io.ReaderAt, size int64, b Bundle) (stored int, err error) {
	if len(b.Projects) == 0 {
		return 0, errs.New(errs.Invalid, "Missing required field: projects")
	}
	for _, p := range b.Projects {
		if p == "" || len(p) > MaxProject {
			return 0, errs.New(errs.Invalid, "projects: %.50q has %d bytes, want 1 to %d", p, len(p), MaxProject)
		}
	}
	done, err := u.turn(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	z, err := openArchive(r, size)
	if err != nil {
		return 0, err
	}
	m, err := manifestOf(z)
	if err != nil {
		return 0, err
	}
	if b.Release == "" {
		b.Release = m.release
	}
	if len(b.Release) > BundleRelease {
		return 0, errs.New(errs.Invalid, "release has %d bytes, the limit is %d", len(b.Release), BundleRelease)
	}
	targets := m.targets()
	left := int64(maxUnpacked)
	for _, f := range z.File {
		of := targets[f.Name]
		if of == nil {
			continue
		}
		delete(targets, f.Name) // another file of this name is not read
		n, err := u.addFile(ctx, f, of, b, &left)
		stored += n
		if err != nil {
			return stored, err
		}
	}
	return stored, nil
}

// manifestOf reads the manifest of an archive.
func manifestOf(z *zip.Reader) (*manifest, error) {
	for _, f := range z.File {
		if f.Name != manifestName {
			continue
		}
		text, err := f.Open()
		if err != nil {
			return nil, unpackError(err)
		}
		defer text.Close()
		left := int64(maxManifest)
		return readManifest(&limited{text, &left, errs.New(errs.Invalid, "manifest.json has more than %d bytes", maxManifest)})
	}
	return nil, errs.New(errs.Invalid, "The artifact bundle has no manifest.json")
}

// addFile stores the map that is in a file for all that it is the map of.
func (u *Uploader) addFile(ctx context.Context, f *zip.File, targets []target, b Bundle, left *int64) (stored int, err error) {
	for _, project := range b.Projects {
		for _, t := range targets {
			n, err := u.addMap(ctx, f, project, t, b, left)
			stored += n
			if err != nil {
				return stored, errs.Wrap(errs.KindOf(err), err, "%.200s: %s", f.Name, text(err))
			}
		}
	}
	return stored, nil
}

func (u *Uploader) addMap(ctx context.Context, f *zip.File, project string, t target, b Bundle, left *int64) (int, error) {
	w, err := u.store.BeginMap(ctx)
	if err != nil {
		return 0, err
	}
	defer w.Discard()
	data, err := f.Open()
	if err != nil {
		return 0, unpackError(err)
	}
	defer data.Close()
	size := b.MapLimit
	in := &limited{
		&limited{data, &size, errs.New(errs.TooLarge, "it has more than %d bytes", b.MapLimit)},
		left, errs.New(errs.TooLarge, "the maps of the bundle have more than %d bytes", maxUnpacked),
	}
	got, err := sourcemap.Build(ctx, in, w)
	if err != nil {
		return 0, unpackError(err)
	}
	m := Map{Project: project, Release: b.Release, FileURL: t.url, DebugID: t.debugID, By: b.By, Result: got}
	if m.DebugID == "" {
		m.DebugID = got.DebugID
	}
	if m.Release == "" && m.DebugID == "" {
		return 0, nil // nothing could ever find it
	}
	if len(m.FileURL) > MaxFileURL {
		return 0, errs.New(errs.Invalid, "its URL has %d bytes, the limit is %d", len(m.FileURL), MaxFileURL)
	}
	if m.FileURL != "" {
		m.Path = symbolicate.NormalizePath(m.FileURL)
	}
	if _, err := w.Commit(ctx, m); err != nil {
		return 0, err
	}
	u.arrived(m)
	return 1, nil
}

// unpackError classifies the errors of a damaged archive; others are as they are.
func unpackError(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	for _, damage := range []error{zip.ErrChecksum, zip.ErrFormat, zip.ErrAlgorithm, io.ErrUnexpectedEOF, io.EOF} {
		corrupt = corrupt || errors.Is(err, damage)
	}
	if !corrupt || errs.KindOf(err) != errs.Internal {
		return err
	}
	return errs.Wrap(errs.Invalid, err, "it cannot be unpacked")
}

// text is what may be shown of an error.
func text(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind != errs.Internal {
		return e.Text
	}
	return "internal error"
}

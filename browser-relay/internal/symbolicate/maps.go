// Package symbolicate turns the stacks of minified scripts into those of their
// sources: it reads the text of a stack, finds the source map of each file, and
// gives back the text with original positions and the frames with source lines.
package symbolicate

import (
	"context"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
)

// Maps is where source maps are kept. An ID names one upload for ever: a map that
// replaces another has a new ID.
type Maps interface {
	sourcemap.BlockSource

	// MapByDebugID returns the ID of the map of a project with this debug ID, the
	// newest if there are several; found is false if there is none.
	MapByDebugID(ctx context.Context, project, debugID string) (id int64, found bool, err error)

	// MapsByBase returns the maps of a release whose Path (see NormalizePath) ends
	// in this base name (see BasePath), newest first, at most MaxCandidates.
	MapsByBase(ctx context.Context, project, release, base string) ([]Candidate, error)

	// ReleasePaths returns paths of the maps of a release, for the explanation why
	// none of them fits: at most limit, and how many there are.
	ReleasePaths(ctx context.Context, project, release string, limit int) (paths []string, total int, err error)

	// MapIndex returns the Index of sourcemap.Result, or an error of kind NotFound.
	MapIndex(ctx context.Context, id int64) ([]byte, error)

	// MapChanges grows whenever a map was stored or deleted: what was found before
	// may not be so any more.
	MapChanges() uint64

	// UsedMap notes that a map was used just now. It does not block.
	UsedMap(id int64)
}

// MaxCandidates is how many maps of one base name are looked at.
const MaxCandidates = 100

// Candidate is a map that may be the one of a file.
type Candidate struct {
	ID   int64
	Path string // NormalizePath of the file_url it was uploaded for
}

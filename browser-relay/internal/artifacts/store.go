// Package artifacts takes in what a build uploads: source maps, alone or in the
// bundles of sentry-cli and the bundler plugins.
package artifacts

import (
	"context"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
)

// Store keeps source maps.
type Store interface {
	// BeginMap begins an upload. The caller ends it with Commit or Discard.
	BeginMap(ctx context.Context) (MapWriter, error)
}

// MapWriter takes one map. Blocks come first and in any number; nothing of the
// map can be found before Commit returned nil.
type MapWriter interface {
	sourcemap.BlockSink

	// Commit makes the map visible, on disk when it returns. It replaces the map
	// of the same project, release and path when there is a release, and else the
	// one of the same project and debug ID.
	Commit(ctx context.Context, m Map) (id int64, err error)

	// Discard gives up what was not committed. It may be called after Commit.
	Discard()
}

// Map is a map that was built, and what it is the map of.
type Map struct {
	Project string
	Release string // may be empty if there is a debug ID
	FileURL string // as it was uploaded; may be empty if there is a debug ID
	Path    string // symbolicate.NormalizePath of FileURL
	DebugID string // lower-case with hyphens; empty if there is none
	By      string // who uploaded it: "api", "sentry-cli/2.58.0", …

	*sourcemap.Result
}

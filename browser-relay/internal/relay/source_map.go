package relay

import (
	"context"
	"time"
)

// MaxMapsListed is how many source maps one list has at most.
const MaxMapsListed = 10_000

// SourceMap is what is known of an uploaded map.
type SourceMap struct {
	ID       int64
	Project  string
	Release  string // "" if there is none
	FileURL  string // as it was uploaded
	Path     string // as it is compared
	DebugID  string // "" if there is none
	By       string // who uploaded it
	Uploaded time.Time
	LastUsed time.Time // zero is never

	Bytes       int64 // of the JSON
	Segments    int64
	Sources     int64
	WithContent int64 // sources whose text is in the map
	Names       int64
}

// MapFilter chooses maps; what is empty chooses all.
type MapFilter struct {
	Project, Release, DebugID string
	Text                      string // a part of the file's URL, the release or the debug ID, in whichever case of ASCII letters
	After                     int64  // only ids above
	Limit                     int    // 0 is MaxMapsListed
}

// MapRelease is the maps of a release.
type MapRelease struct {
	Project, Release   string
	Maps, Bytes        int64
	Uploaded, LastUsed time.Time // of the newest, and the last use of any
}

// MapStore lists and deletes source maps.
type MapStore interface {
	// SourceMaps returns maps in the order of their ids.
	SourceMaps(ctx context.Context, f MapFilter) ([]SourceMap, error)
	CountMaps(ctx context.Context, f MapFilter) (int64, error)
	// MapReleases returns releases that have maps, the newest first, n at most.
	MapReleases(ctx context.Context, n int) ([]MapRelease, error)
	// DeleteMap deletes a map. NotFound if there is none.
	DeleteMap(ctx context.Context, id int64) error
	// StoredBytes is what all maps take on disk.
	StoredBytes(ctx context.Context) (int64, error)
}

// Package release tells which of two releases of a project is the newer one.
//
// Releases whose names are versions of one package are in the order of their
// versions, as Semantic Versioning has it, whenever they came: 8.0.1 stays older
// than 8.1.0 although it was made later. Versions are read leniently: "v1.2",
// "shop@1.2.3+45", "1.0.0-rc.1", "1.0rc1", "2026.01.15". All others (commits,
// dates, names; versions of different packages) are in the order in which they
// were first seen.
package release

import (
	"cmp"
	"slices"
	"time"
)

// Release is a release as far as its order is concerned.
type Release struct {
	Name string
	Seen time.Time // when it was first heard of
}

// Compare is negative if a is older than b, positive if it is newer, and 0 if
// they are the same release or nothing tells them apart.
//
// Of any two it is right; of three it may go round in a circle, where versions
// and other names are mixed. Sort knows what to do then.
func Compare(a, b Release) int {
	if a.Name == b.Name {
		return 0
	}
	v, okA := parse(a.Name)
	w, okB := parse(b.Name)
	if okA && okB && v.pkg == w.pkg {
		if c := v.compare(w); c != 0 || v.build == w.build {
			return c // "v1.2.0" is "1.2"
		}
	}
	return a.Seen.Compare(b.Seen)
}

// Sort puts releases in order, the oldest first. Where versions meet other
// names, a version counts as seen when the first one that is not older was: a
// late fix of an old version stays among the old ones.
func Sort(all []Release) {
	type entry struct {
		Release
		version
		ok bool
		at time.Time
	}
	entries := make([]entry, len(all))
	for i, r := range all {
		v, ok := parse(r.Name)
		entries[i] = entry{r, v, ok, r.Seen}
	}
	// By package and version first, the newest at the end.
	slices.SortStableFunc(entries, func(a, b entry) int {
		if c := cmp.Or(compareBool(a.ok, b.ok), cmp.Compare(a.pkg, b.pkg)); c != 0 || !a.ok {
			return c
		}
		return cmp.Or(a.compare(b.version), a.Seen.Compare(b.Seen), cmp.Compare(a.Name, b.Name))
	})
	for i := len(entries) - 2; i >= 0; i-- {
		a, newer := &entries[i], &entries[i+1]
		if a.ok && newer.ok && a.pkg == newer.pkg && newer.at.Before(a.at) {
			a.at = newer.at
		}
	}
	// Stable: versions with the same time keep their order.
	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	for i := range entries {
		all[i] = entries[i].Release
	}
}

// Newest is the last one in the order of Sort; ok is false if there is none.
func Newest(all []Release) (newest Release, ok bool) {
	if len(all) == 0 {
		return Release{}, false
	}
	sorted := slices.Clone(all)
	Sort(sorted)
	return sorted[len(sorted)-1], true
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

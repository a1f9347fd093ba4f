package tracker

import (
	"context"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

// Store keeps issues and events. A write that returned nil survives a crash
// and a power cut; one that returned an error may or may not have happened,
// and is harmless to repeat. Methods return a NotFound error for an issue that
// is not there, and Unavailable while the disk is full or the store is stopping.
type Store interface {
	// Record counts e in the issue that owns k.Hash, opening the issue or
	// reopening it by its Fix, and keeps e among its occurrences. An event ID that
	// was recorded before changes nothing and gives Duplicate. When the issue
	// is created or reopened and not muted, or its mute ends by e, an alert is
	// queued in the same transaction. The data of e's attachments is taken out of e.
	Record(ctx context.Context, e *event.Event, k grouping.Key) (Outcome, error)
	// Replace is Record when the event ID is new. Otherwise e takes the place of
	// the event that came by it: it moves to the issue that owns k.Hash, or to a
	// new one that is resolved and muted like the one it leaves, keeps the time
	// when it came, counts once, and alerts nobody. An issue whose last event
	// leaves is gone. The event of an issue that was deleted stays deleted:
	// Duplicate.
	Replace(ctx context.Context, e *event.Event, k grouping.Key) (Outcome, error)

	Issues(ctx context.Context, q IssueQuery) (IssuePage, error)
	Issue(ctx context.Context, id int64) (Issue, error)
	Totals(ctx context.Context) (Totals, error)

	// Occurrences lists the kept events of an issue, newest first, at most
	// limit of them, those before the occurrence with the ID before if it is
	// not 0.
	Occurrences(ctx context.Context, issueID, before int64, limit int) ([]Occurrence, error)
	// EventPage calls f with a page of the kept events of an issue, newest first,
	// and tells where the page stands. The event is f's to keep.
	EventPage(ctx context.Context, q EventQuery, f func(Occurrence)) (EventPage, error)
	// Occurrence returns one kept event of an issue and the IDs of its older
	// and newer neighbours, 0 where there is none. id 0 is the newest.
	Occurrence(ctx context.Context, issueID, id int64) (o Occurrence, older, newer int64, err error)
	// FirstOccurrence returns the event that opened the issue.
	FirstOccurrence(ctx context.Context, issueID int64) (Occurrence, error)

	// Attachment returns the file n of a kept event, with its data. NotFound when
	// only the facts about it were kept.
	Attachment(ctx context.Context, issueID, occurrenceID int64, n int) (event.Attachment, error)
	// Files lists which attachments of a kept event have their data.
	Files(ctx context.Context, occurrenceID int64) ([]int, error)

	// RecentEvents calls f with the kept events of a project, newest first, at
	// most limit of them, until f returns false. The event is f's to keep.
	RecentEvents(ctx context.Context, project int64, limit int, f func(Occurrence) bool) error
	// IssueOfHash returns the issue of a project that owns the hash. NotFound when
	// none does.
	IssueOfHash(ctx context.Context, project int64, h Hash) (int64, error)

	// Groups lists the hashes an issue owns, the primary one first.
	Groups(ctx context.Context, issueID int64) ([]Group, error)
	// Similar lists other issues of the project that look like this one: they
	// share the coarse hash. Newest first, at most limit.
	Similar(ctx context.Context, issueID int64, limit int) ([]Issue, error)

	// Counts returns, for each issue, the number of events in each step-long
	// bucket from start on, n buckets; step is a whole number of hours and
	// start is the start of an hour. Issues without events in the range have
	// an empty slice.
	Counts(ctx context.Context, ids []int64, in Scope, start time.Time, step time.Duration, n int) (map[int64][]int64, error)

	Projects(ctx context.Context) ([]string, error)                        // ascending
	Environments(ctx context.Context, project string) ([]string, error)    // ascending; of all projects for ""
	IssueEnvironments(ctx context.Context, issueID int64) ([]Share, error) // most events first
	IssueReleases(ctx context.Context, issueID int64) ([]Share, error)     // most events first
	// IssueTags tells which values the tags of an issue's events had, the tag with
	// the most events first. whole is false when there is too much to look at all.
	IssueTags(ctx context.Context, issueID int64) (tags []TagShares, whole bool, err error)

	// Resolve marks issues as resolved at the given time; those that already were
	// keep their time, and take over f. Where a release is needed and none was
	// ever reported, f counts as FixAnywhere. Unknown IDs are skipped, and the IDs
	// of the issues that exist are returned. The other bulk changes work alike,
	// and each is noted as an Activity of the issues that it changes.
	Resolve(ctx context.Context, ids []int64, f Fix, at time.Time) ([]int64, error)
	Unresolve(ctx context.Context, ids []int64, at time.Time) ([]int64, error)
	// Mute mutes issues everywhere, or in m.Environment, where the mute takes the
	// place of an earlier one. Issues of a project without that environment: Invalid.
	Mute(ctx context.Context, ids []int64, m Mute, at time.Time) ([]int64, error)
	// Unmute ends the mute in an environment, or for "" all mutes.
	Unmute(ctx context.Context, ids []int64, environment string, at time.Time) ([]int64, error)
	SetAssignee(ctx context.Context, ids []int64, assignee string, at time.Time) ([]int64, error)
	Delete(ctx context.Context, ids []int64) ([]int64, error)

	// Merge moves the hashes, events, counters and activities of the sources into
	// target, which stays resolved, muted and assigned as it is, and removes the
	// sources. All must belong to one project.
	Merge(ctx context.Context, target int64, sources []int64, at time.Time) error
	// Unmerge gives the hash a new issue of its own, with exactly the events,
	// counters and activities that came by it, and returns that issue, which is
	// resolved, muted and assigned like the one it leaves. The last hash of an
	// issue cannot leave it: Conflict.
	Unmerge(ctx context.Context, issueID int64, h Hash, at time.Time) (Issue, error)
	// MergedInto returns the issue that an issue became part of: the one that has
	// now what the hash brought that had opened it. NotFound when nothing is known
	// of such an issue, or that one was deleted since.
	MergedInto(ctx context.Context, id int64) (int64, error)

	// ResolveStale resolves at most limit issues of a project that nobody met
	// since t, and that are not muted anywhere, and returns how many it resolved.
	ResolveStale(ctx context.Context, project int64, t, at time.Time, limit int) (int, error)
	// DeleteResolvedBefore deletes at most limit issues that were resolved, and
	// last seen, before t and returns how many it deleted.
	DeleteResolvedBefore(ctx context.Context, t time.Time, limit int) (int, error)
	// Forget drops what is only needed for a time: event IDs and sent mails
	// older than t, at most limit of each. It returns how many it dropped.
	Forget(ctx context.Context, t time.Time, limit int) (int, error)
	// Compact gives free pages back to the file system, a bounded piece of
	// work at a time. done is true when nothing is left to give back.
	Compact(ctx context.Context) (done bool, err error)

	ProjectStore
	ReleaseStore
	IngestStore
	SettingsStore
	ActivityStore
	ViewStore
	AlertStore
	FrequencyStore
}

// TagShares are the values of a tag, most events first. No more than a few hundred
// of each environment and release are counted.
type TagShares struct {
	Name   string
	Events int64 // of all values
	Values []Share
}

// Share is a value of one dimension of an issue and how many events had it.
type Share struct {
	Value string
	Count int64
}

// Package storetest holds the tests that every tracker.Store has to pass.
package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
	"github.com/monlight/monlight/shared/errs"
)

// Options are what a store under test is made with.
type Options struct {
	KeepOccurrences int // newest events of an issue that are kept beside the first
	Now             func() time.Time
}

// Opener returns an empty store that is closed when the test ends.
type Opener func(t *testing.T, o Options) tracker.Store

// Run runs all tests, each with stores of its own.
func Run(t *testing.T, open Opener) {
	for name, test := range map[string]func(*testing.T, Opener){
		"record opens, counts, reopens and knows repeats":          testRecord,
		"events come back as they went in":                         testRoundTrip,
		"an issue is described by its first event":                 testFields,
		"projects are apart":                                       testProjectsApart,
		"events that arrive together count once each":              testConcurrentRecord,
		"repeated events that arrive together count once":          testConcurrentDuplicates,
		"the newest events and the first one are kept":             testRetention,
		"occurrences are paged and know their neighbours":          testOccurrencePaging,
		"kept events have pages that know their place":             testEventPages,
		"people count once":                                        testUsers,
		"releases and environments are counted":                    testShares,
		"tags are counted by value":                                testTagShares,
		"events are counted by hour":                               testCounts,
		"lists sort, filter and page":                              testLists,
		"offsets work":                                             testOffset,
		"numbers are those of the events that match":               testNumbers,
		"searches find what issues are":                            testTerms,
		"releases tell what happened in them":                      testReleases,
		"deploys are told once":                                    testDeploys,
		"a trend is the last hours against those before":           testTrend,
		"pages hold each issue once while events arrive":           testPaging,
		"searches find words and phrases":                          testSearch,
		"hostile searches are harmless":                            testHostileSearch,
		"sessions find their issues":                               testSession,
		"resolve, unresolve, mute and unmute":                      testStates,
		"a mute ends":                                              testMuteEnds,
		"regressions alert unless muted":                           testRegression,
		"an issue comes back by newer releases only":               testResolvedInRelease,
		"resolving over again takes over the fix":                  testResolveOverAgain,
		"mutes end by events and people":                           testMuteCounts,
		"an issue is muted in environments":                        testMuteInEnvironment,
		"mutes stand still while an issue is resolved":             testMuteStandsStill,
		"comments and assignees":                                   testComments,
		"merge and unmerge move what was done":                     testMergeActivity,
		"a replaced event takes along what was done":               testReplaceActivity,
		"stale issues are resolved":                                testResolveStale,
		"resolved issues that are still seen stay":                 testDeleteSeenLately,
		"delete removes everything":                                testDelete,
		"an event of a deleted issue stays deleted":                testDeletedDuplicate,
		"a replaced event moves to its issue":                      testReplace,
		"replacing leaves the others of a group alone":             testReplaceSome,
		"replacing within a group keeps its place":                 testReplaceInPlace,
		"a replaced event keeps the state of its issue":            testReplaceState,
		"replacing an event of a merged issue":                     testReplaceMerged,
		"replacing an event that is not there records it":          testReplaceUnknown,
		"many replaced events stay within what is kept":            testReplaceMany,
		"merge and unmerge move exactly what they should":          testMerge,
		"merge and unmerge refuse what makes no sense":             testMergeRefusals,
		"where a merged issue went stays known":                    testMergedInto,
		"where the issue of a replaced event went stays known":     testReplacedInto,
		"similar issues share the coarse hash":                     testSimilar,
		"a flood goes into one issue":                              testFlood,
		"a flood ends":                                             testFloodEnds,
		"alerts become mails and mails are tried until they leave": testOutbox,
		"channels tell of the same alerts at their own pace":       testChannels,
		"frequencies are those that were counted":                  testPulses,
		"past alerts go where their issues go":                     testPastAlerts,
		"past alerts leave after their time":                       testPastAlertsEnd,
		"resolved issues leave after their time":                   testDeleteResolved,
		"event IDs and sent mails are forgotten":                   testForget,
		"totals add up":                                            testTotals,
		"projects have keys":                                       testProjects,
		"projects of reports have a key":                           testProjectsOfReports,
		"what became of things is counted by hour":                 testIngest,
		"the newest events of a project are found":                 testRecentEvents,
		"rules group events, and are tried on past ones":           testRules,
		"settings are kept by project":                             testSettings,
		"views are kept by name":                                   testViews,
		"projects made by hand stay":                               testManyProjects,
		"unknown issues are not found":                             testNotFound,
		"texts of any kind are kept":                               testHostileTexts,
		"random operations agree with a simple model":              testModel,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// start is when the tests take place.
var start = time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC)

func fixedNow() time.Time { return start.Add(24 * time.Hour) }

func openDefault(t *testing.T, open Opener) tracker.Store {
	t.Helper()
	return open(t, Options{KeepOccurrences: 50, Now: fixedNow})
}

// report is an event and its key, to be changed by a test before it is recorded.
type report struct {
	event.Event
	key grouping.Key
}

// newReport returns the report number n of an error: equal errors have equal keys.
func newReport(errorNumber int, at time.Time) *report {
	r := &report{Event: event.Event{
		ID: event.NewID(), Project: "shop", ReceivedAt: at, Platform: "python", Level: "error", Environment: "prod",
		Exceptions: []event.Exception{{Type: "ValueError", Value: fmt.Sprintf("value %d", errorNumber)}},
	}}
	r.key = grouping.Key{
		Hash:    hashOf(errorNumber),
		Title:   "ValueError",
		Message: fmt.Sprintf("value %d", errorNumber),
		Culprit: fmt.Sprintf("load%d in app/orders.py", errorNumber),
		Reasons: []grouping.Reason{{Kind: "type", Value: "ValueError"}},
	}
	return r
}

func hashOf(n int) grouping.Hash {
	return grouping.Hash{0: 0xab, 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

// record stores a report and fails the test if that fails.
func record(t *testing.T, s tracker.Store, r *report) tracker.Outcome {
	t.Helper()
	out, err := s.Record(t.Context(), &r.Event, r.key)
	if err != nil {
		t.Fatalf("Record(%s) = %v", r.key.Hash, err)
	}
	return out
}

func issue(t *testing.T, s tracker.Store, id int64) tracker.Issue {
	t.Helper()
	i, err := s.Issue(t.Context(), id)
	if err != nil {
		t.Fatalf("Issue(%d) = %v", id, err)
	}
	return i
}

func list(t *testing.T, s tracker.Store, q tracker.IssueQuery) tracker.IssuePage {
	t.Helper()
	p, err := s.Issues(t.Context(), q)
	if err != nil {
		t.Fatalf("Issues(%+v) = %v", q, err)
	}
	return p
}

func idsOf(issues []tracker.Issue) []int64 {
	ids := []int64{}
	for _, i := range issues {
		ids = append(ids, i.ID)
	}
	return ids
}

func wantKind(t *testing.T, what string, err error, want errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != want {
		t.Errorf("%s: error is %v (kind %d), want kind %d", what, err, errs.KindOf(err), want)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func noError(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

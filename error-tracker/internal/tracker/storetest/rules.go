package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/shared/errs"
)

func testRecentEvents(t *testing.T, open Opener) {
	s := openDefault(t, open)
	ctx := t.Context()
	var want []string
	var project int64
	for n := range 40 {
		r := newReport(n*n%7, start.Add(time.Duration(n)*time.Minute))
		if n%5 == 4 {
			r.Project = "other"
		}
		out := record(t, s, r)
		if r.Project == "shop" {
			project = out.ProjectID
			want = append(want, r.ID.String())
		}
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 10, 100} {
		var got []string
		err := s.RecentEvents(ctx, project, limit, func(o tracker.Occurrence) bool {
			got = append(got, o.Event.ID.String())
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[:min(limit, len(want))], got); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
	}
	n := 0
	if err := s.RecentEvents(ctx, project, 100, func(tracker.Occurrence) bool { n++; return n < 3 }); err != nil || n != 3 {
		t.Errorf("%d events before it was ended, %v", n, err)
	}
	if err := s.RecentEvents(ctx, 999, 100, func(tracker.Occurrence) bool { t.Error("an event of no project"); return true }); err != nil {
		t.Error(err)
	}
	out := record(t, s, newReport(1, start.Add(time.Hour)))
	if id, err := s.IssueOfHash(ctx, project, hashOf(1)); err != nil || id != out.IssueID {
		t.Errorf("issue of a hash = %d, %v, want %d", id, err, out.IssueID)
	}
	for what, h := range map[string]tracker.Hash{"unknown": hashOf(77), "none": {}} {
		_, err := s.IssueOfHash(ctx, project, h)
		wantKind(t, "issue of a hash that is "+what, err, errs.NotFound)
	}
	_, err := s.IssueOfHash(ctx, 999, hashOf(1))
	wantKind(t, "issue of a hash in another project", err, errs.NotFound)
}

func testRules(t *testing.T, open Opener) {
	store := openDefault(t, open)
	ctx := t.Context()
	s := tracker.NewService(store, func() time.Time { return start }, nil)
	p, err := s.CreateProject(ctx, "shop")
	if err != nil {
		t.Fatal(err)
	}
	report := func(typ, function, region string, fingerprint ...string) int64 {
		t.Helper()
		out, err := s.Report(ctx, &event.Event{
			Project: "shop", Platform: "python", Tags: []event.Tag{{Name: "region", Value: region}}, Fingerprint: fingerprint,
			Exceptions: []event.Exception{{Type: typ, Value: "v", Frames: []event.Frame{{Function: function, Filename: "shop/" + function + ".py"}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.IssueID
	}
	pay, ship := report("TimeoutError", "pay", "eu"), report("TimeoutError", "ship", "eu")
	report("TimeoutError", "pay", "us")
	own := report("TimeoutError", "pay", "eu", "the sender's own")
	other := report("ValueError", "pay", "eu")
	if pay == ship || pay == own || pay == other {
		t.Fatalf("issues %d, %d, %d, %d", pay, ship, own, other)
	}

	preview := func(rules string) string {
		t.Helper()
		v, err := s.PreviewRules(ctx, p.ID, rules)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%d events, %d moved;", v.Events, v.Moved)
		for _, r := range v.Rules {
			fmt.Fprintf(&b, " line %d: %d;", r.Line, r.Events)
		}
		for _, f := range v.Flows {
			to := fmt.Sprint(f.To.ID)
			if f.New > 0 {
				to = fmt.Sprintf("new %d %s", f.New, f.To.Type)
			}
			fmt.Fprintf(&b, " %d of %d %s to %s by %d;", f.Events, f.From.ID, f.From.Type, to, f.Line)
		}
		return b.String()
	}
	const byRegion = "# outages\n\ntype:TimeoutError tags.region:eu -> outage, {{ tags.region }}\ntype:Nothing -> x"
	for rules, want := range map[string]string{
		"": fmt.Sprintf("5 events, 0 moved; 2 of %d TimeoutError to %d by 0; 1 of %d TimeoutError to %d by 0; 1 of %d TimeoutError to %d by 0; 1 of %d ValueError to %d by 0;",
			pay, pay, ship, ship, own, own, other, other),
		byRegion: fmt.Sprintf("5 events, 3 moved; line 3: 3; line 4: 0; 1 of %d TimeoutError to new 1 TimeoutError by 3; 1 of %d TimeoutError to new 1 TimeoutError by 3; "+
			"1 of %d TimeoutError to new 1 TimeoutError by 3; 1 of %d TimeoutError to %d by 0; 1 of %d ValueError to %d by 0;", pay, ship, own, pay, pay, other, other),
		"type:ValueError -> the sender's own": fmt.Sprintf("5 events, 1 moved; line 1: 1; 1 of %d ValueError to %d by 1; "+
			"2 of %d TimeoutError to %d by 0; 1 of %d TimeoutError to %d by 0; 1 of %d TimeoutError to %d by 0;", other, own, pay, pay, ship, ship, own, own),
	} {
		if got := preview(rules); got != want {
			t.Errorf("%q:\n got %s\nwant %s", rules, got, want)
		}
	}
	_, err = s.PreviewRules(ctx, p.ID, "type:A")
	wantKind(t, "rules with a mistake", err, errs.Invalid)
	_, err = s.PreviewRules(ctx, 999, "")
	wantKind(t, "no such project", err, errs.NotFound)

	_, err = s.ChangeSettings(ctx, p.ID, func(s *tracker.Settings) error { s.Rules = "type:A"; return nil })
	wantKind(t, "saving a mistake", err, errs.Invalid)
	if _, err = s.ChangeSettings(ctx, p.ID, func(s *tracker.Settings) error { s.Rules = byRegion; return nil }); err != nil {
		t.Fatal(err)
	}
	outage := report("TimeoutError", "pay", "eu")
	if again := report("TimeoutError", "ship", "eu", "the sender's own"); outage == pay || again != outage {
		t.Errorf("by the rule: %d and %d, before %d", outage, again, pay)
	}
	if got := report("TimeoutError", "pay", "us"); got != pay {
		t.Errorf("what no rule fits went to %d, not %d", got, pay)
	}
	groups, err := s.Groups(ctx, outage)
	if err != nil || len(groups) != 1 {
		t.Fatalf("%+v, %v", groups, err)
	}
	want := []tracker.Reason{{Kind: "rule", Value: "type:TimeoutError tags.region:eu -> outage, {{ tags.region }}"}, {Kind: "fingerprint", Value: "outage"}, {Kind: "fingerprint", Value: "eu"}}
	if diff := cmp.Diff(want, groups[0].Why); diff != "" {
		t.Error(diff)
	}
}

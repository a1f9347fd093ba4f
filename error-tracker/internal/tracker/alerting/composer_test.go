package alerting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting/alerttest"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// world is a composer, its store and a clock that the test turns.
type world struct {
	t *testing.T
	*alerttest.Store
	*Composer
	clock time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, Store: &alerttest.Store{}, clock: time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC)}
	w.restart()
	return w
}

// restart makes a new composer on the same store, as a new process would.
func (w *world) restart() {
	w.t.Helper()
	c, err := NewComposer(Settings{
		BaseURL: "https://errors.example.com/", From: Address{Addr: "errors@example.com"},
		Recipients: []Address{{Addr: "a@example.com"}, {Addr: "b@example.com"}},
	}, w.Store, func() time.Time { return w.clock })
	if err != nil {
		w.t.Fatal(err)
	}
	w.Composer = c
}

// report queues an alert about an issue, which is made if it is not there.
func (w *world) report(kind tracker.AlertKind, id int64) {
	if _, err := w.Issue(context.Background(), id); err != nil {
		w.Put(tracker.Issue{
			ID: id, Project: "shop", Type: "ValueError", Message: fmt.Sprintf("bad order %d", id),
			Count: id, FirstSeen: w.clock, LastSeen: w.clock,
		}, event.Event{Traceback: "Traceback (most recent call last):\nValueError: bad"})
	}
	w.Alert(kind, id, w.clock)
}

func (w *world) compose() Result {
	w.t.Helper()
	res, err := w.Compose(w.t.Context())
	if err != nil {
		w.t.Fatalf("Compose: %v", err)
	}
	return res
}

// step lets d pass, with a pass when one is due and every minute at least.
func (w *world) step(d time.Duration) {
	w.t.Helper()
	for end := w.clock.Add(d); w.clock.Before(end); {
		next := w.clock.Add(min(time.Minute, end.Sub(w.clock)))
		if due := w.compose().Next; due.After(w.clock) && due.Before(next) {
			next = due
		}
		w.clock = next
	}
	w.compose()
}

// kinds counts letters: mails to the first recipient, by kind.
func (w *world) kinds() map[string]int {
	n := map[string]int{}
	for _, m := range w.Mails() {
		if m.Recipient == "a@example.com" {
			n[m.Kind]++
		}
	}
	return n
}

func (w *world) wantKinds(want map[string]int) {
	w.t.Helper()
	if got := w.kinds(); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Fatalf("mails to one recipient by kind = %v, want %v", got, want)
	}
}

func TestNewIssueIsMailedAtOnceToEveryRecipient(t *testing.T) {
	w := newWorld(t)
	w.report(tracker.AlertCreated, 1)
	if res := w.compose(); res.Mails != 2 || res.Waiting != 0 {
		t.Fatalf("Compose = %+v, want 2 mails and nothing waiting", res)
	}
	mails := w.Mails()
	if mails[0].MessageID == mails[1].MessageID || !strings.HasSuffix(mails[0].MessageID, "@example.com") {
		t.Errorf("message IDs %q and %q, want two different ones at example.com", mails[0].MessageID, mails[1].MessageID)
	}
	if mails[0].Recipient != "a@example.com" || mails[1].Recipient != "b@example.com" {
		t.Errorf("recipients %q, %q", mails[0].Recipient, mails[1].Recipient)
	}
	if !strings.Contains(mails[0].Text, "https://errors.example.com/errors/1\n") {
		t.Errorf("text has no link with one slash:\n%s", mails[0].Text)
	}
}

func TestIssueIsMailedOncePerKindAndWindow(t *testing.T) {
	w := newWorld(t)
	w.report(tracker.AlertCreated, 1)
	w.compose()
	w.report(tracker.AlertRegressed, 1) // another kind: at once
	w.compose()
	w.wantKinds(map[string]int{"created": 1, "regressed": 1})

	for range 5 {
		w.step(10 * time.Minute)
		w.report(tracker.AlertRegressed, 1)
		if res := w.compose(); res.Next != time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC) {
			t.Fatalf("next pass at %v, want the end of the window", res.Next)
		}
	}
	w.wantKinds(map[string]int{"created": 1, "regressed": 1})
	w.step(10 * time.Minute)
	w.wantKinds(map[string]int{"created": 1, "regressed": 2})
	mails := w.Mails()
	if last := mails[len(mails)-1]; !strings.Contains(last.Text, "It came back 5 times since the last mail") {
		t.Errorf("the mail at the end of the window does not tell of what it held back:\n%s", last.Text)
	}
	w.step(3 * time.Hour)
	w.wantKinds(map[string]int{"created": 1, "regressed": 2})
}

func TestStormMakesAHandfulOfMails(t *testing.T) {
	w := newWorld(t)
	const storm = 10_000
	for i := range int64(storm) {
		w.report(tracker.AlertCreated, i+1)
		if i%167 == 0 { // 10,000 in a minute
			w.clock = w.clock.Add(time.Second)
			w.compose()
		}
	}
	w.step(time.Hour)
	w.wantKinds(map[string]int{"created": 10, "digest": 1})
	if left := len(w.Alerts()); left != 0 {
		t.Errorf("%d alerts are left, want 0", left)
	}
	mails := w.Mails()
	digest := mails[len(mails)-1]
	if want := "[error-tracker] 9,990 new errors (digest)"; digest.Subject != want {
		t.Errorf("subject of the digest = %q, want %q", digest.Subject, want)
	}
	if !strings.Contains(digest.Text, "and 9,940 more") || strings.Count(digest.Text, "/errors/") != 50 {
		t.Errorf("the digest does not list 50 issues and count 9,940 more:\n%s", digest.Text)
	}
	if n := len(digest.HTML); n > 100_000 {
		t.Errorf("HTML of the digest has %d bytes; Gmail cuts at 102,400", n)
	}
	t.Logf("%d new issues in a minute: %v mails to each recipient, digest of %d bytes text and %d bytes HTML", storm, w.kinds(), len(digest.Text), len(digest.HTML))
}

func TestStormThatGoesOnMakesOneDigestPerInterval(t *testing.T) {
	w := newWorld(t)
	id := int64(0)
	for range 1200 {
		for range 3 {
			id++
			w.report(tracker.AlertCreated, id)
		}
		w.step(3 * time.Second)
	}
	w.step(20 * time.Minute)
	got := w.kinds()
	if got["created"] > 20 || got["digest"] > 7 {
		t.Fatalf("an hour of a new issue a second: %v mails, want at most 20 single ones and 7 digests", got)
	}
	if len(w.Alerts()) != 0 {
		t.Errorf("%d alerts are left, want 0", len(w.Alerts()))
	}
	t.Logf("%d new issues in an hour: %v mails to each recipient", id, got)
}

func TestFewThatWaitedGetMailsOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	for i := range int64(13) {
		w.report(tracker.AlertCreated, i+1)
	}
	w.compose()
	w.wantKinds(map[string]int{"created": 10})
	w.step(9 * time.Minute)
	w.wantKinds(map[string]int{"created": 10})
	w.step(time.Minute)
	w.wantKinds(map[string]int{"created": 13}) // with tracebacks, not as lines of a digest
}

func TestQuietAfterStormMailsAtOnceAgain(t *testing.T) {
	w := newWorld(t)
	for i := range int64(100) {
		w.report(tracker.AlertCreated, i+1)
	}
	w.compose()
	w.step(10 * time.Minute)
	w.wantKinds(map[string]int{"created": 10, "digest": 1})
	w.report(tracker.AlertCreated, 101) // right after a digest: waits
	w.compose()
	w.wantKinds(map[string]int{"created": 10, "digest": 1})
	w.step(10 * time.Minute)
	w.wantKinds(map[string]int{"created": 11, "digest": 1})
	w.step(10 * time.Minute)
	w.report(tracker.AlertCreated, 102)
	w.compose()
	w.wantKinds(map[string]int{"created": 12, "digest": 1})
}

func TestRestartKeepsBudgetAndDigestInterval(t *testing.T) {
	w := newWorld(t)
	for i := range int64(200) {
		w.report(tracker.AlertCreated, i+1)
		w.restart()
		w.compose()
	}
	w.wantKinds(map[string]int{"created": 10})
	w.restart()
	w.step(11 * time.Minute)
	// The wait begins anew at a restart, and the budget is full by its end.
	w.wantKinds(map[string]int{"created": 10, "digest": 1})
	for i := range int64(50) {
		w.report(tracker.AlertCreated, 1000+i)
		w.restart()
		w.compose()
	}
	w.step(8 * time.Minute)
	w.wantKinds(map[string]int{"created": 10, "digest": 1})
	w.step(3 * time.Minute)
	w.wantKinds(map[string]int{"created": 10, "digest": 2})
}

func TestNobodyHearsOfIssuesThatAreDealtWith(t *testing.T) {
	tests := map[string]func(w *world, i tracker.Issue){
		"muted":    func(w *world, i tracker.Issue) { i.Muted = true; w.Put(i, event.Event{}) },
		"resolved": func(w *world, i tracker.Issue) { i.Resolved = true; w.Put(i, event.Event{}) },
		"deleted":  func(w *world, i tracker.Issue) { w.Remove(i.ID) },
	}
	for name, deal := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for i := range int64(31) {
				w.report(tracker.AlertCreated, i+1)
			}
			issue, _ := w.Issue(t.Context(), 1)
			deal(w, issue) // before it could get a mail of its own
			w.compose()
			for i := range int64(20) { // while they wait for the digest
				issue, _ := w.Issue(t.Context(), i+12)
				deal(w, issue)
			}
			w.step(10 * time.Minute)
			w.wantKinds(map[string]int{"created": 10})
			for _, m := range w.Mails() {
				if m.IssueID == 1 || m.IssueID > 11 {
					t.Errorf("mail about issue %d, which is %s", m.IssueID, name)
				}
			}
			if len(w.Alerts()) != 0 {
				t.Errorf("alerts left: %v", w.Alerts())
			}
		})
	}
}

func TestTestAlertBypassesEverything(t *testing.T) {
	w := newWorld(t)
	for i := range int64(1000) {
		w.report(tracker.AlertCreated, i+1)
	}
	w.compose()
	if err := w.QueueTestAlert(t.Context(), 0, w.clock); err != nil {
		t.Fatal(err)
	}
	w.compose()
	w.wantKinds(map[string]int{"created": 10, "test": 1})
}

func TestComposeGoesOnAfterAnIssueThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.report(tracker.AlertCreated, 1)
	w.report(tracker.AlertCreated, 2)
	broken := errors.New("row is damaged")
	once := true
	w.Fail(func(method string) error {
		if method == "Issue" && once {
			once = false
			return broken
		}
		return nil
	})
	if _, err := w.Compose(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("Compose = %v, want the error of the store", err)
	}
	w.wantKinds(map[string]int{"created": 1})
	if a := w.Alerts(); len(a) != 1 || a[0].IssueID != 1 {
		t.Fatalf("pending alerts = %v, want the one of issue 1", a)
	}
	w.compose()
	w.wantKinds(map[string]int{"created": 2})
}

func TestDigestGoesOnAfterAnIssueThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	for i := range int64(40) {
		w.report(tracker.AlertCreated, i+1)
	}
	w.compose()
	w.clock = w.clock.Add(10 * time.Minute)
	broken := errors.New("row is damaged")
	asked := 0
	w.Fail(func(method string) error {
		if method == "Issue" {
			if asked++; asked == 5 {
				return broken
			}
		}
		return nil
	})
	if _, err := w.Compose(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("Compose = %v, want the error of the store", err)
	}
	w.wantKinds(map[string]int{"created": 10, "digest": 1})
	if a := w.Alerts(); len(a) != 1 || a[0].IssueID != 15 {
		t.Fatalf("pending alerts = %v, want the one of issue 15", a)
	}
	w.Fail(nil)
	w.step(20 * time.Minute)
	w.wantKinds(map[string]int{"created": 11, "digest": 1})
}

func TestClockStepsNeitherLoseNorFlood(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, time.Hour, 30 * 24 * time.Hour, -30 * 24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			w := newWorld(t)
			w.report(tracker.AlertRegressed, 1)
			for i := range int64(500) {
				w.report(tracker.AlertCreated, i+1)
			}
			w.compose()
			w.clock = w.clock.Add(step)
			w.step(30 * time.Minute)
			got := w.kinds()
			if got["created"] > 20 || got["digest"] != 1 || len(w.Alerts()) != 0 {
				t.Fatalf("after a step of %v: mails %v, %d alerts left; want at most 20 single mails, 1 digest, nothing left", step, got, len(w.Alerts()))
			}
			// A mail that lies in the future must not hold later ones back.
			w.report(tracker.AlertCreated, 9999)
			w.report(tracker.AlertRegressed, 1)
			w.step(time.Hour + 20*time.Minute)
			if n := len(w.Alerts()); n != 0 {
				t.Errorf("%d alerts are still held back an hour after a step of %v", n, step)
			}
		})
	}
}

func TestMoreAlertsThanOnePassReads(t *testing.T) {
	w := newWorld(t)
	w.Put(tracker.Issue{ID: 1, Type: "E"}, event.Event{})
	for range maxPending + 10 {
		w.Alert(tracker.AlertCreated, 1, w.clock)
	}
	w.compose()
	w.wantKinds(map[string]int{"created": 1})
	w.step(time.Hour)
	if n := len(w.Alerts()); n != 0 {
		t.Errorf("%d alerts are left, want 0", n)
	}
	w.wantKinds(map[string]int{"created": 2})
}

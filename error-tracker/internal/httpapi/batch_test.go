package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// echoTracker stores everything at once, also concurrently.
type echoTracker struct{ fakeTracker }

func (*echoTracker) Report(_ context.Context, e *event.Event) (tracker.Outcome, error) {
	return tracker.Outcome{Status: tracker.Created, EventID: e.ID}, nil
}

func TestBatchAnswersEachReportInItsOrder(t *testing.T) {
	var reports []string
	for i := range 50 {
		if i%7 == 3 {
			reports = append(reports, `{"project":"p"}`)
			continue
		}
		reports = append(reports, fmt.Sprintf(`{"project":"p","exception_type":"E","message":"m","traceback":"","event_id":"%032x"}`, i+1))
	}
	got := askWith(t, nil, func(o *Options) { o.Tracker = &echoTracker{} }, "POST", "/api/errors/batch", strings.NewReader(`{"reports":[`+strings.Join(reports, ",")+`]}`))
	var answer struct {
		Results []struct {
			Status, Detail string
			EventID        string `json:"event_id"`
			Error          int
		}
	}
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != 200 || len(answer.Results) != 50 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for i, r := range answer.Results {
		switch {
		case i%7 == 3 && (r.Error != 400 || r.Detail != "Missing required field: exception_type" || r.Status != ""):
			t.Errorf("result %d: %+v", i, r)
		case i%7 != 3 && (r.Error != 0 || r.Status == "" || r.EventID != fmt.Sprintf("%032x", i+1)):
			t.Errorf("result %d: %+v", i, r)
		}
	}
}

func TestBatchesThatAreNone(t *testing.T) {
	for body, want := range map[string]string{
		``: "Invalid JSON", `[]`: "Request body must be a JSON object", `{}`: "Missing required field: reports, an array", `{"reports":{}}`: "Missing required field: reports, an array",
		`{"reports":[]}`: "reports has 0 elements, want 1 to 100", `{"reports":[` + strings.Repeat(`{},`, 100) + `{}]}`: "reports has 101 elements, want 1 to 100",
		`{"reports":[{}]`: "Invalid JSON",
	} {
		if got := ask(t, &fakeTracker{}, "POST", "/api/errors/batch", strings.NewReader(body)); got.status != 400 || !strings.Contains(got.body, fmt.Sprintf(`"detail":%q`, want)) {
			t.Errorf("%.40s: %d %s, want %q", body, got.status, got.body, want)
		}
	}
}

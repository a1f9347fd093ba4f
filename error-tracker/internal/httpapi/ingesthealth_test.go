package httpapi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
)

func TestReportsAreCounted(t *testing.T) {
	for name, test := range map[string]struct {
		body    string
		outcome tracker.Outcome
		err     error
		want    counted
	}{
		"stored": {report(""), tracker.Outcome{Status: tracker.Incremented, ProjectID: 4}, nil, counted{"4 accepted event": 1, "4 sender POST /api/errors": 1}},
		"of an SDK": {report(`"sdk":{"name":"monlight.python","version":"0.4.0"}`), tracker.Outcome{Status: tracker.Created, ProjectID: 4}, nil,
			counted{"4 accepted event": 1, "4 sender monlight.python 0.4.0": 1}},
		"again":      {report(""), tracker.Outcome{Status: tracker.Duplicate, ProjectID: 4}, nil, counted{"4 repeated event": 1}},
		"corrected":  {report(`"replace":true`), tracker.Outcome{Status: tracker.Replaced, ProjectID: 4}, nil, counted{"4 repeated event": 1}},
		"not wanted": {report(""), tracker.Outcome{Status: tracker.Unwanted, ProjectID: 4, Reason: "crawler"}, nil, counted{"4 filtered crawler": 1}},
		"wrong":      {`{}`, tracker.Outcome{}, nil, counted{"0 refused malformed": 1}},
		"disk full":  {report(""), tracker.Outcome{}, errs.New(errs.Unavailable, "disk is full"), counted{"0 failed no room": 1}},
	} {
		for _, path := range []string{"/api/errors", "/api/errors/batch"} {
			body := test.body
			if strings.HasSuffix(path, "batch") {
				body = `{"reports":[` + body + `]}`
			}
			got := counted{}
			askWith(t, &fakeTracker{outcome: test.outcome, err: test.err}, func(o *Options) { o.Counter = got }, "POST", path, strings.NewReader(body))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, %s: %s", path, name, diff)
			}
		}
	}
}

func TestIngestHealth(t *testing.T) {
	f := &fakeTracker{ingest: []tracker.IngestCount{{Kind: tracker.Accepted, What: "event", Count: 9}, {Kind: tracker.Filtered, What: "crawler", Count: 2}, {Kind: tracker.Filtered, What: "message", Count: 1}}}
	want := `{"window":"hour","since":"2026-11-20T10:00:00Z","totals":{"accepted":9,"failed":0,"filtered":3,"ignored":0,"limited":0,"lost":0,"refused":0,"repeated":0,"sender":0,"skewed":0},` +
		`"counts":{"accepted":[{"what":"event","count":9}],"failed":[],"filtered":[{"what":"crawler","count":2},{"what":"message","count":1}],"ignored":[],"limited":[],"lost":[],"refused":[],"repeated":[],"sender":[],"skewed":[]},` +
		`"hours":[{"start":"2026-11-20T10:00:00Z","accepted":0,"not_stored":3},{"start":"2026-11-20T11:00:00Z","accepted":1,"not_stored":3}]}`
	if got := ask(t, f, "GET", "/api/ingest?project=3&window=hour", nil); got.status != 200 || got.body != want {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
	for query, detail := range map[string]string{
		"window=month": `window = \"month\", want hour, day or week`, "project=x": `project = \"x\", want the number`, "project=-1": `project = \"-1\"`,
	} {
		if got := ask(t, f, "GET", "/api/ingest?"+query, nil); got.status != 400 || !strings.Contains(got.body, detail) {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

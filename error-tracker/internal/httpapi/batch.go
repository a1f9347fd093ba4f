package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

const (
	// maxBatch is how many reports one request may hold.
	maxBatch = 100
	// batchWriters is how many of them are stored at once: they share a commit.
	batchWriters = 32
)

// resultJSON is what became of one report of a batch: an outcome, or the status
// and detail that it alone would have been answered with.
type resultJSON struct {
	*outcomeJSON
	Error      int    `json:"error,omitempty"`
	Detail     string `json:"detail,omitempty"`
	RetryAfter int64  `json:"retry_after,omitempty"` // seconds
}

// reportBatch is POST /api/errors/batch: several reports, each with an answer of
// its own, in their order.
func (a *api) reportBatch(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r, MaxBody)
	if err != nil {
		return err
	}
	release, err := a.Room(r.Context(), int64(len(body)))
	if err != nil {
		return err
	}
	defer release()
	reports, err := splitBatch(body)
	if err != nil {
		return err
	}
	results := make([]resultJSON, len(reports))
	var unavailable error
	stored := 0
	for i, err := range a.takeAll(context.WithoutCancel(r.Context()), reports, results) {
		switch {
		case err == nil:
			stored++
		case errs.KindOf(err) == errs.Unavailable:
			unavailable = err
			fallthrough
		default:
			results[i] = refusal(err)
		}
	}
	if stored == 0 && unavailable != nil {
		return unavailable // the whole batch is to come again later
	}
	return problem.JSON(w, http.StatusOK, map[string]any{"results": results})
}

// takeAll stores reports, several at a time, and fills in the results of those
// that were. It returns the errors of the others.
func (a *api) takeAll(ctx context.Context, reports []string, results []resultJSON) []error {
	failed := make([]error, len(reports))
	turns := make(chan struct{}, batchWriters)
	var wait sync.WaitGroup
	for i, text := range reports {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			out, sdk, err := a.takeText(ctx, text)
			a.answered(out, err, sdk)
			if failed[i] = err; err == nil {
				answer, _ := outcome(out)
				results[i].outcomeJSON = &answer
			}
		})
	}
	wait.Wait()
	return failed
}

// takeText decodes and stores one report, and names what made it.
func (a *api) takeText(ctx context.Context, text string) (out tracker.Outcome, sdk string, err error) {
	report, err := decodeReport(text)
	if err != nil {
		return out, "", err
	}
	e, err := report.Event()
	if err != nil {
		return out, "", err
	}
	sdk = sender(e)
	if report.Replace {
		out, err = a.Tracker.Correct(ctx, e)
	} else {
		out, err = a.Tracker.Report(ctx, e)
	}
	return out, sdk, err
}

// splitBatch returns the texts of the reports of a batch.
func splitBatch(body string) ([]string, error) {
	p := jsonpull.New(body, maxDepth+2)
	if p.Kind() != jsonpull.Object {
		p.Skip()
		if err := jsonError(p); err != nil {
			return nil, err
		}
		return nil, errs.New(errs.Invalid, "Request body must be a JSON object")
	}
	var reports []string
	n, isList := 0, false
	for name := range p.Object() {
		if name != "reports" {
			continue
		}
		isList = p.Kind() == jsonpull.Array
		for range p.Array() {
			if n++; n <= maxBatch {
				reports = append(reports, string(p.Raw()))
			}
		}
	}
	if err := jsonError(p); err != nil {
		return nil, err
	}
	switch {
	case !isList:
		return nil, errs.New(errs.Invalid, "Missing required field: reports, an array")
	case n == 0 || n > maxBatch:
		return nil, errs.New(errs.Invalid, "reports has %d elements, want 1 to %d", n, maxBatch)
	}
	return reports, nil
}

// refusal is what a report alone would have been answered with.
func refusal(err error) resultJSON {
	r := resultJSON{Error: problem.Status(err), Detail: "Internal server error"}
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind != errs.Internal {
		r.Detail = e.Text
		if e.Kind == errs.Unavailable {
			r.RetryAfter = max(1, int64(e.RetryAfter/time.Second))
		}
	}
	return r
}

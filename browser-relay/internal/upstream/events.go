package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

// askAgain is how long an error tracker that knows no batches, because it is
// older than they are, gets its events one by one.
const askAgain = 10 * time.Minute

// result is the answer to one report of a batch.
type result struct {
	Status     string `json:"status"`
	Error      int    `json:"error"`
	Detail     string `json:"detail"`
	RetryAfter int64  `json:"retry_after"` // seconds
}

// SendEvents implements relay.Upstream.
func (c *Client) SendEvents(ctx context.Context, parcels []relay.Parcel) []relay.Result {
	if len(parcels) > 1 && parcels[0].Target == relay.ToErrors && time.Now().Unix() >= c.single.Load() {
		results, known := c.sendBatch(ctx, parcels)
		if known {
			return results
		}
		c.single.Store(time.Now().Add(askAgain).Unix())
	}
	return c.sendEach(ctx, parcels)
}

// sendEach sends parcels one by one. It goes on after an internal error, to see
// whether that is the parcel's fault, but not after two.
func (c *Client) sendEach(ctx context.Context, parcels []relay.Parcel) (results []relay.Result) {
	failing := 0
	for _, p := range parcels {
		r := c.Send(ctx, p)
		results = append(results, r)
		switch r.Outcome {
		case relay.Delivered, relay.Refused:
			failing = 0
			continue
		case relay.Failing:
			if failing++; failing < 2 {
				continue
			}
		}
		break
	}
	return results
}

// sendBatch sends parcels in one request. known is false when the error tracker
// has no such address.
func (c *Client) sendBatch(ctx context.Context, parcels []relay.Parcel) (results []relay.Result, known bool) {
	var b bytes.Buffer
	b.WriteString(`{"reports":[`)
	for i, p := range parcels {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(p.Body)
	}
	b.WriteString("]}")
	s := c.services[relay.ToErrors]
	res, body, failed := c.post(ctx, s, s.URL.String()+"/api/errors/batch", relay.Parcel{Target: relay.ToErrors, Body: b.Bytes()}) //nolint:bodyclose // post has read and closed it
	if res == nil {
		return []relay.Result{failed}, true
	}
	if res.StatusCode != http.StatusOK {
		r := judge(relay.ToErrors, res, body)
		switch {
		case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusMethodNotAllowed:
			return nil, false
		case r.Outcome == relay.Refused, r.Outcome == relay.Failing:
			// Whose fault it is shows when each comes alone.
			return c.sendEach(ctx, parcels), true
		}
		return []relay.Result{r}, true
	}
	var answer struct {
		Results []result `json:"results"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Results) != len(parcels) {
		return []relay.Result{{Outcome: relay.Down, Detail: "an answer to a batch that has not a result for each report"}}, true
	}
	for _, r := range answer.Results {
		results = append(results, judgeResult(r))
	}
	return results, true
}

func judgeResult(r result) relay.Result {
	if r.Error == 0 {
		return relay.Result{Outcome: relay.Delivered}
	}
	return relay.Result{
		Outcome: outcomeOf(r.Error), RetryAfter: time.Duration(min(max(r.RetryAfter, 0), 86400)) * time.Second,
		Detail: fmt.Sprintf("status %d: %s", r.Error, relay.Cut(r.Detail, 300)),
	}
}

package httpapi

import (
	"crypto/sha256"
	"net/http"
	"strconv"

	"github.com/monlight/monlight/browser-relay/internal/relay"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/jsonpull"
	"github.com/monlight/monlight/shared/problem"
)

type batchResponse struct {
	Status    string         `json:"status"`
	Errors    int            `json:"errors"`
	Metrics   int            `json:"metrics"`
	Rejected  []rejectedJSON `json:"rejected"`
	Duplicate bool           `json:"duplicate,omitempty"`
}

type rejectedJSON struct {
	Item   string `json:"item"` // "errors" or "metrics"
	Index  int    `json:"index"`
	Detail string `json:"detail"`
}

// batch is POST /api/browser/batch.
func (a *api) batch(w http.ResponseWriter, v *visit) error {
	d := batchDecoder{version: 1}
	d.batch.UserAgent = v.r.UserAgent()
	err := decodeObject(v.body, d.member)
	v.sdk = d.batch.SDK.String()
	if err != nil {
		return err
	}
	if d.version != 1 {
		return errs.New(errs.Invalid, "v is %d, want 1", d.version)
	}
	if d.wrong != "" {
		return errs.New(errs.Invalid, "%s must be an array", d.wrong)
	}
	if len(d.batch.Metrics) > 0 {
		d.batch.Digest = d.digest(v.key.ID)
	}
	receipt, err := a.Intake.Batch(v.r.Context(), v.key, d.batch)
	if err != nil {
		return err
	}
	res := batchResponse{Status: "accepted", Errors: receipt.Errors, Metrics: receipt.Metrics, Rejected: []rejectedJSON{}, Duplicate: receipt.Duplicate}
	for _, r := range receipt.Rejected {
		res.Rejected = append(res.Rejected, rejectedJSON{r.Item, r.Index, r.Detail})
	}
	return problem.JSON(w, http.StatusAccepted, res)
}

// batchDecoder reads a batch. An item that is wrong is rejected by itself.
type batchDecoder struct {
	batch   relay.Batch
	version int
	batchID string // chosen by the page; "" if it did not
	points  []byte // the metrics as they came
	wrong   string // the list that was none
}

func (d *batchDecoder) member(p *jsonpull.Parser, name string) {
	b := &d.batch
	switch name {
	case "v":
		d.version = whole(p)
	case "sdk":
		for member := range p.Object() {
			switch member {
			case "name":
				b.SDK.Name, _ = p.String()
			case "version":
				b.SDK.Version, _ = p.String()
			}
		}
	case "batch_id":
		d.batchID, _ = p.String()
	case "sent_at":
		_, b.SentAt = timestamp(p)
	case "session_id":
		b.SessionID, _ = p.String()
	case "page_view":
		b.PageView, _ = p.String()
	case "page":
		b.Page, _ = p.String()
	case "release":
		b.Release, _ = p.String()
	case "environment":
		b.Environment, _ = p.String()
	case "user_id":
		b.UserID, _ = scalar(p)
	case "errors":
		d.list(p, name, d.errors)
	case "metrics":
		d.list(p, name, d.metrics)
	case "dropped":
		for reason := range p.Object() {
			if n := whole(p); n > 0 && len(b.Dropped) < relay.MaxDropReasons {
				b.Dropped = append(b.Dropped, relay.Dropped{Reason: reason, N: n})
			}
		}
	}
}

// list reads an array, or null, which is an empty one.
func (d *batchDecoder) list(p *jsonpull.Parser, name string, read func(p *jsonpull.Parser)) {
	switch {
	case p.Null():
	case p.Kind() == jsonpull.Array:
		read(p)
	default:
		d.wrong = name
	}
}

func (d *batchDecoder) errors(p *jsonpull.Parser) {
	for i := range p.Array() {
		if i > relay.MaxBatchErrors {
			continue // that there are more is said once
		}
		if p.Kind() != jsonpull.Object {
			d.reject("errors", i, "want an object")
			continue
		}
		var e eventDecoder
		for name := range p.Object() {
			e.member(p, name)
		}
		if !e.hasType && !e.hasMessage {
			d.reject("errors", i, "Missing required field: type")
			continue
		}
		d.batch.Errors = append(d.batch.Errors, e.event)
	}
}

func (d *batchDecoder) metrics(p *jsonpull.Parser) {
	d.points = p.Raw() // a second reading, but of text that is known to be JSON
	again := jsonpull.New(string(d.points), maxDepth)
	for i := range again.Array() {
		switch m, detail := decodeMetric(again); {
		case i == relay.MaxMetrics:
			d.reject("metrics", i, "more than "+strconv.Itoa(relay.MaxMetrics)+" metrics in a batch")
		case i > relay.MaxMetrics:
		case detail != "":
			d.reject("metrics", i, detail)
		default:
			d.batch.Metrics = append(d.batch.Metrics, m)
		}
	}
}

func (d *batchDecoder) reject(item string, index int, detail string) {
	d.batch.Rejected = append(d.batch.Rejected, relay.RejectedItem{Item: item, Index: index, Reason: relay.ReasonInvalid, Detail: detail})
}

// digest names the metrics of a batch: by the page's own name for the batch, or
// by all that makes them different from the next ones. The time of sending is
// left out, because it changes when a page sends again.
func (d *batchDecoder) digest(key int64) *relay.Digest {
	h := sha256.New()
	write := func(s string) {
		_, _ = h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	write(strconv.FormatInt(key, 10))
	write(d.batch.SessionID)
	write(d.batch.PageView)
	if d.batchID != "" {
		write("id")
		write(d.batchID)
	} else {
		write(d.batch.Page)
		write(string(d.points))
	}
	digest := relay.Digest(h.Sum(nil))
	return &digest
}

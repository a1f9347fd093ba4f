package httpapi

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/monlight/monlight/metrics-collector/internal/metrics"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/ingest"
)

// answer is the rows of a result on their way into JSON. They are written by
// hand: an answer may have hundreds of thousands of them, for which reflection
// takes longer than the query.
type answer struct {
	result  *metrics.Result
	agg     metrics.Agg
	grouped bool
}

// answers are buffers for answers: the usual ones have tens of kilobytes.
var answers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// keepBytes is the size up to which a buffer is kept.
const keepBytes = 2 << 20

// write sends the response: the members of the struct, and the rows after them.
func (res *queryResponse) write(w http.ResponseWriter) error {
	head, err := json.Marshal(res)
	if err != nil {
		return err
	}
	buf := answers.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	b := append((*buf)[:0], head...)
	defer func() {
		if cap(b) <= keepBytes {
			*buf = b
			answers.Put(buf)
		}
	}()
	b = res.data.append(append(b[:len(b)-1], ','))
	if p := res.previous; p != nil {
		b = append(b, `,"previous":{"from":"`+p.from+`","to":"`+p.to+`",`...)
		b = append(p.data.append(b), '}')
	}
	b = append(b, '}')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b) // the client left: nothing to do about it
	return nil
}

// append adds the members data and, when the query is grouped, series.
func (a *answer) append(b []byte) []byte {
	b = append(b, `"data":`...)
	if !a.grouped {
		if len(a.result.Series) == 0 {
			return append(b, "[]"...)
		}
		return a.appendRows(b, a.result.Series[0].Rows)
	}
	b = append(b, `[],"series":[`...)
	for i := range a.result.Series {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"labels":`...)
		b = append(b, a.result.Series[i].Labels.String()...)
		b = append(b, `,"data":`...)
		b = append(a.appendRows(b, a.result.Series[i].Rows), '}')
	}
	return append(b, ']')
}

func (a *answer) appendRows(b []byte, rows []metrics.Row) []byte {
	const rowBytes = 80 // with one value, about
	b = append(slices.Grow(b, 2+rowBytes*len(rows)), '[')
	var clock ingest.SecondFormatter
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"bucket":"`...)
		b = clock.Append(b, rows[i].BucketMS)
		b = append(b, '"')
		if a.agg.IsZero() {
			b = appendNumbers(b, &rows[i])
		} else {
			v, ok := a.agg.Value(a.result.Type, &rows[i])
			b = appendNumber(append(b, `,"value":`...), v, ok)
			b = strconv.AppendUint(append(b, `,"count":`...), rows[i].Count, 10)
		}
		if rows[i].Partial {
			b = append(b, `,"partial":true`...)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendNumbers(b []byte, r *metrics.Row) []byte {
	b = strconv.AppendUint(append(b, `,"count":`...), r.Count, 10)
	for _, m := range []struct {
		name  string
		value float64
	}{
		{"sum", finite(r.Sum)}, {"min", r.Min}, {"max", r.Max}, {"avg", finite(r.Sum / float64(r.Count))},
		{"p50", r.Quantiles[0]}, {"p95", r.Quantiles[1]}, {"p99", r.Quantiles[2]}, {"last", r.Last},
	} {
		b = append(append(append(b, `,"`...), m.name...), `":`...)
		b = appendNumber(b, m.value, true)
	}
	return b
}

// appendNumber adds a float as JSON: null when there is none.
func appendNumber(b []byte, v float64, ok bool) []byte {
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

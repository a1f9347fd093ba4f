package httpapi

import (
	"encoding/json"
	"math"
	"net/http"
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
	shiftMS int64 // added to the times
}

// pieces are buffers for pieces of answers.
var pieces = sync.Pool{New: func() any { b := make([]byte, 0, pieceBytes+pieceBytes/4); return &b }}

// pieceBytes is how much of an answer is in memory: an answer may have tens of
// megabytes.
const pieceBytes = 64 << 10

// stream is an answer on its way to a client, piece by piece.
type stream struct {
	w    http.ResponseWriter
	b    []byte
	sent bool
	gone bool // the client
}

// flush sends what there is.
func (s *stream) flush() {
	if !s.sent {
		s.w.Header().Set("Content-Type", "application/json")
		s.w.WriteHeader(http.StatusOK)
		s.sent = true
	}
	if _, err := s.w.Write(s.b); err != nil {
		s.gone = true // nothing to do about it
	}
	s.b = s.b[:0]
}

// write sends the response: the members of the struct, and the rows after them.
func (res *queryResponse) write(w http.ResponseWriter) error {
	head, err := json.Marshal(res)
	if err != nil {
		return err
	}
	buf := pieces.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	s := &stream{w: w, b: append((*buf)[:0], head[:len(head)-1]...)}
	defer func() {
		*buf = s.b
		pieces.Put(buf)
	}()
	s.b = append(s.b, ',')
	res.data.write(s)
	if p := res.previous; p != nil {
		s.b = append(s.b, `,"previous":{"from":"`+p.from+`","to":"`+p.to+`",`...)
		p.data.write(s)
		s.b = append(s.b, '}')
	}
	s.b = append(s.b, '}')
	if !s.sent {
		w.Header().Set("Content-Length", strconv.Itoa(len(s.b)))
	}
	s.flush()
	return nil
}

// write adds the members data and, when the query is grouped, series.
func (a *answer) write(s *stream) {
	s.b = append(s.b, `"data":`...)
	if !a.grouped {
		if len(a.result.Series) == 0 {
			s.b = append(s.b, "[]"...)
			return
		}
		a.writeRows(s, &a.result.Series[0])
		return
	}
	s.b = append(s.b, `[],"series":[`...)
	for i := range a.result.Series {
		if i > 0 {
			s.b = append(s.b, ',')
		}
		s.b = append(s.b, `{"labels":`...)
		s.b = append(s.b, a.result.Series[i].Labels.String()...)
		s.b = append(s.b, `,"data":`...)
		a.writeRows(s, &a.result.Series[i])
		s.b = append(s.b, '}')
	}
	s.b = append(s.b, ']')
}

func (a *answer) writeRows(s *stream, series *metrics.ResultSeries) {
	b, first := append(s.b, '['), true
	var clock ingest.SecondFormatter
	for row := series.Rows(); row.Next(); {
		if len(b) >= pieceBytes {
			if s.b = b; s.gone {
				return
			}
			s.flush()
			b = s.b
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, `{"bucket":"`...)
		b = clock.Append(b, row.BucketMS+a.shiftMS)
		b = append(b, '"')
		if a.agg.IsZero() {
			b = appendNumbers(b, &row.Row)
		} else {
			v, ok := a.agg.Value(a.result.Type, &row.Row)
			b = appendNumber(append(b, `,"value":`...), v, ok)
			b = strconv.AppendUint(append(b, `,"count":`...), row.Count, 10)
		}
		if row.Partial {
			b = append(b, `,"partial":true`...)
		}
		b = append(b, '}')
	}
	s.b = append(b, ']')
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

package sqlite

import (
	"time"

	"github.com/monlight/monlight/log-viewer/internal/block"
)

// rateMinutes is how many minutes the rate of a source is averaged over.
const rateMinutes = 5

// rate counts what arrived from a source in the present minute and in those before.
type rate struct {
	minute int64 // Unix minutes, of counts[0]
	counts [rateMinutes + 1]int64
}

func (r *rate) at(minute int64) {
	for ; r.minute < minute; r.minute++ {
		if minute-r.minute > rateMinutes+1 {
			r.minute = minute - rateMinutes - 1
			clear(r.counts[:])
		}
		copy(r.counts[1:], r.counts[:])
		r.counts[0] = 0
	}
}

// perMinute is the mean over the last full minutes.
func (r *rate) perMinute(now time.Time) float64 {
	r.at(now.Unix() / 60)
	// The present minute counts as far as it has come, the oldest for the rest.
	part := float64(now.Unix()%60) / 60
	sum := float64(r.counts[0])
	for _, n := range r.counts[1:rateMinutes] {
		sum += float64(n)
	}
	sum += float64(r.counts[rateMinutes]) * (1 - part)
	return sum / rateMinutes
}

func (s *Store) countArrivals(rows *block.Rows, now time.Time) {
	minute := now.Unix() / 60
	var last *rate
	source := ^uint32(0)
	for _, id := range rows.Source {
		if id != source || last == nil {
			source, last = id, s.rates[id]
			if last == nil {
				last = &rate{minute: minute}
				s.rates[id] = last
			}
			last.at(minute)
		}
		last.counts[0]++
	}
}

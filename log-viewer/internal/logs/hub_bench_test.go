package logs_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// taker is a store that takes everything and keeps nothing.
type taker struct {
	logs.Store
	last int64
}

func (s *taker) Append(_ context.Context, b logs.Batch) (int64, error) {
	first := s.last + 1
	s.last += int64(len(b.Entries))
	return first, nil
}
func (s *taker) Stats(context.Context) (logs.Stats, error)           { return logs.Stats{}, nil }
func (s *taker) Sources(context.Context) ([]logs.SourceStats, error) { return nil, nil }

// What the live stream costs those who write, with nobody and with many listening.
func BenchmarkAppendWithTails(b *testing.B) {
	for _, tails := range []int{0, 1, 50} {
		b.Run(strconv.Itoa(tails), func(b *testing.B) {
			s, err := logs.NewService(b.Context(), &taker{}, logs.Options{})
			if err != nil {
				b.Fatal(err)
			}
			for range tails {
				t, err := s.Tail(b.Context(), logs.Filter{}, 0)
				if err != nil {
					b.Fatal(err)
				}
				defer t.Close()
			}
			batch := logs.Batch{Entries: make([]logs.Entry, 1000)}
			for i := range batch.Entries {
				batch.Entries[i] = logs.Entry{Source: "web", Time: 1, Message: "a line of a hundred bytes or so, as services write them all day long: GET /orders/4711 200 12 ms"}
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if _, err := s.Append(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				n += len(batch.Entries)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

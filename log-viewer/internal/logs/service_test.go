package logs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/logstest"
	"github.com/monlight/monlight/shared/errs"
)

func newService(t *testing.T, store logs.Store, o logs.Options) *logs.Service {
	t.Helper()
	s, err := logs.NewService(t.Context(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func add(t *testing.T, s *logs.Service, messages ...string) {
	t.Helper()
	var b logs.Batch
	for _, m := range messages {
		b.Entries = append(b.Entries, logs.Entry{Source: "web", Level: logs.Info, Message: m})
	}
	if _, err := s.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func tail(t *testing.T, s *logs.Service, f logs.Filter, after int64) *logs.Tail {
	t.Helper()
	r, err := s.Tail(t.Context(), f, after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// next returns the messages that come within a second, and what was dropped.
func next(t *testing.T, r *logs.Tail) (messages []string, dropped int64, gap bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return messages, dropped, gap
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Entries {
			messages = append(messages, e.Message)
		}
		dropped, gap = dropped+b.Dropped, gap || b.Gap
	}
}

func search(t *testing.T, text string) *logs.Expr {
	t.Helper()
	x, err := logs.ParseSearch(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestTailGetsWhatPassesItsFilterFromNowOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, logstest.NewMemory(), logs.Options{})
		add(t, s, "old one")
		all, some := tail(t, s, logs.Filter{}, 0), tail(t, s, logs.Filter{Search: search(t, "order -cancelled")}, 0)
		of := tail(t, s, logs.Filter{Services: []string{"shop"}}, 0)
		add(t, s, "order 1 placed", "order 2 cancelled", "nothing")
		if _, err := s.Append(t.Context(), logs.Batch{
			Sources: []logs.Source{{Name: "shop-web-1", Labels: logs.Labels{Service: "shop"}}},
			Entries: []logs.Entry{{Source: "shop-web-1", Message: "of the service"}},
		}); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			tail *logs.Tail
			want []string
		}{
			{all, []string{"order 1 placed", "order 2 cancelled", "nothing", "of the service"}},
			{some, []string{"order 1 placed"}},
			{of, []string{"of the service"}},
		} {
			if got, _, _ := next(t, tt.tail); !cmp.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		}
	})
}

func TestTailsAreLimitedAndTheirPlacesAreGivenBack(t *testing.T) {
	s := newService(t, logstest.NewMemory(), logs.Options{MaxTails: 2})
	a, b := tail(t, s, logs.Filter{}, 0), tail(t, s, logs.Filter{}, 0)
	if _, err := s.Tail(t.Context(), logs.Filter{}, 0); errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "Too many SSE connections") {
		t.Errorf("the third of two: %v", err)
	}
	a.Close()
	a.Close() // gives one place back, not two
	for range 1000 {
		r, err := s.Tail(t.Context(), logs.Filter{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	tail(t, s, logs.Filter{}, 0)
	if _, err := s.Tail(t.Context(), logs.Filter{}, 0); err == nil {
		t.Error("closing twice made two places")
	}
	b.Close()
	if live := s.Live(); live.Tails != 1 || live.TailRefused != 2 {
		t.Errorf("live %+v", live)
	}
}

func TestSlowReadersAreToldHowManyTheyMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, logstest.NewMemory(), logs.Options{TailQueue: 10})
		r := tail(t, s, logs.Filter{Search: search(t, "keep")}, 0)
		for i := range 30 {
			add(t, s, fmt.Sprintf("keep %d", i), "leave")
		}
		got, dropped, _ := next(t, r)
		if len(got) != 10 || got[9] != "keep 9" || dropped != 20 {
			t.Errorf("%d entries up to %q and %d dropped, want the first 10 and 20", len(got), got[len(got)-1], dropped)
		}
		add(t, s, "keep again")
		if got, dropped, _ := next(t, r); len(got) != 1 || dropped != 0 {
			t.Errorf("afterwards %q, %d dropped", got, dropped)
		}
		// What is not even filtered is bounded in bytes.
		big := strings.Repeat("keep ", 200_000)
		for range 12 {
			add(t, s, big)
		}
		got, dropped, _ = next(t, r)
		if len(got)+int(dropped) != 12 || len(got) < 1 || len(got) > 8 {
			t.Errorf("of 12 entries of 1 MB %d were kept and %d dropped", len(got), dropped)
		}
	})
}

func TestReplayIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, logstest.NewMemory(), logs.Options{})
		add(t, s, "first")
		batch := make([]string, 1000)
		for i := range batch {
			batch[i] = "x"
		}
		for range logs.MaxReplay/1000 + 2 {
			add(t, s, batch...)
		}
		r := tail(t, s, logs.Filter{}, 1)
		got, _, gap := next(t, r)
		if !gap || len(got) > logs.MaxReplay {
			t.Errorf("%d entries, gap %v", len(got), gap)
		}
		add(t, s, "live")
		if got, _, gap := next(t, r); !cmp.Equal(got, []string{"live"}) || gap {
			t.Errorf("after the gap %q, gap %v", got, gap)
		}
		// An ID of another database is no place to go on from.
		if got, _, _ := next(t, tail(t, s, logs.Filter{}, 1<<40)); len(got) != 0 {
			t.Errorf("from an unknown entry: %d", len(got))
		}
	})
}

// unruly is a store whose batches are written in order, but come back late, in
// any order, and sometimes with an error although they were written.
type unruly struct {
	*logstest.Memory
	delay func() time.Duration
	fail  func() bool
}

func (u *unruly) Append(ctx context.Context, b logs.Batch) (int64, error) {
	first, err := u.Memory.Append(ctx, b)
	time.Sleep(u.delay())
	if err == nil && u.fail() {
		return 0, errors.New("the connection was lost after the commit")
	}
	return first, err
}

// Whatever order batches come back in, and wherever a reader leaves and comes
// again, it gets every entry once and in order.
func TestNoEntryIsMissedOrRepeatedBetweenReplayAndLive(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(seed, 7))
			number := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
			store := &unruly{logstest.NewMemory(),
				func() time.Duration { return time.Duration(number(400)) * time.Millisecond },
				func() bool { return seed%2 == 1 && number(10) == 0 }}
			s := newService(t, store, logs.Options{TailQueue: 100_000})
			const writers, batches = 5, 20
			var all sync.WaitGroup
			for w := range writers {
				all.Go(func() {
					for n := range batches {
						b := logs.Batch{}
						for i := range 1 + number(5) {
							b.Entries = append(b.Entries, logs.Entry{Source: "web", Message: fmt.Sprintf("%d-%d-%d", w, n, i)})
						}
						_, _ = s.Append(t.Context(), b) // some fail after the commit
						time.Sleep(time.Duration(number(100)) * time.Millisecond)
					}
				})
			}
			var got []int64
			last := int64(0)
			deadline := time.Now().Add(time.Minute)
			for time.Now().Before(deadline) {
				var after int64
				if last > 0 {
					after = last
				}
				r, err := s.Tail(t.Context(), logs.Filter{}, after)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+number(1500))*time.Millisecond)
				for {
					b, err := r.Next(ctx)
					if err != nil {
						break
					}
					for _, e := range b.Entries {
						got = append(got, e.ID)
						last = e.ID
					}
				}
				cancel()
				r.Close()
				time.Sleep(time.Duration(number(300)) * time.Millisecond)
			}
			all.Wait()
			st, _ := store.Stats(t.Context())
			if len(got) == 0 {
				t.Fatalf("seed %d: nothing came", seed)
			}
			for i := 1; i < len(got); i++ {
				if got[i] != got[i-1]+1 {
					t.Fatalf("seed %d: entry %d came after %d", seed, got[i], got[i-1])
				}
			}
			if last != st.LastID {
				t.Errorf("seed %d: the last entry that came is %d, written were %d", seed, last, st.LastID)
			}
		})
	}
}

func TestAppendRefusesWhatNobodyShouldWrite(t *testing.T) {
	s := newService(t, logstest.NewMemory(), logs.Options{Now: func() time.Time { return time.Unix(100, 5) }})
	entry := func(change func(*logs.Entry)) logs.Batch {
		e := logs.Entry{Source: "web", Message: "m"}
		change(&e)
		return logs.Batch{Entries: []logs.Entry{e}}
	}
	tests := map[string]struct {
		batch logs.Batch
		want  string
	}{
		"no source":    {entry(func(e *logs.Entry) { e.Source = "" }), "container is empty"},
		"long source":  {entry(func(e *logs.Entry) { e.Source = strings.Repeat("x", 201) }), "container has 201 bytes, the limit is 200"},
		"long message": {entry(func(e *logs.Entry) { e.Message = strings.Repeat("x", 1<<20+1) }), "the limit is 1048576"},
		"not UTF-8":    {entry(func(e *logs.Entry) { e.Message = "\xff" }), "message is not valid UTF-8"},
		"level":        {entry(func(e *logs.Entry) { e.Level = 9 }), "level is 9"},
		"stream":       {entry(func(e *logs.Entry) { e.Stream = 3 }), "stream is 3"},
		"long key":     {logs.Batch{Key: strings.Repeat("k", 256)}, "Idempotency-Key has 256 bytes"},
		"labels":       {logs.Batch{Sources: []logs.Source{{Name: "a", Labels: logs.Labels{Image: "\xff"}}}}, "a label of source"},
	}
	for name, tt := range tests {
		if _, err := s.Append(t.Context(), tt.batch); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	add(t, s, "now")
	if e, err := s.Entry(t.Context(), 1); err != nil || !e.When().Equal(time.Unix(100, 5)) {
		t.Errorf("an entry without a time: %v, %v", e.When(), err)
	}
	if live := s.Live(); live.Entries != 1 || live.Refused != int64(len(tests)) || live.LastTime != time.Unix(100, 5).UnixNano() {
		t.Errorf("figures %+v", live)
	}
}

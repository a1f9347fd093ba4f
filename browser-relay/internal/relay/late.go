package relay

import (
	"context"
	"path"
)

const (
	// maxWanted is how many missing maps are looked through when one arrives, and
	// lateBatch how many events are worked on at a time.
	maxWanted = 2000
	lateBatch = 50
)

// Correct looks again at the recent events that waited for a map which has arrived
// now, and reports those that it explains once more, as corrections: the error
// tracker then moves them to the errors that they belong to. It returns how many.
func (s *Service) Correct(ctx context.Context, project string, arrived MissingMap) (corrected int, err error) {
	if s.Recent == nil || s.Symbolicator == nil {
		return 0, nil
	}
	wanted, err := s.Recent.MissingMaps(ctx, maxWanted)
	if err != nil {
		return 0, err
	}
	for _, w := range wanted {
		if w.Project != project || !fits(w.MissingMap, arrived) {
			continue
		}
		n, err := s.correctFor(ctx, w)
		corrected += n
		if err != nil {
			return corrected, err
		}
	}
	return corrected, nil
}

// fits tells whether a map may be the one that is missing. Whether it is, its use
// will show: files are also found by the ends of their paths.
func fits(missing, arrived MissingMap) bool {
	if missing.DebugID != "" && missing.DebugID == arrived.DebugID {
		return true
	}
	return missing.Release != "" && missing.Release == arrived.Release && path.Base(missing.File) == path.Base(arrived.File)
}

// correctFor works on all events that miss a map.
func (s *Service) correctFor(ctx context.Context, w WantedMap) (corrected int, err error) {
	for {
		events, err := s.Recent.RecentFor(ctx, w.Project, w.MissingMap, lateBatch)
		if err != nil || len(events) == 0 {
			return corrected, err
		}
		var entries []Entry
		var done []int64
		var waiting []RecentEvent
		still := 0 // that miss the same map as before
		for i := range events {
			e := &events[i]
			e.Event.Symbolicated = s.Symbolicator.Symbolicate(ctx, w.Project, &e.Event)
			if e.Event.Symbolicated == nil || misses(e.Event.Symbolicated.Missing, w.MissingMap) {
				still++
				continue
			}
			done = append(done, e.ID)
			if rest := e.Event.Symbolicated.Missing; len(rest) > 0 {
				again := *e
				again.Missing, again.Event.Symbolicated = rest, nil
				waiting = append(waiting, again)
			}
			if !e.Event.Symbolicated.Resolved {
				continue
			}
			e.Event.Replace = true
			body, err := s.Encoder.Report(w.Project, &e.Event)
			if err != nil {
				return corrected, err
			}
			// Through the same queue as the event itself, and so after it.
			entries = append(entries, Entry{Queue: Queue{ToErrors, e.KeyID}, At: s.Now(), Items: 1, Parcel: e.Event.ID, Body: body})
		}
		if len(entries) > 0 {
			if _, err := s.Spool.Append(ctx, entries, nil); err != nil {
				return corrected, err
			}
			corrected += len(entries)
		}
		// After the reports: what is done twice after a crash changes nothing.
		if err := s.Recent.RemoveRecent(ctx, done); err != nil {
			return corrected, err
		}
		if err := s.Recent.AddRecent(ctx, waiting); err != nil {
			return corrected, err
		}
		if still > 0 || len(done) == 0 {
			return corrected, nil // it was another map, or it is gone again
		}
	}
}

func misses(list []MissingMap, m MissingMap) bool {
	for _, x := range list {
		if x == m {
			return true
		}
	}
	return false
}

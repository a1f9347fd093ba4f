package logging

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxMistakes is how many different messages are remembered.
	maxMistakes = 50
	// maxFacts and maxFactBytes bound what is remembered with one.
	maxFacts     = 8
	maxFactBytes = 300
)

// Mistake is a warning or an error that the service logged, with all its
// repetitions: messages are constant, what differs is in the facts.
type Mistake struct {
	Level     slog.Level
	Message   string
	Count     int64
	First     time.Time
	Last      time.Time
	RequestID string // of the last one, or ""
	Facts     []Fact // of the last one, without stacks and secrets
}

// Fact is an attribute of a record, as text.
type Fact struct{ Name, Value string }

// Mistakes returns the warnings and errors that l has logged since it was made
// by [New], the newest first, at most 50 different ones. It returns nil for
// another logger.
func Mistakes(l *slog.Logger) []Mistake {
	if h, ok := l.Handler().(contextHandler); ok {
		return h.journal.newest()
	}
	return nil
}

// journal remembers mistakes in memory.
type journal struct {
	mu   sync.Mutex
	list []Mistake // the one that was repeated last stands last
}

func (j *journal) add(r slog.Record, id string) {
	m := Mistake{Level: r.Level, Message: cut(r.Message, maxFactBytes), Count: 1, First: r.Time, Last: r.Time, RequestID: cut(id, maxFactBytes)}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "stack" {
			m.Facts = append(m.Facts, Fact{cut(a.Key, maxFactBytes), factOf(a)})
		}
		return len(m.Facts) < maxFacts
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	same := slices.IndexFunc(j.list, func(o Mistake) bool { return o.Level == m.Level && o.Message == m.Message })
	switch {
	case same >= 0:
		m.Count, m.First = j.list[same].Count+1, j.list[same].First
		j.list = slices.Delete(j.list, same, same+1)
	case len(j.list) == maxMistakes:
		j.list = slices.Delete(j.list, 0, 1)
	}
	j.list = append(j.list, m)
}

func (j *journal) newest() []Mistake {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := slices.Clone(j.list)
	slices.SortStableFunc(list, func(a, b Mistake) int { return cmp.Compare(b.Last.UnixNano(), a.Last.UnixNano()) })
	return list
}

// secretNames are parts of attribute names whose values are not remembered, but for
// those of numbers (key_id). No such attribute is logged today; this keeps a mistake
// there off the pages.
var secretNames = []string{"key", "token", "secret", "password", "authorization", "cookie"}

func factOf(a slog.Attr) string {
	name := strings.ToLower(a.Key)
	if !strings.HasSuffix(name, "_id") && slices.ContainsFunc(secretNames, func(s string) bool { return strings.Contains(name, s) }) {
		return "[redacted]"
	}
	return cut(a.Value.Resolve().String(), maxFactBytes)
}

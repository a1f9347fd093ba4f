package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// MaxSources bounds the sources of a store, because whoever may send entries
// may invent names.
const MaxSources = 20_000

// sources are the names and labels of sources, by number. It is guarded by
// Store.mu; its maps are replaced, never changed.
type sources struct {
	byName map[string]uint32
	names  *sourceNames
}

// sourceNames is sources by number; it does not change.
type sourceNames struct {
	list []logs.Source // by number
}

// of is the name of a source; that of a number nobody gave is "?".
func (n *sourceNames) of(source uint32) string {
	if int(source) >= len(n.list) || n.list[source].Name == "" {
		return "?"
	}
	return n.list[source].Name
}

func (n *sourceNames) labels(source uint32) logs.Labels {
	if int(source) >= len(n.list) {
		return logs.Labels{}
	}
	return n.list[source].Labels
}

func (s *Store) names() *sourceNames {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sources.names
}

const putSource = `INSERT INTO sources (id, name, labels) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET labels = excluded.labels`

// learn makes the sources of b known, on disk first. A source that no entry
// came from does no harm, so it need not be one transaction with the entries.
func (s *Store) learn(ctx context.Context, b logs.Batch) (*sources, error) {
	s.mu.RLock()
	known := s.sources
	s.mu.RUnlock()
	var news []logs.Source
	listed := make(map[string]bool)
	for _, src := range b.Sources {
		id, ok := known.byName[src.Name]
		if !ok || known.names.list[id].Labels != src.Labels {
			news = append(news, src)
			listed[src.Name] = true
		}
	}
	last := ""
	for i := range b.Entries {
		if name := b.Entries[i].Source; name != last {
			last = name
			if _, ok := known.byName[name]; !ok && !listed[name] {
				news = append(news, logs.Source{Name: name})
				listed[name] = true
			}
		}
	}
	if len(news) == 0 {
		return &known, nil
	}
	return s.addSources(ctx, news)
}

// addSources writes sources down and makes them known once they are on disk:
// a number must never come to stand for another name.
func (s *Store) addSources(ctx context.Context, news []logs.Source) (*sources, error) {
	s.learnMu.Lock()
	defer s.learnMu.Unlock()
	s.mu.RLock()
	next := s.sources.with(news)
	s.mu.RUnlock()
	if len(next.names.list) > MaxSources+1 {
		return nil, errs.New(errs.Invalid, "there are more than %d different sources", MaxSources)
	}
	err := s.db.Write(ctx, func(tx *sqlitedb.Tx) error {
		for _, src := range news {
			labels, err := json.Marshal(src.Labels)
			if err != nil {
				return fmt.Errorf("labels of %s: %w", src.Name, err)
			}
			if _, err := tx.Exec(putSource, int64(next.byName[src.Name]), src.Name, string(labels)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.sources = next
	s.mu.Unlock()
	return &next, nil
}

// with is the sources and news.
func (k sources) with(news []logs.Source) sources {
	out := sources{byName: make(map[string]uint32, len(k.byName)+len(news)), names: &sourceNames{list: append([]logs.Source(nil), k.names.list...)}}
	for name, id := range k.byName {
		out.byName[name] = id
	}
	for _, src := range news {
		id, ok := out.byName[src.Name]
		if !ok {
			id = uint32(len(out.names.list)) //nolint:gosec // at most MaxSources
			out.byName[src.Name] = id
			out.names.list = append(out.names.list, src)
			continue
		}
		out.names.list[id] = src
	}
	return out
}

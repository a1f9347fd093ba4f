package sqlite

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/monlight/monlight/log-viewer/internal/block"
	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/shared/sqlitedb"
)

// filter is a logs.Filter made ready for one query.
type filter struct {
	store   *Store
	ctx     context.Context //nolint:containedctx // it lives as long as the query
	names   *sourceNames
	flags   [block.NFlags]bool // those that pass
	mask    uint16             // the same as bits
	sources map[uint32]bool    // those that pass; nil is all
	since   int64
	until   int64
	expr    *logs.Expr
	plan    *block.Plan
	end     time.Time // of the time there is

	mu    sync.Mutex
	words map[wordKey]*blockSet // nil value: it is not known
	ids   map[uint64]*idLooks   // by hash
}

type wordKey struct {
	partition int64
	word      string
	prefix    bool
}

// newFilter prepares f. The context must have the deadline of the query.
func (s *Store) newFilter(ctx context.Context, f logs.Filter) *filter {
	q := &filter{store: s, ctx: ctx, names: s.names(), since: math.MinInt64, until: math.MaxInt64, expr: f.Search, plan: block.NewPlan(f.Search), words: make(map[wordKey]*blockSet), ids: make(map[uint64]*idLooks)}
	q.end, _ = ctx.Deadline()
	q.setFlags(f.Levels, f.Streams)
	q.setSources(f.Sources, f.Services)
	if !f.Since.IsZero() {
		q.since = nanoseconds(f.Since)
	}
	if !f.Until.IsZero() {
		q.until = nanoseconds(f.Until)
	}
	return q
}

// nanoseconds is t in Unix nanoseconds, or the nearest there is.
func nanoseconds(t time.Time) int64 {
	switch year := t.Year(); {
	case year < 1678:
		return math.MinInt64
	case year > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

func (q *filter) setFlags(levels logs.LevelSet, streams []logs.Stream) {
	q.mask = 0
	for f := range uint8(block.NFlags) {
		q.flags[f] = levels.Has(logs.Level(f & 7))
		if len(streams) > 0 {
			pass := false
			for _, s := range streams {
				pass = pass || uint8(s) == f>>3
			}
			q.flags[f] = q.flags[f] && pass
		}
		if q.flags[f] {
			q.mask |= 1 << f
		}
	}
}

func (q *filter) setSources(names, services []string) {
	q.sources = nil
	if len(names)+len(services) == 0 {
		return
	}
	q.sources = make(map[uint32]bool)
	for id, src := range q.names.list {
		if src.Name != "" && (len(names) == 0 || contains(names, src.Name)) && (len(services) == 0 || contains(services, src.Labels.Service)) {
			q.sources[uint32(id)] = true //nolint:gosec // at most MaxSources
		}
	}
}

func contains(list []string, s string) bool {
	for _, o := range list {
		if o == s {
			return true
		}
	}
	return false
}

// pass tells whether a row passes what is not text.
func (q *filter) pass(at int64, source uint32, flags uint8) bool {
	return at >= q.since && at <= q.until && q.flags[flags] && (q.sources == nil || q.sources[source])
}

// late tells whether the time is over.
func (q *filter) late() bool { return !q.end.IsZero() && time.Now().After(q.end) || q.ctx.Err() != nil }

// may tells whether a block can have entries that pass, by what is known of it
// without its words and ids.
func (q *filter) may(b *sealed) bool {
	return b.MaxTime >= q.since && b.MinTime <= q.until && b.Flags&q.mask != 0 && !b.damaged.Load() && q.hasSource(b)
}

func (q *filter) hasSource(b *sealed) bool {
	if q.sources == nil {
		return true
	}
	found := false
	_ = b.EachSource(func(c *block.SourceSummary) { found = found || q.sources[c.Source] }) // it was checked when it was read
	return found
}

// hasText tells whether a block can have the ids of the search and, if words is
// true, its words.
func (q *filter) hasText(b *sealed, words bool) bool {
	return q.plan.May(func(k block.Key) bool {
		if k.ID {
			return q.hasID(b, k.Hash)
		}
		if !words {
			return true
		}
		known, in := q.inWords(b.id, k)
		if !known || in {
			return true
		}
		// Words that the list had no room for are among the ids; of their beginnings nothing is known.
		return b.overflow && (k.Prefix || strings.HasSuffix(k.Word, "0") || q.hasID(b, k.Hash))
	})
}

// inWords tells whether the list of words of the block has the word.
func (q *filter) inWords(id int64, k block.Key) (known, in bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.withWord(wordKey{id / partition, everyBlock, false}).has(id) {
		return false, false
	}
	set := q.withWord(wordKey{id / partition, k.Word, k.Prefix})
	return set != nil, set.has(id)
}

// everyBlock is in the words of every block: one that does not have it is not
// in the list, be it because the list is damaged or because it was lost.
const everyBlock = "0"

// blockSet is blocks of a partition.
type blockSet [partition / 64]uint64

func (s *blockSet) has(id int64) bool {
	at := id % partition
	return s != nil && s[at/64]>>(at%64)&1 == 1
}

// withWord is the blocks that have the word, nil if that cannot be told. q.mu is
// held.
func (q *filter) withWord(key wordKey) *blockSet {
	set, ok := q.words[key]
	if ok {
		return set
	}
	set, err := q.lookUp(key)
	if err != nil {
		set = nil
		if q.ctx.Err() == nil {
			q.store.log.Warn("the list of words cannot be read, blocks are searched without it", "partition", key.partition, "err", err)
		}
	}
	q.words[key] = set
	return set
}

func (q *filter) lookUp(key wordKey) (*blockSet, error) {
	table := wordsTable(key.partition)
	match := `"` + key.word + `"` // a token has no quotes
	if key.prefix {
		match += "*"
	}
	rows, err := q.store.db.Read().QueryContext(q.ctx, fmt.Sprintf("SELECT rowid FROM %s WHERE %s MATCH ?", table, table), match) //nolint:gosec // the table's name is ours
	if err != nil {
		return nil, sqlitedb.Classify(err)
	}
	defer rows.Close()
	set := new(blockSet)
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		set[id%partition/64] |= 1 << (id % 64)
	}
	return set, rows.Err()
}

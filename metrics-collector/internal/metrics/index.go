package metrics

import (
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/monlight/monlight/metrics-collector/internal/metrics/ingest"
	"github.com/monlight/monlight/shared/errs"
)

// Type is what a metric's values mean.
type Type = ingest.Type

// The types of metrics.
const (
	Counter   = ingest.Counter
	Gauge     = ingest.Gauge
	Histogram = ingest.Histogram
)

// Limits bound the number of series. At a limit the series that exist go on,
// and the points of new ones are counted in the metric's overflow series.
type Limits struct {
	Series           int // in all
	SeriesPerProject int
	SeriesPerMetric  int
}

// overflowLabels mark the series that takes what has no series of its own.
var overflowLabels = Labels{{Name: "overflow", Value: "true"}}

// overflowName is the metric for points for which there is no room for an
// overflow series of their own metric.
const overflowName = "monlight_overflow"

const (
	// maxRollups bounds the metrics that have a series with the sum of all
	// their series.
	maxRollups = 2000
	// maxAliases bounds the spellings of one series' labels that are kept.
	maxAliases = 4
)

// metric is a name of a type in a project.
type metric struct {
	project, name string
	typ           Type
	series        []uint32 // without the rollup
	overflow      uint32   // id of the overflow series, 0 for none
	rollup        uint32   // id of the rollup, 0 for none
	limited       uint64   // points counted in the overflow series
}

// pair is a label by the numbers of its texts.
type pair struct{ name, value uint32 }

// series is what is kept in memory for each series.
type series struct {
	metric  *metric // nil for a forgotten series
	labels  []pair
	last    int32 // newest minute that was flushed, in minutes
	saved   int32 // that which is stored
	aliases uint8
	stored  bool // there is a row
	rollup  bool
}

// hash128 identifies a text that was seen. Both halves are seeded at random at
// start, so nobody outside can make two texts meet.
type hash128 struct{ a, b uint64 }

// index finds series. Lookups take a read lock; series are made under the lock.
type index struct {
	mu     sync.RWMutex
	limits Limits

	seedA, seedB maphash.Seed
	aliases      aliasTable // of identities as they are written, and of canonical ones

	all      []series     // by id; 0 is no series
	count    int          // live ones, without rollups
	live     atomic.Int64 // the same, without the lock
	fresh    int          // those without a row
	metrics  map[metricKey]*metric
	byName   map[string][]*metric
	projects map[string]int // series
	rollups  int

	symbols map[string]uint32
	texts   []string
}

type metricKey struct {
	project, name string
	typ           Type
}

func newIndex(limits Limits) *index {
	return &index{
		limits:   limits,
		seedA:    maphash.MakeSeed(),
		seedB:    maphash.MakeSeed(),
		all:      make([]series, 1),
		metrics:  make(map[metricKey]*metric),
		byName:   make(map[string][]*metric),
		projects: make(map[string]int),
		symbols:  make(map[string]uint32),
	}
}

// Domains of the hash: an identity as it was sent, or in canonical form.
const (
	asSent    = 0
	canonical = 1
)

// hash identifies a series. scratch is memory, which is returned.
func (x *index) hash(domain byte, project, name []byte, typ Type, labels, scratch []byte) (hash128, []byte) {
	// Names and projects have less than 256 bytes, so the lengths keep the
	// parts apart.
	b := append(scratch[:0], domain, byte(typ), byte(len(name)), byte(len(project)))
	b = append(b, name...)
	b = append(b, project...)
	b = append(b, labels...)
	return hash128{maphash.Bytes(x.seedA, b), maphash.Bytes(x.seedB, b)}, b
}

// resolve finds the series of the points, making those that are missing.
// ids[i] is 0 for a point whose labels are wrong; bad is called for those.
// It returns the number of points that were counted in an overflow series.
func (x *index) resolve(points []ingest.Point, ids []uint32, nowMS int64, bad func(i int, err error)) (limited int) {
	var scratch []byte
	missing := -1
	x.mu.RLock()
	for i := range points {
		p := &points[i]
		var h hash128
		h, scratch = x.hash(asSent, p.Project, p.Name, p.Type, p.Labels, scratch)
		ids[i] = x.aliases.get(h)
		if ids[i] == 0 && missing < 0 {
			missing = i
		}
	}
	x.mu.RUnlock()
	if missing < 0 {
		return 0
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := missing; i < len(points); i++ {
		if ids[i] != 0 {
			continue
		}
		p := &points[i]
		var h hash128
		h, scratch = x.hash(asSent, p.Project, p.Name, p.Type, p.Labels, scratch)
		if ids[i] = x.aliases.get(h); ids[i] != 0 {
			continue // made by a point before, or by another batch
		}
		labels, err := ParseLabels(p.Labels)
		if err != nil {
			bad(i, err)
			continue
		}
		id, overflow := x.findOrMake(string(p.Project), string(p.Name), p.Type, labels, int32(nowMS/minuteMS))
		ids[i] = id
		if overflow {
			// Not kept as an alias: there may be room later.
			limited++
			continue
		}
		if s := &x.all[id]; s.aliases < maxAliases {
			s.aliases++
			x.aliases.put(h, id)
		}
	}
	return limited
}

func (x *index) findOrMake(project, name string, typ Type, labels Labels, minute int32) (id uint32, overflow bool) {
	if id := x.find(project, name, typ, labels); id != 0 {
		return id, false
	}
	m := x.metrics[metricKey{project, name, typ}]
	if !x.full(m, project) {
		return x.make(project, name, typ, labels, minute), false
	}
	if m != nil && m.overflow != 0 {
		m.limited++
		return m.overflow, true
	}
	// Overflow series have a tenth more room, and past that one metric for all.
	if x.count >= x.limits.Series+x.limits.Series/10 {
		project, name = "", overflowName
	}
	if id = x.find(project, name, typ, overflowLabels); id == 0 {
		id = x.make(project, name, typ, overflowLabels, minute)
	}
	m = x.all[id].metric
	m.overflow = id
	m.limited++
	return id, true
}

// full tells whether the metric, which may be nil, can have no further series.
func (x *index) full(m *metric, project string) bool {
	return x.count >= x.limits.Series || x.projects[project] >= x.limits.SeriesPerProject ||
		m != nil && len(m.series) >= x.limits.SeriesPerMetric
}

func (x *index) find(project, name string, typ Type, labels Labels) uint32 {
	h, _ := x.hash(canonical, []byte(project), []byte(name), typ, labels.appendTo(nil), nil)
	return x.aliases.get(h)
}

// make adds a series, and its metric's rollup when it is the metric's first.
func (x *index) make(project, name string, typ Type, labels Labels, minute int32) uint32 {
	m := x.metricOf(project, name, typ)
	if len(m.series) == 0 && m.rollup == 0 && x.rollups < maxRollups {
		m.rollup = x.add(m, nil, minute)
		x.all[m.rollup].rollup = true
		x.rollups++
	}
	id := x.add(m, labels, minute)
	x.attach(id, labels)
	return id
}

// add takes the next id.
func (x *index) add(m *metric, labels Labels, minute int32) uint32 {
	id := uint32(len(x.all))
	x.all = append(x.all, series{metric: m, labels: x.pairs(labels), last: minute, saved: minute})
	x.fresh++
	return id
}

// attach makes a series findable and counts it.
func (x *index) attach(id uint32, labels Labels) {
	m := x.all[id].metric
	m.series = append(m.series, id)
	x.count++
	x.live.Store(int64(x.count))
	x.projects[m.project]++
	h, _ := x.hash(canonical, []byte(m.project), []byte(m.name), m.typ, labels.appendTo(nil), nil)
	x.aliases.put(h, id)
	if slices.Equal(labels, overflowLabels) {
		m.overflow = id
	}
}

func (x *index) metricOf(project, name string, typ Type) *metric {
	key := metricKey{project, name, typ}
	m := x.metrics[key]
	if m == nil {
		m = &metric{project: project, name: name, typ: typ}
		x.metrics[key] = m
		x.byName[name] = append(x.byName[name], m)
	}
	return m
}

// pairs interns labels.
func (x *index) pairs(labels Labels) []pair {
	if len(labels) == 0 {
		return nil
	}
	pairs := make([]pair, len(labels))
	for i := range labels {
		pairs[i] = pair{x.symbol(labels[i].Name), x.symbol(labels[i].Value)}
	}
	return pairs
}

func (x *index) symbol(text string) uint32 {
	if n, ok := x.symbols[text]; ok {
		return n
	}
	text = strings.Clone(text)
	n := uint32(len(x.texts))
	x.texts = append(x.texts, text)
	x.symbols[text] = n
	return n
}

// load adds a stored series. Rows come in ascending order of id.
func (x *index) load(row SeriesRow) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if row.ID == 0 || int64(row.ID) > maxSeriesID || row.Type.String() == "" || row.Name == "" || int(row.ID) < len(x.all) {
		return errs.New(errs.Internal, "series %d is damaged", row.ID)
	}
	var labels Labels
	if row.Labels != "" {
		var members map[string]string
		if err := json.Unmarshal([]byte(row.Labels), &members); err != nil {
			return errs.Wrap(errs.Internal, err, "labels of series %d", row.ID)
		}
		for name, value := range members {
			labels = append(labels, Label{name, value})
		}
		sortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	}
	for len(x.all) < int(row.ID) {
		x.all = append(x.all, series{}) // forgotten
	}
	m := x.metricOf(row.Project, row.Name, row.Type)
	minute := int32(row.LastSeen / minuteMS)
	x.all = append(x.all, series{metric: m, labels: x.pairs(labels), last: minute, saved: minute, stored: true, rollup: row.Labels == ""})
	if row.Labels == "" {
		m.rollup = row.ID
		x.rollups++
	} else {
		x.attach(row.ID, labels)
	}
	return nil
}

// maxSeriesID bounds the gaps that a damaged row can make.
const maxSeriesID = 1 << 28

// unstored are the rows of those series among ids that may have none yet.
func (x *index) unstored(ids []uint32, nowMS int64) []SeriesRow {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.fresh == 0 {
		return nil
	}
	var rows []SeriesRow
	for _, id := range ids {
		if id == 0 || x.all[id].stored {
			continue
		}
		rows = append(rows, x.row(id, nowMS))
		// The rollup comes with the first series: it counts all that they count.
		if r := x.all[id].metric.rollup; r != 0 && !x.all[r].stored {
			rows = append(rows, x.row(r, nowMS))
		}
	}
	sortFunc(rows, func(a, b SeriesRow) int { return int(int64(a.ID) - int64(b.ID)) })
	return slices.CompactFunc(rows, func(a, b SeriesRow) bool { return a.ID == b.ID })
}

func (x *index) row(id uint32, nowMS int64) SeriesRow {
	s := &x.all[id]
	row := SeriesRow{ID: id, Project: s.metric.project, Name: s.metric.name, Type: s.metric.typ,
		FirstSeen: nowMS, LastSeen: max(nowMS, int64(s.last)*minuteMS)}
	if !s.rollup {
		row.Labels = x.labelsOf(s).String()
	}
	return row
}

func (x *index) labelsOf(s *series) Labels {
	labels := make(Labels, len(s.labels))
	for i, p := range s.labels {
		labels[i] = Label{x.texts[p.name], x.texts[p.value]}
	}
	return labels
}

// stored notes that rows are in the store.
func (x *index) stored(rows []SeriesRow) {
	if len(rows) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range rows {
		if s := &x.all[rows[i].ID]; !s.stored {
			s.stored = true
			x.fresh--
		}
	}
}

// forget drops series and returns their ids: those without a point since the
// minute. Their ids are not used again while the process runs.
func (x *index) forget(before int32) []uint32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	var ids []uint32
	for id := range x.all {
		if s := &x.all[id]; s.metric != nil && s.stored && s.last < before {
			ids = append(ids, uint32(id))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	for _, id := range ids {
		x.drop(id)
	}
	// Neither the table nor the texts have deletion: what is left is put into new ones.
	x.aliases = aliasTable{}
	old := x.texts
	x.texts, x.symbols = nil, make(map[string]uint32)
	for id := range x.all {
		s := &x.all[id]
		if s.metric == nil || s.rollup {
			continue
		}
		for i, p := range s.labels {
			s.labels[i] = pair{x.symbol(old[p.name]), x.symbol(old[p.value])}
		}
		s.aliases = 0
		h, _ := x.hash(canonical, []byte(s.metric.project), []byte(s.metric.name), s.metric.typ, x.labelsOf(s).appendTo(nil), nil)
		x.aliases.put(h, uint32(id))
	}
	return ids
}

func (x *index) drop(id uint32) {
	s := &x.all[id]
	m := s.metric
	if s.rollup {
		m.rollup = 0
		x.rollups--
	} else {
		m.series = slices.DeleteFunc(m.series, func(other uint32) bool { return other == id })
		x.count--
		x.live.Store(int64(x.count))
		if x.projects[m.project]--; x.projects[m.project] == 0 {
			delete(x.projects, m.project)
		}
		if m.overflow == id {
			m.overflow = 0
		}
	}
	*s = series{}
	if len(m.series) == 0 && m.rollup == 0 {
		delete(x.metrics, metricKey{m.project, m.name, m.typ})
		x.byName[m.name] = slices.DeleteFunc(x.byName[m.name], func(other *metric) bool { return other == m })
		if len(x.byName[m.name]) == 0 {
			delete(x.byName, m.name)
		}
	}
}

// aliasTable maps hashes to series: open addressing with linear probing. The
// hashes are random already, so they are their own position.
type aliasTable struct {
	slots []aliasSlot
	n     int
}

type aliasSlot struct {
	h  hash128
	id uint32 // 0 is free
}

func (t *aliasTable) get(h hash128) uint32 {
	if len(t.slots) == 0 {
		return 0
	}
	mask := uint64(len(t.slots) - 1)
	for i := h.a & mask; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.id == 0 || s.h == h {
			return s.id
		}
	}
}

func (t *aliasTable) put(h hash128, id uint32) {
	if 4*(t.n+1) > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]aliasSlot, max(64, 2*len(old)))
		for i := range old {
			if old[i].id != 0 {
				t.insert(old[i].h, old[i].id)
			}
		}
	}
	t.insert(h, id)
	t.n++
}

func (t *aliasTable) insert(h hash128, id uint32) {
	mask := uint64(len(t.slots) - 1)
	i := h.a & mask
	for t.slots[i].id != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = aliasSlot{h, id}
}

package metrics

import (
	"cmp"
	"slices"
	"strings"
)

// selected is a series and the series of the answer that it belongs to.
type selected struct {
	id    uint32
	group int32
}

// selection is what a query is about.
type selection struct {
	typ    Type
	live   []selected // in order of id
	stored []selected // those to look for in the tiers: rollups where they do
	labels []identity // by group
	groups int        // that there would be without the limit
}

// identity is what the series of a group have in common.
type identity struct {
	name   string
	labels Labels
}

func (a *identity) compare(b *identity) int {
	if c := strings.Compare(a.name, b.name); c != 0 {
		return c
	}
	return compareLabels(a.labels, b.labels)
}

// selectSeries finds the series of a query.
func (x *index) selectSeries(q *Query) selection {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var sel selection
	g := grouper{x: x, by: q.By, seen: make(map[string]int32)}
	checks := x.checks(q.Matchers)
	most := 0
	for _, m := range x.named(q) {
		if q.Project != "" && m.project != q.Project || q.Type != 0 && m.typ != q.Type {
			continue
		}
		if len(m.series) > most {
			most, sel.typ = len(m.series), m.typ
		}
		rollup := m.rollup != 0 && len(q.Matchers) == 0 && len(q.By) == 0
		for _, id := range m.series {
			s := &x.all[id]
			if !matchAll(checks, s) {
				continue
			}
			one := selected{id, g.group(m.name, s)}
			sel.live = append(sel.live, one)
			if !rollup {
				sel.stored = append(sel.stored, one)
			}
		}
		if rollup {
			sel.stored = append(sel.stored, selected{m.rollup, g.group(m.name, &x.all[m.rollup])})
		}
	}
	sel.groups = len(g.labels)
	sel.labels = g.labels
	sel.limit(q.MaxGroups)
	byID := func(a, b selected) int { return cmp.Compare(a.id, b.id) }
	sortFunc(sel.live, byID)
	sortFunc(sel.stored, byID)
	return sel
}

// named are the metrics of the names of a query.
func (x *index) named(q *Query) []*metric {
	if len(q.Names) == 0 {
		return x.byName[q.Name]
	}
	var list []*metric
	for _, name := range q.Names {
		list = append(list, x.byName[name]...)
	}
	return list
}

// limit sorts the groups and keeps the first ones of each name.
func (sel *selection) limit(most int) {
	order := make([]int32, len(sel.labels))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return sel.labels[a].compare(&sel.labels[b]) })
	place := make([]int32, len(order))
	kept := make([]identity, 0, len(order))
	name, ofName := "", 0
	for _, old := range order {
		one := sel.labels[old]
		if one.name != name {
			name, ofName = one.name, 0
		}
		if ofName++; ofName > most {
			place[old] = -1
			continue
		}
		place[old] = int32(len(kept))
		kept = append(kept, one)
	}
	sel.labels = kept
	move := func(list []selected) []selected {
		kept := list[:0]
		for _, s := range list {
			if s.group = place[s.group]; s.group >= 0 {
				kept = append(kept, s)
			}
		}
		return kept
	}
	sel.live, sel.stored = move(sel.live), move(sel.stored)
}

func compareLabels(a, b Labels) int {
	return slices.CompareFunc(a, b, func(x, y Label) int {
		if c := strings.Compare(x.Name, y.Name); c != 0 {
			return c
		}
		return strings.Compare(x.Value, y.Value)
	})
}

// grouper numbers the combinations of names and label values.
type grouper struct {
	x      *index
	by     []string
	seen   map[string]int32
	labels []identity
	key    []byte
}

func (g *grouper) group(metric string, s *series) int32 {
	g.key = g.key[:0]
	for _, name := range g.by {
		v := uint32(0)
		if sym, ok := g.x.symbols[name]; ok {
			v = s.value(sym)
		}
		g.key = append(g.key, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	g.key = append(g.key, metric...)
	if n, ok := g.seen[string(g.key)]; ok {
		return n
	}
	labels := Labels{}
	for _, name := range g.by {
		if sym, ok := g.x.symbols[name]; ok {
			if v := s.value(sym); v != 0 {
				labels = append(labels, Label{name, g.x.texts[v-1]})
			}
		}
	}
	n := int32(len(g.labels))
	g.seen[string(g.key)] = n
	g.labels = append(g.labels, identity{metric, labels})
	return n
}

// value is the symbol of a label's value plus one, 0 if it is not there.
func (s *series) value(name uint32) uint32 {
	for _, p := range s.labels {
		if p.name == name {
			return p.value + 1
		}
	}
	return 0
}

// check is a matcher in terms of symbols.
type check struct {
	m     *Matcher
	name  uint32
	known bool   // some series has a label of that name
	value uint32 // of = and !=: the symbol of the matcher's value plus one, 0 for ""
	empty uint32 // the symbol of "" plus one: a label with it is as good as none
	// said is what an expression said about values that it has seen.
	said map[uint32]bool
	x    *index
}

// noSymbol is no value that any label has.
const noSymbol = 1<<32 - 1

func (x *index) checks(matchers []Matcher) []check {
	checks := make([]check, len(matchers))
	for i := range matchers {
		sym, known := x.symbols[matchers[i].Name]
		checks[i] = check{m: &matchers[i], name: sym, known: known, x: x, empty: noSymbol}
		if empty, known := x.symbols[""]; known {
			checks[i].empty = empty + 1
		}
		switch m := &matchers[i]; {
		case m.Op == MatchRegexp || m.Op == NotMatchRegexp:
			checks[i].said = make(map[uint32]bool)
		case m.Value != "":
			checks[i].value = noSymbol
			if value, known := x.symbols[m.Value]; known {
				checks[i].value = value + 1
			}
		}
	}
	return checks
}

func matchAll(checks []check, s *series) bool {
	for i := range checks {
		if !checks[i].matches(s) {
			return false
		}
	}
	return true
}

func (c *check) matches(s *series) bool {
	v := uint32(0)
	if c.known {
		if v = s.value(c.name); v == c.empty {
			v = 0
		}
	}
	switch c.m.Op {
	case Equal:
		return v == c.value
	case NotEqual:
		return v != c.value
	}
	said, ok := c.said[v]
	if !ok {
		text := ""
		if v != 0 {
			text = c.x.texts[v-1]
		}
		said = c.m.Matches(text)
		c.said[v] = said
	}
	return said
}

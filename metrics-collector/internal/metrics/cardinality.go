package metrics

import (
	"cmp"
	"slices"
	"strings"
)

// Cardinality says where the series come from.
type Cardinality struct {
	Series   int
	Limits   Limits
	Limited  uint64 // points counted in overflow series since the start
	Found    int    // metrics that were asked for; Metrics are the first of them
	Metrics  []MetricCardinality
	Projects []ProjectCardinality
}

// MetricCardinality is a metric of a project.
type MetricCardinality struct {
	Project string
	Name    string
	Type    Type
	Series  int
	Limited uint64             // points since the start that found no series of their own
	Labels  []LabelCardinality // those with most values first
}

// LabelCardinality is a label of a metric.
type LabelCardinality struct {
	Name   string
	Values int
	Sample []string // some of the values, in order
}

// ProjectCardinality is a project.
type ProjectCardinality struct {
	Project string
	Series  int
}

const sampleValues = 5

// Cardinality lists the metrics with most series, up to top of them: those of a
// project whose names have part in them, in whichever case; "" are all.
func (s *Service) Cardinality(project, part string, top int) Cardinality {
	part = strings.ToLower(part)
	x := s.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	c := Cardinality{Series: x.count, Limits: x.limits}
	var list []*metric
	for _, m := range x.metrics {
		c.Limited += m.limited
		if len(m.series) > 0 && (project == "" || m.project == project) && strings.Contains(strings.ToLower(m.name), part) {
			list = append(list, m)
		}
	}
	sortFunc(list, func(a, b *metric) int {
		if d := cmp.Compare(len(b.series), len(a.series)); d != 0 {
			return d
		}
		if d := strings.Compare(a.name, b.name); d != 0 {
			return d
		}
		return strings.Compare(a.project, b.project)
	})
	c.Found = len(list)
	for _, m := range list[:min(len(list), top)] {
		c.Metrics = append(c.Metrics, MetricCardinality{Project: m.project, Name: m.name, Type: m.typ,
			Series: len(m.series), Limited: m.limited, Labels: x.labelCardinality(m.series, sampleValues)})
	}
	for p, n := range x.projects {
		c.Projects = append(c.Projects, ProjectCardinality{p, n})
	}
	sortFunc(c.Projects, func(a, b ProjectCardinality) int {
		if d := cmp.Compare(b.Series, a.Series); d != 0 {
			return d
		}
		return strings.Compare(a.Project, b.Project)
	})
	c.Projects = c.Projects[:min(len(c.Projects), top)]
	return c
}

// Labels are the labels of a metric with up to values of their values each.
func (s *Service) Labels(name, project string, values int) []LabelCardinality {
	x := s.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	var ids []uint32
	for _, m := range x.byName[name] {
		if project == "" || m.project == project {
			ids = append(ids, m.series...)
		}
	}
	return x.labelCardinality(ids, values)
}

func (x *index) labelCardinality(ids []uint32, sample int) []LabelCardinality {
	values := make(map[uint32]map[uint32]bool)
	for _, id := range ids {
		for _, p := range x.all[id].labels {
			if values[p.name] == nil {
				values[p.name] = make(map[uint32]bool)
			}
			values[p.name][p.value] = true
		}
	}
	labels := make([]LabelCardinality, 0, len(values))
	for name, set := range values {
		l := LabelCardinality{Name: x.texts[name], Values: len(set)}
		for v := range set {
			l.Sample = append(l.Sample, x.texts[v])
		}
		slices.Sort(l.Sample)
		l.Sample = l.Sample[:min(len(l.Sample), sample)]
		labels = append(labels, l)
	}
	sortFunc(labels, func(a, b LabelCardinality) int {
		if d := cmp.Compare(b.Values, a.Values); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return labels
}

package metrics

import (
	"cmp"
	"slices"
	"strings"
)

// MetricName is a metric that has data in some tier.
type MetricName struct {
	Name   string
	Type   Type
	Series int // in all projects that were asked for
}

// Names lists the metrics of a project, or of all if it is empty, by name and
// type. A metric is listed as long as any of its data is kept.
func (s *Service) Names(project string) []MetricName {
	x := s.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	type key struct {
		name string
		typ  Type
	}
	counts := make(map[key]int)
	for k, m := range x.metrics {
		if len(m.series) > 0 && (project == "" || k.project == project) {
			counts[key{k.name, k.typ}] += len(m.series)
		}
	}
	names := make([]MetricName, 0, len(counts))
	for k, n := range counts {
		names = append(names, MetricName{k.name, k.typ, n})
	}
	sortFunc(names, func(a, b MetricName) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return cmp.Compare(a.Type, b.Type)
	})
	return names
}

// Projects lists the projects in order.
func (s *Service) Projects() []string {
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	projects := make([]string, 0, len(s.index.projects))
	for p := range s.index.projects {
		if p != "" {
			projects = append(projects, p)
		}
	}
	slices.Sort(projects)
	return projects
}

package metrics

import "sort"

// sortFunc is slices.SortFunc for lists that are short or seldom sorted. The
// compiler makes a copy of slices.SortFunc, of about 15 KB, for each type of
// struct; of this one it copies only the three methods.
func sortFunc[T any](list []T, compare func(a, b T) int) { sort.Stable(sortable[T]{list, compare}) }

type sortable[T any] struct {
	list    []T
	compare func(a, b T) int
}

func (s sortable[T]) Len() int           { return len(s.list) }
func (s sortable[T]) Less(i, j int) bool { return s.compare(s.list[i], s.list[j]) < 0 }
func (s sortable[T]) Swap(i, j int)      { s.list[i], s.list[j] = s.list[j], s.list[i] }

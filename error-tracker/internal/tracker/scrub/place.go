package scrub

import (
	"strconv"
	"strings"
)

// place is where in an event a value is. Its text is only made for values that
// are removed, which are few.
type place struct {
	root string
	i    int // of a list at root, -1 for none
	sub  string
	j    int // of a list at sub, -1 for none
	leaf string
	name string // a variable, a tag, …
}

func at(root string) place              { return place{root: root, i: -1, j: -1} }
func atItem(root string, i int) place   { return place{root: root, i: i, j: -1} }
func (p place) with(leaf string) place  { p.leaf = leaf; return p }
func (p place) named(name string) place { p.name = name; return p }
func (p place) frame(j int) place       { p.sub, p.j = "frames", j; return p }

func (p place) String() string {
	var b strings.Builder
	b.WriteString(p.root)
	number := func(n int) {
		if n >= 0 {
			b.WriteString("." + strconv.Itoa(n))
		}
	}
	number(p.i)
	for _, part := range []string{p.sub, p.leaf, p.name} {
		if part != "" {
			b.WriteString("." + part)
		}
		if part == p.sub && part != "" {
			number(p.j)
		}
	}
	return b.String()
}

// step is one step into a JSON value: a member, or an element of a list.
type step struct {
	name string
	n    int // counts for steps without a name
}

func (s step) String() string {
	if s.name == "" {
		return strconv.Itoa(s.n)
	}
	return s.name
}

package grouping

import (
	"slices"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// maxLinks is how many exceptions of a chain take part: the root cause and the
// last two. Retries and re-raises make chains of any length of the same error.
const maxLinks = 3

// maxTree bounds the exceptions that the tree of a group is built of.
const maxTree = 200

// links chooses the exceptions that take part, oldest cause first.
func links(e *event.Event) []*event.Exception {
	chain := make([]*event.Exception, 0, len(e.Exceptions))
	for i := range e.Exceptions {
		x := &e.Exceptions[i]
		if x.Mechanism.Type == "suppressed" || strings.HasPrefix(x.Mechanism.Source, "suppressed") {
			continue // failed while another error was under way
		}
		if x.Type == "" && x.Value == "" && len(x.Frames) == 0 {
			continue
		}
		chain = append(chain, x)
	}
	chain = ungroup(chain, e.Platform)
	if len(chain) > maxLinks {
		chain = append(chain[:1:1], chain[len(chain)-(maxLinks-1):]...)
	}
	return chain
}

// ungroup deals with exceptions that hold several others, as a Python
// ExceptionGroup and a JavaScript AggregateError do. Of members that are alike
// one stands for all; if only one kind is left, it and its causes stand for
// the group, so that an error is the same issue inside a task group and
// outside. A chain whose numbers make no tree stays as it is.
func ungroup(chain []*event.Exception, platform string) []*event.Exception {
	grouped := slices.ContainsFunc(chain, func(x *event.Exception) bool { return x.Mechanism.IsGroup })
	if !grouped || len(chain) < 2 || len(chain) > maxTree {
		return chain
	}
	byID := make(map[int]*event.Exception, len(chain))
	for _, x := range chain {
		if x.Mechanism.ExceptionID == nil || byID[*x.Mechanism.ExceptionID] != nil {
			return chain
		}
		byID[*x.Mechanism.ExceptionID] = x
	}
	children := make(map[int][]*event.Exception, len(chain))
	for _, x := range slices.Backward(chain) {
		if p := x.Mechanism.ParentID; p != nil {
			if *p >= *x.Mechanism.ExceptionID { // parents are numbered first
				return chain
			}
			children[*p] = append(children[*p], x)
		}
	}
	root := byID[0]
	if root == nil {
		return chain
	}
	var members []*event.Exception
	identity := map[*event.Exception]string{}
	seen := map[string]bool{}
	pending := []*event.Exception{root}
	for len(pending) > 0 {
		x := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		below := children[*x.Mechanism.ExceptionID]
		if x.Mechanism.IsGroup && len(below) > 0 {
			for _, c := range slices.Backward(below) {
				pending = append(pending, c)
			}
			continue
		}
		if id := exceptionKey(x, platform).identity(); !seen[id] {
			seen[id], identity[x] = true, id
			members = append(members, x)
		}
	}
	if len(members) > 1 {
		// Tasks that ran side by side fail in any order.
		slices.SortFunc(members, func(a, b *event.Exception) int { return strings.Compare(identity[b], identity[a]) })
		if len(members) > maxLinks-1 {
			members = members[len(members)-(maxLinks-1):]
		}
		return append(members, root)
	}
	var path []*event.Exception // from the member to its first cause
	for x := members[0]; ; {
		path = append(path, x)
		below := children[*x.Mechanism.ExceptionID]
		if len(below) == 0 {
			break
		}
		x = below[0]
	}
	slices.Reverse(path)
	return path
}

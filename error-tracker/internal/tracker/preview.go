package tracker

import (
	"cmp"
	"context"
	"slices"

	"github.com/monlight/monlight/error-tracker/internal/tracker/grouprules"
	"github.com/monlight/monlight/shared/errs"
)

// MaxPreview is how many events a preview looks at.
const MaxPreview = 100

// Preview tells where the newest events of a project would go if they came again
// under other rules. It changes nothing: what is stored stays where it is.
type Preview struct {
	Events int           // looked at
	Moved  int           // of them, those that would go elsewhere than they are
	Rules  []PreviewRule // in their order
	Flows  []PreviewFlow // those that move first, then most events first
}

// PreviewRule is a rule and how many of the events it is the first to fit.
type PreviewRule struct {
	Line   int
	Source string
	Events int
}

// PreviewFlow is the events that are in one issue, and would go to one.
type PreviewFlow struct {
	From   Issue
	To     Issue // with the ID 0 for a new one, which has its title
	New    int   // counts the new issues from 1; 0 for one that is there
	Line   int   // of the rule, 0 if none fits
	Events int
}

// flow is what tells one PreviewFlow from another.
type flow struct {
	from, to int64
	hash     Hash // of an issue that is not there yet
	line     int
}

// PreviewRules tries rules on the newest events of a project. Rules that cannot be
// read are an Invalid error that says where in them.
func (s *Service) PreviewRules(ctx context.Context, project int64, text string) (*Preview, error) {
	rules, err := parseRules(text)
	if err != nil {
		return nil, err
	}
	p, err := s.Project(ctx, project)
	if err != nil {
		return nil, err
	}
	policy, err := s.policy(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	v := &Preview{}
	byLine := make(map[int]int)
	for i := range rules {
		byLine[rules[i].Line] = i
		v.Rules = append(v.Rules, PreviewRule{Line: rules[i].Line, Source: rules[i].Source})
	}
	events, titles := make(map[flow]int), make(map[Hash]Issue)
	var failed error
	err = s.RecentEvents(ctx, project, MaxPreview, func(o Occurrence) bool {
		var f flow
		var title Issue
		if f, title, failed = s.flowOf(ctx, project, &o, rules, policy.rules); failed != nil {
			return false
		}
		v.Events++
		events[f]++
		if f.to != f.from {
			v.Moved++
		}
		if f.to == 0 {
			titles[f.hash] = title
		}
		if f.line > 0 {
			v.Rules[byLine[f.line]].Events++
		}
		return true
	})
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	return v, s.flows(ctx, v, events, titles)
}

// flowOf tells where a kept event is, and where it would go.
func (s *Service) flowOf(ctx context.Context, project int64, o *Occurrence, rules, saved grouprules.Rules) (f flow, title Issue, err error) {
	key, rule := keyOf(&o.Event, rules)
	f = flow{from: o.IssueID}
	if rule != nil {
		f.line = rule.Line
	}
	f.to, err = s.IssueOfHash(ctx, project, key.Hash)
	if errs.KindOf(err) != errs.NotFound {
		return f, title, err
	}
	if now, _ := keyOf(&o.Event, saved); now.Hash == key.Hash {
		// No rule changes where it goes: it is in a flood, or came under other
		// built-in rules.
		f.to = o.IssueID
		return f, title, nil
	}
	f.hash = key.Hash
	return f, Issue{Type: key.Title, Message: key.Message, Culprit: key.Culprit}, nil
}

// flows fills in the flows, with what people know issues by.
func (s *Service) flows(ctx context.Context, v *Preview, events map[flow]int, titles map[Hash]Issue) error {
	issues := make(map[int64]Issue)
	issue := func(id int64) (Issue, error) {
		if i, known := issues[id]; known {
			return i, nil
		}
		i, err := s.Issue(ctx, id)
		if errs.KindOf(err) == errs.NotFound { // deleted in this moment
			i, err = Issue{ID: id}, nil
		}
		issues[id] = i
		return i, err
	}
	order := make([]flow, 0, len(events))
	for f := range events {
		order = append(order, f)
	}
	slices.SortFunc(order, func(a, b flow) int {
		moved := func(f flow) int {
			if f.to != f.from {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(moved(a), moved(b)), cmp.Compare(events[b], events[a]), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to),
			slices.Compare(a.hash[:], b.hash[:]), cmp.Compare(a.line, b.line))
	})
	number := make(map[Hash]int)
	for _, f := range order {
		row := PreviewFlow{Line: f.line, Events: events[f]}
		var err error
		if row.From, err = issue(f.from); err != nil {
			return err
		}
		if f.to != 0 {
			if row.To, err = issue(f.to); err != nil {
				return err
			}
		} else {
			if number[f.hash] == 0 {
				number[f.hash] = len(number) + 1
			}
			row.New, row.To = number[f.hash], titles[f.hash]
		}
		v.Flows = append(v.Flows, row)
	}
	return nil
}

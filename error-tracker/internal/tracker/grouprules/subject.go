package grouprules

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/glob"
)

// subject is an event that is compared with rules. What they look at is made
// ready once, when it is first needed.
type subject struct {
	event *event.Event
	work  int // bytes compared so far

	madeExceptions, madeFrames bool
	ofExceptions, ofFrames     []part
}

// part is an exception or a frame: its folded texts by field.
type part [fieldPackage + 1][]string

// fits tells whether one of the texts fits.
func (s *subject) fits(m *matcher, texts []string) bool {
	for _, t := range texts {
		if s.work += len(t)*m.pattern.Cost() + 1; s.work > maxWork {
			return false
		}
		if m.pattern.Match(t) {
			return true
		}
	}
	return false
}

// onePart tells whether one of the parts fits all matchers. They are made only
// for a matcher.
func (s *subject) onePart(all []matcher, parts func() []part) bool {
	if len(all) == 0 {
		return true
	}
	for i := range parts() {
		p, fit := &parts()[i], true
		for k := range all {
			if fit = s.fits(&all[k], p[all[k].field]); !fit {
				break
			}
		}
		if fit {
			return true
		}
	}
	return false
}

// anywhere tells whether anything about the event fits.
func (s *subject) anywhere(m *matcher) bool {
	one := [1]matcher{*m}
	switch m.field.kind() {
	case ofException:
		return s.onePart(one[:], s.exceptions)
	case ofFrame:
		return s.onePart(one[:], s.frames)
	case ofEvent:
	}
	return s.fits(m, s.texts(m))
}

func fold(s string) string { return glob.Fold(s[:min(len(s), maxValue)]) }

// foldPath is a path as patterns are written.
func foldPath(s string) string { return strings.ReplaceAll(fold(s), `\`, "/") }

func (s *subject) exceptions() []part {
	if !s.madeExceptions {
		s.madeExceptions = true
		for i := range s.event.Exceptions {
			x := &s.event.Exceptions[i]
			s.ofExceptions = append(s.ofExceptions, part{fieldType: {fold(x.Type)}, fieldValue: {fold(x.Value)}})
		}
	}
	return s.ofExceptions
}

func (s *subject) frames() []part {
	if s.madeFrames {
		return s.ofFrames
	}
	s.madeFrames = true
	add := func(frames []event.Frame) {
		for i := len(frames) - 1; i >= 0 && len(s.ofFrames) < maxFrames; i-- {
			f := &frames[i]
			s.ofFrames = append(s.ofFrames, part{
				fieldFunction: {fold(f.Function)}, fieldModule: {fold(f.Module)}, fieldPath: {foldPath(f.AbsPath), foldPath(f.Filename)}, fieldPackage: {foldPath(f.Package)},
			})
		}
	}
	for i := len(s.event.Exceptions) - 1; i >= 0; i-- {
		add(s.event.Exceptions[i].Frames)
	}
	if len(s.ofFrames) == 0 {
		for i := range s.event.Threads {
			add(s.event.Threads[i].Frames)
		}
	}
	return s.ofFrames
}

// texts are those of the event itself that the matcher looks at.
func (s *subject) texts(m *matcher) []string {
	e := s.event
	switch m.field {
	case fieldMessage:
		all := []string{fold(e.Message.Text())}
		for _, x := range s.exceptions() {
			all = append(all, x[fieldValue]...)
		}
		return all
	case fieldLevel:
		return []string{e.Level}
	case fieldLogger:
		return []string{fold(e.Logger)}
	case fieldEnvironment:
		return []string{fold(e.Environment)}
	case fieldRelease:
		return []string{fold(e.Release)}
	case fieldTransaction:
		return []string{fold(e.Transaction)}
	case fieldPlatform:
		return []string{fold(e.Platform)}
	case fieldServer:
		return []string{fold(e.ServerName)}
	case fieldSDK:
		return []string{fold(e.SDK.Name)}
	case fieldURL:
		return []string{fold(e.Request.URL)}
	case fieldTag:
		for i := range e.Tags {
			if e.Tags[i].Name == m.tag {
				return []string{fold(e.Tags[i].Value)}
			}
		}
		return []string{""}
	case fieldType, fieldValue, fieldFunction, fieldModule, fieldPath, fieldPackage:
	}
	return nil
}

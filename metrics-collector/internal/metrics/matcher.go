package metrics

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// Limits of a selector.
const (
	MaxMatchers    = 30
	maxMatchBytes  = 1024 // of a matcher's value
	maxRegexpBytes = 512
)

// MatchOp is how a matcher compares.
type MatchOp uint8

// The comparisons, as in Prometheus' selectors.
const (
	Equal MatchOp = iota
	NotEqual
	MatchRegexp
	NotMatchRegexp
)

// String is the operator.
func (o MatchOp) String() string { return [...]string{"=", "!=", "=~", "!~"}[o] }

// Matcher is a condition on one label. A label that is not there has the value "".
type Matcher struct {
	Name  string
	Op    MatchOp
	Value string
	re    *regexp.Regexp
}

// NewMatcher checks a condition. Regular expressions match the whole value and
// are RE2's, which take linear time. Errors are of kind Invalid.
func NewMatcher(name string, op MatchOp, value string) (Matcher, error) {
	m := Matcher{Name: name, Op: op, Value: value}
	switch {
	case name == "" || len(name) > MaxLabelNameBytes:
		return m, errs.New(errs.Invalid, "a matcher's label has %d bytes, want 1 to %d", len(name), MaxLabelNameBytes)
	case len(value) > maxMatchBytes:
		return m, errs.New(errs.Invalid, "the matcher of %s has %d bytes, the limit is %d", shown(name), len(value), maxMatchBytes)
	}
	if op == MatchRegexp || op == NotMatchRegexp {
		if len(value) > maxRegexpBytes {
			return m, errs.New(errs.Invalid, "the expression for %s has %d bytes, the limit is %d", shown(name), len(value), maxRegexpBytes)
		}
		re, err := regexp.Compile("^(?s:" + value + ")$")
		if err != nil {
			return m, errs.Wrap(errs.Invalid, err, "the expression %s for %s is not valid", shown(value), shown(name))
		}
		m.re = re
	}
	return m, nil
}

// Matches tells whether a label's value fulfils the condition.
func (m *Matcher) Matches(value string) bool {
	switch m.Op {
	case Equal:
		return value == m.Value
	case NotEqual:
		return value != m.Value
	case MatchRegexp:
		return m.re.MatchString(value)
	default:
		return !m.re.MatchString(value)
	}
}

// ParseSelector reads the conditions of a Prometheus selector: label="value",
// other!="x", path=~"/api/.*", with or without braces around. Values are in
// double or single quotes, in which a backslash takes the next character as it
// is, and \n is a line feed. Errors are of kind Invalid.
func ParseSelector(text string) ([]Matcher, error) {
	if !utf8.ValidString(text) {
		return nil, errs.New(errs.Invalid, "match is not valid UTF-8")
	}
	rest := strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		if rest, ok = strings.CutSuffix(inner, "}"); !ok {
			return nil, errs.New(errs.Invalid, "match %s has no closing brace", shown(text))
		}
	}
	var matchers []Matcher
	for rest = strings.TrimSpace(rest); rest != ""; {
		if len(matchers) == MaxMatchers {
			return nil, errs.New(errs.Invalid, "match has more than %d conditions", MaxMatchers)
		}
		m, after, err := cutMatcher(rest)
		if err != nil {
			return nil, err
		}
		matchers = append(matchers, m)
		rest = strings.TrimSpace(after)
		if rest == "" {
			break
		}
		if rest[0] != ',' {
			return nil, errs.New(errs.Invalid, "match has %s where a comma should be", shown(rest))
		}
		rest = strings.TrimSpace(rest[1:])
	}
	return matchers, nil
}

func cutMatcher(s string) (m Matcher, rest string, err error) {
	i := strings.IndexAny(s, "=!")
	if i <= 0 {
		return m, "", errs.New(errs.Invalid, "match has %s, want a condition like status=\"500\"", shown(s))
	}
	name, s := strings.TrimSpace(s[:i]), s[i:]
	op := Equal
	switch {
	case strings.HasPrefix(s, "=~"):
		op, s = MatchRegexp, s[2:]
	case strings.HasPrefix(s, "!~"):
		op, s = NotMatchRegexp, s[2:]
	case strings.HasPrefix(s, "!="):
		op, s = NotEqual, s[2:]
	case s[0] == '=':
		s = s[1:]
	default:
		return m, "", errs.New(errs.Invalid, "match has %s, want one of = != =~ !~", shown(s))
	}
	value, rest, ok := cutQuoted(strings.TrimLeft(s, " \t"))
	if !ok {
		return m, "", errs.New(errs.Invalid, "match has %s, want a value in quotes", shown(s))
	}
	m, err = NewMatcher(name, op, value)
	return m, rest, err
}

func cutQuoted(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0]:
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case '"', '\'', '\\':
				b.WriteByte(s[i])
			default:
				// \d and the like belong to the regular expression.
				b.WriteByte('\\')
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// FormatSelector is the text that ParseSelector reads.
func FormatSelector(matchers []Matcher) string {
	var b strings.Builder
	for i := range matchers {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(matchers[i].Name)
		b.WriteString(matchers[i].Op.String())
		b.WriteByte('"')
		for _, c := range []byte(matchers[i].Value) {
			switch c {
			case '"', '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case '\n':
				b.WriteString(`\n`)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
	}
	return b.String()
}

// ParseLabelPairs reads conditions of the form name:value,name:value.
func ParseLabelPairs(text string) ([]Matcher, error) {
	var matchers []Matcher
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		if len(matchers) == MaxMatchers {
			return nil, errs.New(errs.Invalid, "labels has more than %d conditions", MaxMatchers)
		}
		name, value, ok := strings.Cut(pair, ":")
		if !ok {
			return nil, errs.New(errs.Invalid, "labels has %s, want name:value", shown(pair))
		}
		m, err := NewMatcher(name, Equal, value)
		if err != nil {
			return nil, err
		}
		matchers = append(matchers, m)
	}
	return matchers, nil
}

package search

import "strings"

// Pattern is the value of a term. In a glob, each "*" stands for any text.
type Pattern struct {
	Text string
	Glob bool
}

// Match tells whether s is what the pattern says, in this case of letters.
func (p Pattern) Match(s string) bool {
	if !p.Glob {
		return s == p.Text
	}
	parts := strings.Split(p.Text, "*")
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[last])
}

// write quotes what would otherwise be read as something else.
func (p Pattern) write(b *strings.Builder) {
	if p.Glob {
		b.WriteString(p.Text)
		return
	}
	b.WriteByte('"')
	for _, c := range []byte(p.Text) {
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
}

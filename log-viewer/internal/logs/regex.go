package logs

import (
	"regexp"
	"regexp/syntax"
)

// Limits of the regular expressions of a search. A match takes time in the order
// of the size of the program times the length of the text: with these, at most
// a second or two for an entry, between which a search looks at the clock.
const (
	maxRegexBytes   = 1000     // of each
	maxRegexProgram = 2000     // instructions, of all together
	maxRegexText    = 64 << 10 // bytes of an entry or a field that are looked at; what comes behind matches nothing
)

// regexMatch tells whether the beginning of the text has a match.
func regexMatch(re *regexp.Regexp, text string) bool {
	return re.MatchString(text[:min(len(text), maxRegexText)])
}

// regex reads /expression/ or /expression/i. A slash only begins one if the
// next slash that is not escaped ends it, before a blank, ')' or the end:
// /api/users is text.
func (p *parser) regex() (re *regexp.Regexp, ok bool, err error) {
	at := p.pos
	if at == len(p.text) || p.text[at] != '/' {
		return nil, false, nil
	}
	end := at + 1
	for end < len(p.text) && p.text[end] != '/' {
		if p.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.text) || end == at+1 {
		return nil, false, nil
	}
	source, after := p.text[at+1:end], end+1
	if after < len(p.text) && p.text[after] == 'i' {
		after++
		source = "(?i)" + source
	}
	if after < len(p.text) && !isBlank(p.text[after]) && p.text[after] != ')' {
		return nil, false, nil
	}
	p.pos = after
	if len(source) > maxRegexBytes {
		return nil, false, p.errorf(at, "the regular expression has %d bytes, the limit is %d", len(source), maxRegexBytes)
	}
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, false, p.errorf(at, "%v", err)
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, false, p.errorf(at, "%v", err)
	}
	if p.program += len(prog.Inst); p.program > maxRegexProgram {
		return nil, false, p.errorf(at, "the regular expressions take %d steps, the limit is %d", p.program, maxRegexProgram)
	}
	re, err = regexp.Compile(source)
	if err != nil {
		return nil, false, p.errorf(at, "%v", err)
	}
	return re, true, nil
}

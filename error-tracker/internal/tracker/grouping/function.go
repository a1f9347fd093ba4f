package grouping

import "strings"

// cleanFunction is what stays of a function's name when the program is built
// again: without the numbers, wrappers and decorations that compilers and run
// times add. A function without a name gives "".
func cleanFunction(s, platform string) string {
	switch s {
	case "", "?", "<unknown>", "<redacted>", "<anonymous>", "anonymous", "stripped_application_code", "(anonymous function)", "???", "??":
		return ""
	}
	switch platform {
	case "javascript", "node":
		s = cleanScriptFunction(s)
	case "go":
		s = cleanGoFunction(s)
	case "ruby":
		s = cleanRubyFunction(s)
	case "java":
		s = cleanJavaFunction(s)
	case "csharp":
		s = cleanSharpFunction(s)
	case "php":
		s = cleanPHPFunction(s)
	case "native", "cocoa", "rust", "c", "objc", "swift":
		s = cleanNativeFunction(s)
	case "elixir": // "anonymous fn/2 in Shop.Cart.add/1"
		s = afterLast(s, " in ")
	}
	return scrub(s)
}

// afterLast is what follows the last separator, or all of s.
func afterLast(s, separator string) string {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[i+len(separator):]
	}
	return s
}

// scrub replaces numbers that are made anew at each build or start.
func scrub(s string) string {
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '0' && i+2 < len(s) && s[i+1]|0x20 == 'x' && isHex(s[i+2]):
			b.WriteString("<hex>")
			i += 2 + hexRun(s[i+2:])
			continue
		case c == '$':
			b.WriteByte('$')
			i++
			for i < len(s) && isDigit(s[i]) {
				i++
			}
			continue
		case isHex(c):
			n := hexRun(s[i:])
			if n >= 16 && strings.ContainsAny(s[i:i+n], "0123456789") || n >= 5 && digitRun(s[i:]) == n {
				b.WriteString("<hex>")
			} else {
				b.WriteString(s[i : i+n])
			}
			i += n
			continue
		}
		b.WriteByte(c)
		i++
	}
	return b.String()
}

func hexRun(s string) int {
	n := 0
	for n < len(s) && isHex(s[n]) {
		n++
	}
	return n
}

func digitRun(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// cleanScriptFunction takes "async Object.load [as fetch]", "new Cart",
// Firefox's "Cart/load/<" and Safari's "global code".
func cleanScriptFunction(s string) string {
	if i := strings.Index(s, " [as "); i > 0 {
		s = s[:i]
	}
	for _, prefix := range []string{"async*", "async ", "new ", "bound ", "get ", "set ", "promise callback*", "setTimeout handler*"} {
		s = strings.TrimPrefix(s, prefix)
	}
	s = strings.TrimRight(s, "</")
	s = afterLast(s, "/")
	s = afterLast(s, ".")
	switch s {
	case "<anonymous>", "anonymous", "global code", "eval code", "module code", "eval", "(anonymous function)", "<computed>", "?":
		return ""
	}
	return strings.TrimPrefix(s, "bound ")
}

// cleanGoFunction takes "(*Store).load.func1.2", "Map[...]", "run-fm".
func cleanGoFunction(s string) string {
	s = strings.ReplaceAll(s, "[...]", "")
	s = strings.TrimSuffix(s, "-fm")
	for _, closure := range []string{".func", ".gowrap", ".deferwrap"} {
		i := strings.Index(s, closure)
		if i > 0 && i+len(closure) < len(s) && isDigit(s[i+len(closure)]) {
			s = s[:i+len(closure)]
		}
	}
	return s
}

// cleanRubyFunction takes "block (2 levels) in load", and "Cart#load" as
// Ruby 3.4 writes it.
func cleanRubyFunction(s string) string {
	s = afterLast(s, " in ")
	if strings.HasPrefix(s, "<") { // <main>, <class:Cart>
		return s
	}
	s = afterLast(s, "#")
	if i := strings.LastIndexByte(s, '.'); i > 0 && i+1 < len(s) {
		s = s[i+1:]
	}
	// Templates that Action View compiles end in two numbers.
	if strings.HasPrefix(s, "_app_views") {
		s = strings.TrimRight(s, "_0123456789")
	}
	return s
}

// cleanJavaFunction takes "lambda$load$0", Kotlin's "load$default" and
// "load$lambda-3", and Scala's "$anonfun$load$1".
func cleanJavaFunction(s string) string {
	for _, prefix := range []string{"lambda$", "$anonfun$"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok && rest != "" {
			s = rest
		}
	}
	for _, mark := range []string{"$default", "$lambda", "$suspendImpl", "$adapted"} {
		if i := strings.Index(s, mark); i > 0 {
			s = s[:i]
		}
	}
	if i := strings.LastIndexByte(s, '$'); i > 0 && digitRun(s[i+1:]) == len(s)-i-1 {
		s = s[:i]
	}
	return s
}

// cleanSharpFunction takes "<Load>d__12.MoveNext", "<Load>b__0",
// "<Load>g__Local|0_0", "Map`1" and "async Task Load(string name)".
func cleanSharpFunction(s string) string {
	if i := strings.IndexByte(s, '('); i > 0 {
		s = s[:i]
		s = afterLast(s, " ")
	}
	if i := strings.LastIndex(s, ">g__"); i >= 0 { // a local function
		name, _, _ := strings.Cut(s[i+4:], "|")
		return name
	}
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		if j := strings.IndexByte(s[i:], '>'); j > 1 && i+j+1 < len(s) {
			return s[i+1 : i+j]
		}
	}
	if i := strings.IndexByte(s, '`'); i > 0 {
		s = s[:i]
	}
	if i := strings.IndexByte(s, '['); i > 0 {
		s = s[:i]
	}
	return s
}

// cleanPHPFunction takes PHP 8.4's "{closure:App\Cart::load():12}" and names
// of classes without a name, which have a path in them.
func cleanPHPFunction(s string) string {
	if i := strings.Index(s, "{closure"); i >= 0 {
		s = s[:i] + "{closure}"
	}
	if i := strings.Index(s, "@anonymous"); i >= 0 {
		rest := afterLast(s[i:], "::")
		s = s[:i] + "@anonymous"
		if rest != s[i:] {
			s += "::" + rest
		}
	}
	return s
}

// cleanNativeFunction takes names of C++, Rust, Swift and Objective-C: without
// parameters, template arguments and the suffixes of optimisers.
func cleanNativeFunction(s string) string {
	if i := strings.Index(s, "-["); i < 0 || !strings.Contains(s[i:], "]") {
		// no Objective-C
	} else if end := strings.IndexByte(s[i:], ']'); i > 0 && strings.Contains(s[i+end:], "_block_invoke") {
		return s[i : i+end+1] // __40-[Cart load]_block_invoke_2
	} else if i == 0 {
		return s
	}
	if i := strings.LastIndex(s, "::h"); i > 0 && len(s)-i-3 == 16 && hexRun(s[i+3:]) == 16 {
		s = s[:i]
	}
	if i := strings.Index(s, " in "); i > 0 && strings.HasPrefix(s, "closure #") {
		s = afterLast(s, " in ")
	}
	for _, mark := range []string{".cold", ".isra.", ".part.", ".constprop.", ".llvm.", " [clone", "@plt", "@@"} {
		if i := strings.Index(s, mark); i > 0 {
			s = s[:i]
		}
	}
	return withoutArguments(s)
}

// withoutArguments removes parameter lists, result types and what template
// arguments hold. Rust's "<T as Trait>::f" keeps its beginning.
func withoutArguments(s string) string {
	if strings.Contains(s, "operator") || !strings.ContainsAny(s, "(<") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	round, angle, leading := 0, 0, s[0] == '<'
	for i := range len(s) {
		c := s[i]
		kept := round == 0 && (angle == 0 || angle == 1 && leading)
		switch c {
		case '(':
			round++
		case ')':
			round = max(round-1, 0)
		case '<':
			if i == 0 {
				b.WriteByte(c)
			} else if kept {
				b.WriteString("<T>")
			}
			angle++
		case '>':
			if angle == 1 && leading {
				leading = false
				b.WriteByte(c)
			}
			angle = max(angle-1, 0)
		default:
			if kept {
				b.WriteByte(c)
			}
		}
	}
	out := strings.TrimSpace(b.String())
	if !strings.HasPrefix(out, "<") && !strings.Contains(out, "`") {
		out = afterLast(out, " ")
	}
	if out == "" {
		return s
	}
	return out
}

package grouping

import "strings"

// cleanSegments is what stays of a path when the program is deployed again: without
// host, drive, query, directories that are named after a release, and the hash
// in the name of a script. It is in parts, without a slash at the beginning.
func cleanSegments(path string) (dirs []string, file string) {
	path = localPath(path)
	var buffer [8]string // most paths fit
	dirs = buffer[:0]
	script := false
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			continue
		}
		if file != "" {
			if dir := cleanDirectory(file); dir != "" {
				dirs = append(dirs, dir)
			}
		}
		file = segment
	}
	if i := strings.LastIndexByte(file, '.'); i > 0 {
		script = isScriptExtension(file[i+1:])
	}
	if script {
		file = cleanScript(file)
	} else {
		file = cleanFile(file)
	}
	return dirs, file
}

// localPath removes what stands before the path on its host, and the query.
func localPath(path string) string {
	if strings.HasPrefix(path, "data:") || strings.HasPrefix(path, "blob:") {
		return path[:4]
	}
	url := false
	if i := strings.Index(path, "://"); i > 0 && i < 32 {
		url = true
		path = path[i+3:]
		if i = strings.IndexByte(path, '/'); i < 0 {
			return ""
		}
		path = path[i:]
	} else if strings.HasPrefix(path, "file:") || strings.HasPrefix(path, "node:") || strings.HasPrefix(path, "webpack:") {
		path = path[strings.IndexByte(path, ':')+1:]
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	if url {
		if i := strings.IndexByte(path, '#'); i >= 0 {
			path = path[:i]
		}
	}
	if strings.IndexByte(path, '\\') >= 0 {
		path = strings.ReplaceAll(path, `\`, "/")
	}
	if i := strings.IndexByte(path, ':'); i > 0 && isLetter(path[i-1]) && (i == 1 || i == 2 && path[0] == '/') { // C:/ or /C:/
		path = path[i+1:]
	}
	return path
}

// isAbsolute tells a path of the machine that the program runs on.
func isAbsolute(path string) bool {
	return strings.HasPrefix(path, "/") || strings.HasPrefix(path, `\\`) || len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/')
}

// cleanDirectory is a directory's name without its version, or "" when the
// name is nothing but a version, a number, a hash or a step of deployment.
func cleanDirectory(s string) string {
	switch strings.ToLower(s) {
	case "releases", "release", "current", "revisions":
		return ""
	}
	if s[0] == '(' && s[len(s)-1] == ')' { // Webpack's layers: (app-client)
		return ""
	}
	if isVersion(s) || isHexID(s, 7) || isUUID(s) || isTimestamp(s) {
		return ""
	}
	if i := strings.IndexByte(s, '@'); i > 0 { // conc@v0.3.0
		s = s[:i]
	}
	if i := strings.IndexByte(s, '-'); i == 32 && len(s) > 33 { // a store of Nix: hash-name
		s = s[i+1:]
	}
	for i := 1; i < len(s)-1; i++ { // rails-7.0.4, release_42, build-ca549d9
		if (s[i] == '-' || s[i] == '_') && (isVersion(s[i+1:]) || isHexID(s[i+1:], 7) || isTimestamp(s[i+1:])) {
			return s[:i]
		}
	}
	if stem := strings.TrimRight(s, "0123456789"); len(s)-len(stem) >= 6 { // version1606832327
		return ""
	}
	return s
}

// isTimestamp tells "2026-11-20", "20261120T101500Z" and "2026.11.20_1015".
func isTimestamp(s string) bool {
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			digits++
		case strings.IndexByte("-_.:+TtZz", c) < 0:
			return false
		}
	}
	return digits >= 4 && isDigit(s[0])
}

// isVersion tells "12", "1.2.3", "v2.0.0-rc1".
func isVersion(s string) bool {
	if len(s) > 1 && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	n, dots := 0, 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '.' && n > 0) {
		if s[n] == '.' {
			dots++
		}
		n++
	}
	switch {
	case n == 0:
		return false
	case n == len(s):
		return true
	}
	return dots > 0 && strings.IndexByte("-+_abr.", s[n]) >= 0
}

// isHexID tells a hexadecimal number of at least n digits that has a decimal one.
func isHexID(s string, n int) bool {
	return len(s) >= n && len(s) <= 128 && strings.ContainsAny(s, "0123456789") && span(s, isHex) == len(s)
}

func isUUID(s string) bool {
	n, ok := groups(s, 8, 4, 4, 4, 12)
	return ok && n == len(s)
}

// cleanFile is the name of a file that is no script. Only names that are
// nothing but a hash change, as of templates that were compiled.
func cleanFile(s string) string {
	stem, ext := s, ""
	if i := strings.IndexByte(s, '.'); i > 0 {
		stem, ext = s[:i], s[i:]
	}
	if isHexID(stem, 16) || isUUID(stem) {
		return "<hash>" + ext
	}
	return s
}

func isScriptExtension(s string) bool {
	switch strings.ToLower(s) {
	case "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "css":
		return true
	}
	return false
}

// cleanScript is the name of a script without what a bundler adds to it:
// "main.9f1c2b3a.chunk.js" becomes "main.js".
func cleanScript(s string) string {
	dot := strings.LastIndexByte(s, '.')
	stem, ext := s[:dot], s[dot:]
	if i := strings.LastIndexAny(stem, "-@"); i > 0 && isVersion(stem[i+1:]) && strings.Contains(stem[i+1:], ".") {
		stem = stem[:i] // jquery-3.7.1
	} else {
		// jquery-3.7.1.min
		for i := 1; i+1 < len(stem); i++ {
			if (stem[i] == '-' || stem[i] == '@') && isDigit(stem[i+1]) {
				if end := i + 1 + span(stem[i+1:], func(c byte) bool { return isDigit(c) || c == '.' }); end <= len(stem) && strings.Count(stem[i+1:end], ".") > 1 {
					stem = stem[:i] + "." + stem[end:]
					break
				}
			}
		}
	}
	var kept []string
	hashed := false
	for part := range strings.SplitSeq(stem, ".") {
		switch part {
		case "", "min", "bundle", "chunk", "prod", "production", "development":
			continue
		}
		if len(part) > 0 && span(part, isDigit) == len(part) || isBundleHash(part) {
			hashed = true
			continue
		}
		if cut := trimBundleHash(part); cut != part {
			part = cut
			if span(part, isDigit) == len(part) || isBundleHash(part) {
				hashed = true
				continue
			}
		}
		kept = append(kept, part)
	}
	if len(kept) == 0 {
		if hashed {
			return "<hash>" + ext
		}
		return s
	}
	return strings.Join(kept, ".") + ext
}

// trimBundleHash removes "-hash", "_hash" and "~hash" at the end.
func trimBundleHash(s string) string {
	if i := len(s) - 9; i > 0 && isHashSeparator(s[i]) && isBundleHash(s[i+1:]) {
		return s[:i] // a hash in base 64 may have '-' and '_' in it
	}
	for i := len(s) - 1; i > 0; i-- {
		if isHashSeparator(s[i]) {
			if isBundleHash(s[i+1:]) {
				return s[:i]
			}
			break
		}
	}
	return s
}

func isHashSeparator(c byte) bool { return c == '-' || c == '_' || c == '~' }

// isBundleHash tells the hashes that bundlers put into file names: hexadecimal
// (Webpack, Next), eight capitals and digits (esbuild, Angular), eight digits
// of base 64 (Vite, Rollup), and other long ones with several decimal digits.
func isBundleHash(s string) bool {
	if len(s) <= 64 && isHexID(s, 6) {
		return true
	}
	var upper, lower, digit, other int
	camel := true // every capital begins a word of small letters
	for i := range len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			upper++
			if i+1 >= len(s) || s[i+1] < 'a' || s[i+1] > 'z' {
				camel = false
			}
		case 'a' <= c && c <= 'z':
			lower++
		case isDigit(c):
			digit++
		case c == '-' || c == '_':
			other++
		default:
			return false
		}
	}
	switch {
	case len(s) == 8:
		if other == 0 && lower == 0 && upper > 0 {
			return true
		}
		// "invoice2" and "CartItem" are words; three capitals, or two and a
		// digit, are too many for one.
		word := other == 0 && camel && len(strings.TrimRight(s, "0123456789"))+digit == len(s) && upper <= 2-min(digit, 1)
		camel = camel && (upper < 3 || other > 0)
		return !word && (digit > 0 && upper+lower > 0 || upper > 0 && lower > 0 && !camel)
	case len(s) >= 16 && len(s) <= 32:
		return other == 0 && digit >= 3
	}
	return false
}

package traceback

// format is one kind of traceback text.
type format struct {
	platform string
	frame    func(line string) bool // whether a line is a frame of this kind
	parse    func(*parser)
}

// formats are in the order of trust: of two that match equally many lines the
// earlier one wins.
var formats = []format{
	{"python", isPythonFrame, parsePython},
	{"java", isJavaFrame, parseJava},
	{"javascript", isV8Frame, parseV8},
	{"csharp", isDotnetFrame, parseDotnet},
	{"javascript", isGeckoFrame, parseGecko},
	{"go", isGoFrame, parseGo},
	{"ruby", isRubyFrame, parseRuby},
	{"php", isPHPFrame, parsePHP},
}

// detect tells which kind of traceback the lines are, nil if none.
func detect(lines []string) *format {
	count := make([]int, len(formats))
	for _, line := range lines {
		if len(line) < 4 {
			continue
		}
		for i := range formats {
			if formats[i].frame(line) {
				count[i]++
				break
			}
		}
	}
	if count[0] > 0 { // a Python message may quote any other traceback
		return &formats[0]
	}
	best := -1
	for i, n := range count {
		if n > 0 && (best < 0 || n > count[best]) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	return &formats[best]
}

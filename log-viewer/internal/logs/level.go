package logs

// Level is how serious an entry is.
type Level uint8

const (
	Trace Level = iota
	Debug
	Info
	Warning
	Error
	Critical
	levels
)

var levelNames = [levels]string{"TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}

// String is the level's name on the wire, in upper case.
func (l Level) String() string {
	if l >= levels {
		return "INFO"
	}
	return levelNames[l]
}

// ParseLevel reads a level's name or one of its usual other names, in any case.
func ParseLevel(name string) (Level, bool) {
	var lower [len("informational")]byte // the longest name
	if len(name) > len(lower) {
		return Info, false
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(name)]) {
	case "trace", "trc", "trce", "verbose", "finest", "finer", "silly":
		return Trace, true
	case "debug", "dbg", "dbug", "fine":
		return Debug, true
	case "info", "inf", "information", "informational", "notice", "note", "log", "config", "http":
		return Info, true
	case "warning", "warn", "wrn":
		return Warning, true
	case "error", "err", "eror", "fail", "severe":
		return Error, true
	case "critical", "crit", "crt", "fatal", "ftl", "panic", "dpanic", "alert", "emerg", "emergency":
		return Critical, true
	}
	return Info, false
}

// LevelSet is a set of levels. The empty set stands for all of them.
type LevelSet uint8

// Only is the set of one level.
func Only(l Level) LevelSet { return 1 << l }

// AtLeast is the set of l and all that is more serious.
func AtLeast(l Level) LevelSet { return LevelSet(1<<levels-1) &^ (1<<l - 1) }

// Has tells whether l is in the set.
func (s LevelSet) Has(l Level) bool { return s == 0 || s&(1<<l) != 0 }

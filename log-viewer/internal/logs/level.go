package logs

import "strings"

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
	switch strings.ToLower(name) {
	case "trace", "trc", "verbose", "finest", "finer":
		return Trace, true
	case "debug", "dbg", "dbug", "fine":
		return Debug, true
	case "info", "inf", "information", "informational", "notice", "log", "config":
		return Info, true
	case "warning", "warn", "wrn":
		return Warning, true
	case "error", "err", "eror", "severe":
		return Error, true
	case "critical", "crit", "fatal", "ftl", "panic", "alert", "emerg", "emergency":
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

package main

import (
	"runtime/debug"
	"testing"
)

func TestThriftLastsAsLongAsTheLastUpload(t *testing.T) {
	before := debug.SetGCPercent(75)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	percent := func() int {
		p := debug.SetGCPercent(75)
		debug.SetGCPercent(p)
		return p
	}
	unset := func(string) (string, bool) { return "", false }
	m := &thrifty{percent: 25, lookup: unset}
	first, second := m.Begin(), m.Begin()
	first()
	if got := percent(); got != 25 {
		t.Errorf("GOGC is %d while an upload runs, want 25", got)
	}
	second()
	if got := percent(); got != 75 {
		t.Errorf("GOGC is %d after the uploads, want 75 again", got)
	}
	m.lookup = func(name string) (string, bool) { return "off", name == "GOGC" }
	done := m.Begin()
	if got := percent(); got != 75 {
		t.Errorf("GOGC of the environment became %d", got)
	}
	done()
}

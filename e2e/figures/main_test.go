package main

import (
	"strings"
	"testing"
)

func TestTableHasTheLastFigureOfEachTestInTheOrderOfTheRows(t *testing.T) {
	const figures = `{"Row":"A10","Service":"b","Text":"wal","Test":"T"}
{"Row":"soak","Service":"","Text":"an hour","Test":"S"}
{"Row":"A2","Service":"b","Text":"old","Test":"T"}
{"Row":"A2","Service":"b","Text":"a|b","Test":"T"}
{"Row":"A2","Service":"a","Text":"other","Test":"T"}
`
	const want = `
| row | service | figure |
|---|---|---|
| A2 | a | other |
| A2 | b | a\|b |
| A10 | b | wal |
| soak |  | an hour |
`
	var out strings.Builder
	if err := table(&out, strings.NewReader(figures)); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
}

func TestAFileThatCannotBeReadToItsEndIsAnError(t *testing.T) {
	var out strings.Builder
	if err := table(&out, strings.NewReader(`{"Row":"A1","Text":"`+strings.Repeat("x", 1<<20)+`"}`)); err == nil {
		t.Errorf("no error, but %q", out.String())
	}
}

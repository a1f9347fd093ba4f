package headline_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monlight/monlight/shared/headline"
)

func TestFiguresOfOneRunStandInOneRow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.jsonl")
	for _, f := range []headline.Figure{
		{Service: "metrics-collector", What: "points", Value: 2_460_000, Unit: "/s", Aim: 1_000_000},
		{Service: "metrics-collector", What: "points", Program: "prometheus", Value: 690_000, Unit: "/s"},
		{Service: "metrics-collector", What: "one series", Value: 0.44, Unit: "ms", Less: true, Aim: 0.4},
		{Service: "metrics-collector", What: "one series", Program: "victoria-metrics", Value: 0.40, Unit: "ms"},
		{Service: "metrics-collector", What: "many series", Value: 2, Unit: "ms", Less: true},
		{Service: "metrics-collector", What: "many series", Program: "victoria-metrics", Value: 8, Unit: "ms"},
		{Service: "metrics-collector", What: "lookups", Value: 5, Unit: "/s"},
		{Service: "metrics-collector", What: "lookups", Program: "other", Value: 800, Unit: "/s"},
		{Service: "error-tracker", What: "reports", Value: 3570.4, Unit: "/s"},
		{Service: "error-tracker", What: "edge", Value: 999.6, Unit: "/s"},
	} {
		if err := headline.Note(file, f); err != nil {
			t.Fatal(err)
		}
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	if err := headline.Table(&out, in); err != nil {
		t.Fatal(err)
	}
	want := `| service | what | figure | beside it, in the same run | aim |
|---|---|--:|---|---|
| error-tracker | reports | 3,570/s |  |  |
| error-tracker | edge | 1,000/s |  |  |
| metrics-collector | points | 2,460,000/s | prometheus 690,000/s: 3.57 of it | at least 1,000,000/s: met |
| metrics-collector | one series | 0.44 ms | victoria-metrics 0.4 ms: **1.1 of it** | at most 0.4 ms: **missed** |
| metrics-collector | many series | 2 ms | victoria-metrics 8 ms: 0.25 of it | |
| metrics-collector | lookups | 5/s | other 800/s: **0.00625 of it** | |
`
	if got := strings.ReplaceAll(out.String(), "|  |\n", "| |\n"); got != strings.ReplaceAll(want, "|  |\n", "| |\n") {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
}

func TestAFigureOfAnotherProgramAloneIsAnError(t *testing.T) {
	err := headline.Table(new(bytes.Buffer), strings.NewReader(`{"service":"log-viewer","what":"lines","program":"rows","value":1,"unit":"/s"}`))
	if err == nil || !strings.Contains(err.Error(), "not of the service") {
		t.Errorf("Table = %v, want an error that names what is missing", err)
	}
}

func TestWithoutAFileNothingIsNoted(t *testing.T) {
	if err := headline.Note("", headline.Figure{}); err != nil {
		t.Error(err)
	}
}

package block

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// numberLine is a line with fields that are numbers, are written like numbers, or
// stand where a number would.
func numberLine(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	value := func() string {
		return pick(fmt.Sprint(r.IntN(600)), fmt.Sprint(r.IntN(600)), fmt.Sprint(r.IntN(600)), fmt.Sprintf("%03d", r.IntN(600)), fmt.Sprintf("%d.%d", r.IntN(9), r.IntN(100)), fmt.Sprintf("-%d", r.IntN(600)), fmt.Sprintf("+%d", r.IntN(600)),
			fmt.Sprintf("%de%d", r.IntN(9), r.IntN(4)), fmt.Sprintf("%de-%d", r.IntN(9), r.IntN(4)), fmt.Sprintf(".%d", r.IntN(9)), fmt.Sprintf("%d.", r.IntN(600)), fmt.Sprintf("0x%xp2", r.IntN(600)), fmt.Sprintf("1_%d", r.IntN(600)), fmt.Sprintf("%dms", r.IntN(600)), fmt.Sprintf("v%d", r.IntN(600)),
			fmt.Sprintf("%08x", r.Uint32()), fmt.Sprintf("%d", r.Uint64()), fmt.Sprintf("%d", 1<<53+r.IntN(5)), "", "true", "null", "Inf", "infinity", "-inf", "NaN", "ok", "none", "500", "503", fmt.Sprintf("%d%%", r.IntN(600)), fmt.Sprintf("%d:%d", r.IntN(60), r.IntN(60)), fmt.Sprintf("%d-%d", r.IntN(600), r.IntN(60)))
	}
	name := func() string {
		return pick("status", "status", "status", "Status", "STATUS", "http.status", "xstatus", "x_status", "x-status", "status2", "code", "st\u00e4tus")
	}
	space := func() string { return pick("", "", "", " ", "\t", " \n") }
	switch r.IntN(4) {
	case 0: // an object
		var members []string
		for range 1 + r.IntN(3) {
			v := value()
			switch r.IntN(8) {
			case 0:
				v = `"` + v + `"`
			case 1:
				v = `" ` + v + ` "`
			case 2:
				v = "[" + v + "]"
			case 3:
				v = `{"` + name() + `":` + v + "}"
			}
			members = append(members, `"`+name()+`"`+space()+":"+space()+v+space())
		}
		return pick("", "", "before status=501 ", "at 5 ") + "{" + strings.Join(members, ","+space()) + pick("}", "}", "}", "", "} after status=502")
	case 1: // pairs
		var pairs []string
		for range 1 + r.IntN(3) {
			quote := pick("", "", "", `"`, "'")
			pairs = append(pairs, pick("", "", "", "(", "[", `"`, "a?", "&")+name()+pick("=", "=", "=", "==", "=~", " = ")+quote+value()+quote+pick("", "", "", ")", "))", "]", ",", ";", "}", `"`, ".", "/x"))
		}
		return pick("", "GET / ") + strings.Join(pairs, pick(" ", " ", ", ", ",", "; ", "&", "\n"))
	case 2: // nearly the same, so that they share a template
		return fmt.Sprintf(`{"status":%d,"http":{"status":"%d"},"code":"%dms","id":"%08x"}`, r.IntN(600), r.IntN(600), r.IntN(600), r.Uint32())
	}
	if r.IntN(3) == 0 { // a link, whose end depends on what is in it
		return fmt.Sprintf("\x1b]8;;http://x/%d%sstatus=%d\x07 status=%d\x1b\\", r.IntN(9), strings.Repeat("y", 4050+r.IntN(60)), r.IntN(600), r.IntN(600))
	}
	return fmt.Sprintf("\x1b[3%dmstatus\x1b[0m=%s \"status\": %s", r.IntN(8), value(), value())
}

// TestComparisonsOfNumbersAgreeWithMatch compares what a block finds with a look
// at every line.
func TestComparisonsOfNumbersAgreeWithMatch(t *testing.T) {
	enc, dec := newCodec(t)
	for seed := range *blockSeeds {
		r := rand.New(rand.NewPCG(seed, 3))
		rows := &Rows{First: 1}
		for i := range 1 + r.IntN(700) {
			rows.Append(int64(i), 0, 0, numberLine(r))
		}
		s, b := packed(t, enc, dec, rows)
		for _, name := range []string{"status", "http.status", "Status", "x-status", "status2", "code", "stätus", "status.status"} {
			for _, bounds := range []string{">=500", ">500", "<5", "<=-1", "0..9", "500..503", ">0", "<1000", fmt.Sprintf(">=%d", r.IntN(600)), fmt.Sprintf("<%d", r.IntN(600)), ">9007199254740992", ">=18446744073709551615"} {
				search := name + ":" + bounds
				x, err := logs.ParseSearch(search)
				if err != nil {
					t.Fatalf("%s: %v", search, err)
				}
				checkSearch(t, s, b, rows, x, search)
				checkSearch(t, s, b, rows, &logs.Expr{Op: logs.Not, Args: []*logs.Expr{x}}, "-"+search)
			}
		}
		b.Free()
	}
}

// TestAComparisonReadsNoOtherLines has one line in a thousand that passes.
func TestAComparisonReadsNoOtherLines(t *testing.T) {
	enc, dec := newCodec(t)
	rows := &Rows{First: 1}
	for i := range 1000 {
		rows.Append(int64(i), 0, 0, fmt.Sprintf(`{"path":"/p%d","status":%d,"ms":%d}`, i, 200+i%300+i/999*300, i%900))
	}
	_, b := packed(t, enc, dec, rows)
	x, err := logs.ParseSearch("status:>=500")
	if err != nil {
		t.Fatal(err)
	}
	passed, found := 0, 0
	scan := &Scan{Plan: NewPlan(x), Pass: func(int) bool { passed++; return true }}
	if _, err := b.Run(scan, func(int) { found++ }); err != nil {
		t.Fatal(err)
	}
	if found != 1 || passed != found {
		t.Errorf("%d lines were found, and %d looked at; want 1", found, passed)
	}
}

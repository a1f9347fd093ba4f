package block

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// randomLine is a line of one of many shapes.
func randomLine(r *rand.Rand) string {
	words := []string{"request", "Error", "db", "timeout", "ÜBER", "größe", "user", "x", "connection", "refused", "conn42", "K", "ſ"}
	word := func() string { return words[r.IntN(len(words))] }
	switch r.IntN(17) {
	case 0:
		return fmt.Sprintf(`{"level":"info","msg":"%s %s","trace_id":"%032x","dur":%d.%d,"user":{"id":%d}}`, word(), word(), r.Uint64N(50), r.IntN(100), r.IntN(10), r.IntN(30))
	case 1:
		return fmt.Sprintf(`{"msg":"a \"%s\"\n%s \u00fc%d","path":"\/api\/%s"}`, word(), word(), r.IntN(5), word())
	case 2:
		return fmt.Sprintf("\x1b[3%dm%s\x1b[0m %s %d", r.IntN(8), word(), word(), r.IntN(100))
	case 3:
		return fmt.Sprintf("%s\x1b[1m%d\x1b[0m%s", word(), r.IntN(10), word())
	case 4:
		return fmt.Sprintf("%d.%d.%d.%d %s", r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(300), word())
	case 5:
		return fmt.Sprintf("blk_%d received %08X in %dms", r.Uint64(), r.Uint32(), r.IntN(1000))
	case 6:
		return fmt.Sprintf("level=%s status=%d msg=\"%s %s\" took=%dms", word(), 200+r.IntN(5), word(), word(), r.IntN(100))
	case 7:
		return string([]byte{mark, 'a', mark, '1', 0, byte(r.IntN(5))}) + word()
	case 8:
		return strings.Repeat(word()+" 12 ", r.IntN(200))
	case 9:
		return ""
	case 10:
		return fmt.Sprintf("id %s-%04d-%d", word(), r.IntN(20), r.IntN(1<<40))
	case 11:
		return fmt.Sprintf("%s%s%s", word(), word(), word())
	case 12:
		return fmt.Sprintf("%019d %020d 007 %03d", r.Uint64()%1e19, r.Uint64(), r.IntN(1000))
	case 13:
		return "\x1b]8;;http://x/" + word() + "\x07" + word() + "1\x1b]"
	}
	if r.IntN(2) == 0 {
		return fmt.Sprintf("span %016x of %07x, v%d", r.Uint64(), 1<<24|r.IntN(1<<24), r.IntN(1<<30))
	}
	return fmt.Sprintf("%s %s %d %s-%d", word(), word(), r.IntN(1000), word(), r.IntN(5))
}

func randomRows(r *rand.Rand, n int) *Rows {
	rows := &Rows{First: 1 + r.Int64N(1000)}
	at := int64(1_700_000_000_000_000_000) + r.Int64N(1e9)
	unit := []int64{1, 1e3, 1e6, 1e9}[r.IntN(4)]
	for range n {
		at += r.Int64N(3e9) - 5e8
		rows.Append(at/unit*unit, uint32(r.IntN(5)), Flags(uint8(r.IntN(6)), uint8(r.IntN(2))), randomLine(r))
	}
	if r.IntN(2) == 0 {
		id := rows.First
		for range n {
			rows.ID = append(rows.ID, id)
			id += 1 + r.Int64N(4)
		}
	}
	return rows
}

var searches = []string{
	"request", "error", "err*", "conn*", "conn4*", "conn42", "nope", "über", "größe", "k", "ſ", `"reque"`, `"n4"`, `"est er"`, `"42"`, `"1"`,
	"1.1.2", "1.1.*", `"1.1"`, "blk_*", "007", `"07 0"`, "user:5", "user.id:5", "user.id:>20", "dur:<5", "status:202", "took:*", `msg:"t e"`,
	"msg:request", "msg:ü3", "path:/api/user", "level:warning", "-request", "-level:error request", "request OR timeout", "(db OR user) -x",
	"/re[qp]uest/", `/id \w+-00/`, "/TIMEOUT|REFUSED/i", "/[0-9]+ms/", "/sk/i", "request-1", `"\x11"`, "container:s1", "container:s1 OR db", "-container:s1 request", "stream:stderr -db",
	"12 timeout", `"timeout 12 ti"`, "1", `"m1"`, "requestdb", `"000"`, "level=db", "msg:=request",
}

var blockSeeds = flag.Uint64("seeds", 6, "number of blocks of random lines")

// TestScanAgreesWithMatch packs random lines and compares what searches find in
// the block, and what the index says about it, with a look at every line.
func TestScanAgreesWithMatch(t *testing.T) {
	enc, err := NewEncoder(false)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	dec, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	for seed := range *blockSeeds {
		r := rand.New(rand.NewPCG(seed, 1))
		rows := randomRows(r, 1+r.IntN(700))
		s, b := packed(t, enc, dec, rows)
		checkRows(t, b, rows)
		for _, text := range append(searches, strings.Fields(randomLine(r) + " x")[0]) {
			if x, err := logs.ParseSearch(text); err == nil {
				checkSearch(t, s, b, rows, x, text)
			}
		}
		for range 100 {
			text := part(r, rows.Message(r.IntN(rows.Len())))
			checkSearch(t, s, b, rows, &logs.Expr{Op: logs.Contains, Text: text}, fmt.Sprintf("%+v", text))
		}
		b.Free() // so that the next one finds what this one left behind
	}
}

// packed is a block of the rows, and that block open.
func packed(t *testing.T, enc *Encoder, dec *Decoder, rows *Rows) (*Sealed, *Block) {
	t.Helper()
	s, err := enc.Encode(rows)
	if err != nil {
		t.Fatal(err)
	}
	b, err := dec.Open(s.Data)
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

// part is a piece of a line to look for.
func part(r *rand.Rand, line string) logs.Text {
	line = logs.Fold(logs.Plain(line))
	if line == "" {
		return logs.Text{Piece: "x"}
	}
	from := r.IntN(len(line))
	to := min(len(line), from+1+r.IntN(1+r.IntN(40)))
	return logs.Text{Piece: line[from:to], Start: r.IntN(4) == 0, End: r.IntN(4) == 0}
}

func checkRows(t *testing.T, b *Block, rows *Rows) {
	t.Helper()
	if b.Len() != rows.Len() {
		t.Fatalf("the block has %d rows, want %d", b.Len(), rows.Len())
	}
	for i := range rows.Len() {
		m, err := b.Message(i)
		if err != nil || m != rows.Message(i) || b.Time[i] != rows.Time[i] || b.Source[i] != rows.Source[i] || b.Flags[i] != rows.Flags[i] || b.IDOf(i) != rows.IDOf(i) {
			t.Fatalf("row %d: %q at %d (id %d), %v; want %q at %d (id %d)", i, m, b.Time[i], b.IDOf(i), err, rows.Message(i), rows.Time[i], rows.IDOf(i))
		}
	}
}

func checkSearch(t *testing.T, s *Sealed, b *Block, rows *Rows, x *logs.Expr, label string) {
	t.Helper()
	name := func(s uint32) string { return fmt.Sprintf("s%d", s) }
	plan := NewPlan(x)
	got := make(map[int]bool)
	if _, err := b.Run(&Scan{Plan: plan, Name: name}, func(row int) { got[row] = true }); err != nil {
		t.Fatal(err)
	}
	if len(got) > 0 && !plan.May(s.has) {
		t.Errorf("search %s: the index says no, %d rows match", label, len(got))
	}
	for i := range rows.Len() {
		e := logs.Entry{Message: rows.Message(i), Level: logs.Level(rows.Flags[i] & 7), Stream: logs.Stream(rows.Flags[i] >> 3), Source: name(rows.Source[i])}
		if want := x.Match(e); got[i] != want {
			t.Fatalf("search %s, row %d %q: found %v, want %v", label, i, rows.Message(i), got[i], want)
		}
	}
}

// has looks a key up as the store does.
func (s *Sealed) has(k Key) bool {
	if k.ID {
		l, err := OpenIDList(s.IDs)
		return s.AnyID || err != nil || l.Has(k.Hash)
	}
	for w := range strings.FieldsSeq(s.Words) {
		if w == k.Word || k.Prefix && strings.HasPrefix(w, k.Word) {
			return true
		}
	}
	return s.Overflow
}

func TestBatchRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	rows := randomRows(r, 500)
	var out Rows
	for from := 0; from < 500; from += 125 {
		if err := out.AddBatch(rows.AppendBatch(nil, from, from+125)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 500 {
		if out.Message(i) != rows.Message(i) || out.Time[i] != rows.Time[i] || out.Source[i] != rows.Source[i] || out.Flags[i] != rows.Flags[i] {
			t.Fatalf("row %d: got %q, want %q", i, out.Message(i), rows.Message(i))
		}
	}
}

func TestDamageIsAnError(t *testing.T) {
	enc, _ := NewEncoder(true)
	defer enc.Close()
	dec, _ := NewDecoder()
	defer dec.Close()
	s, err := enc.Encode(randomRows(rand.New(rand.NewPCG(1, 9)), 200))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(s.Data); i += 7 {
		bad := bytes.Clone(s.Data)
		bad[i] ^= 0x10
		if _, err := dec.Open(bad); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d changed: error %v, want ErrDamaged", i, err)
		}
	}
}

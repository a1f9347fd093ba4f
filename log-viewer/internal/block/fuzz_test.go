package block

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/s2"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

func newCodec(tb testing.TB) (*Encoder, *Decoder) {
	tb.Helper()
	enc, err := NewEncoder(false)
	if err != nil {
		tb.Fatal(err)
	}
	dec, err := NewDecoder()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		dec.Close()
		enc.Close() //nolint:errcheck // it has nothing to write
	})
	return enc, dec
}

// withSum is bytes with the checksum that a block ends with, so that what comes
// before is looked at.
func withSum(data []byte) []byte {
	data = slices.Clone(data)
	return binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, crcTable))
}

// FuzzOpen holds that bytes that are no block, or one that somebody made up, are
// an error, or rows that can be read and searched; never a panic.
func FuzzOpen(f *testing.F) {
	enc, dec := newCodec(f)
	for seed := range uint64(6) {
		s, err := enc.Encode(randomRows(rand.New(rand.NewPCG(seed, 3)), 1+int(seed)*7))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s.Data[:len(s.Data)-4])
	}
	f.Add([]byte{format, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	var plans []*Plan
	for _, text := range []string{"request", "conn42", `"42"`, `"1f"`, "/re[qp]uest/", "user.id:>20", "-blk_*"} {
		x, err := logs.ParseSearch(text)
		if err != nil {
			f.Fatal(err)
		}
		plans = append(plans, NewPlan(x))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := dec.Open(withSum(body))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("error %v, want ErrDamaged", err)
			}
			return
		}
		for i := range min(b.Len(), 200) {
			m, err := b.Message(i)
			if err != nil && !errors.Is(err, ErrDamaged) || len(m) > 4*maxStream {
				t.Fatalf("row %d: %d bytes, %v", i, len(m), err)
			}
		}
		for _, p := range plans {
			_, err := b.Run(&Scan{Plan: p, Name: func(uint32) string { return "x" }}, func(row int) {
				if row < 0 || row >= b.Len() {
					t.Fatalf("row %d of %d", row, b.Len())
				}
			})
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
		}
		b.Free()
	})
}

// FuzzAddBatch holds that what is read of a batch reads the same when it is
// written again.
func FuzzAddBatch(f *testing.F) {
	rows := randomRows(rand.New(rand.NewPCG(1, 4)), 60)
	f.Add(rows.AppendBatch(nil, 0, 60))
	f.Add(rows.AppendBatch(nil, 3, 5))
	f.Add([]byte{batchPlain, 0})
	f.Add([]byte{batchS2, 0xff, 0xff, 0xff, 0xff, 0x0f, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 0 && data[0] == batchS2 {
			if n, _ := s2.DecodedLen(data[1:]); n > 1<<20 {
				t.Skip() // only slow
			}
		}
		var r Rows
		if err := r.AddBatch(data); err != nil {
			if !errors.Is(err, ErrDamaged) || r.Len() > 0 {
				t.Fatalf("%d rows, error %v, want ErrDamaged", r.Len(), err)
			}
			return
		}
		if r.Len() == 0 {
			return
		}
		var again Rows
		if err := again.AddBatch(r.AppendBatch(nil, 0, r.Len())); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Time, again.Time) || !slices.Equal(r.Source, again.Source) || !slices.Equal(r.Flags, again.Flags) || !slices.Equal(r.End, again.End) || string(r.Text) != string(again.Text) {
			t.Fatal("what was written again reads differently")
		}
	})
}

// FuzzSummary holds that counts that somebody made up are an error or counts
// within the bounds.
func FuzzSummary(f *testing.F) {
	s := summarize(randomRows(rand.New(rand.NewPCG(1, 5)), 300))
	f.Add(s.Cube, s.Hist)
	f.Add([]byte{1}, []byte{200, 1})
	f.Fuzz(func(t *testing.T, cube, hist []byte) {
		s := Summary{Cube: cube, Hist: hist}
		err := s.EachSource(func(c *SourceSummary) {
			if c.N < 0 || c.N > NFlags*MaxRows {
				t.Fatalf("%d rows of a source", c.N)
			}
		})
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		slotsSeen := make(map[int64]bool)
		err = s.EachSlot(func(start int64, flags uint8, n uint32) {
			slotsSeen[start] = true
			if flags >= NFlags || n > MaxRows || len(slotsSeen) > maxSlots {
				t.Fatalf("flags %d, %d rows, slot %d", flags, n, len(slotsSeen))
			}
		})
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}

// FuzzScan holds that lines come out of a block as they went in, and that a
// search finds those that a look at every line finds.
func FuzzScan(f *testing.F) {
	enc, dec := newCodec(f)
	r := rand.New(rand.NewPCG(2, 2))
	for range 12 {
		var lines []string
		for range 1 + r.IntN(12) {
			lines = append(lines, randomLine(r))
		}
		line := lines[r.IntN(len(lines))]
		f.Add(strings.Join(lines, "\n"), line[len(line)/3:2*len(line)/3], uint8(r.IntN(4)))
	}
	f.Add("a1\na2\na12", "a1", uint8(3))
	f.Add("x00ff1234\nx00ff1235\nX00FF1236", "ff123", uint8(0))
	f.Fuzz(func(t *testing.T, text, piece string, ends uint8) {
		if !utf8.ValidString(text) || len(text) > 1<<16 {
			t.Skip()
		}
		rows := &Rows{First: 1}
		for i, line := range strings.Split(text, "\n") {
			rows.Append(int64(i)*1e6, uint32(i%3), Flags(uint8(i%6), uint8(i%2)), line) //nolint:gosec // small
		}
		s, err := enc.Encode(rows)
		if err != nil {
			t.Skip() // too many lines
		}
		b, err := dec.Open(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		checkRows(t, b, rows)
		for _, search := range []string{piece, `"` + piece + `"`, piece + ":>=5", piece + ":<" + piece} {
			if x, err := logs.ParseSearch(search); err == nil && x != nil {
				checkSearch(t, s, b, rows, x, search)
			}
		}
		if part := logs.Fold(logs.Plain(piece)); part != "" {
			x := &logs.Expr{Op: logs.Contains, Text: logs.Text{Piece: part, Start: ends&1 != 0, End: ends&2 != 0}}
			checkSearch(t, s, b, rows, x, "for a piece")
		}
		b.Free()
	})
}

package block

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomIDs are n ids as the encoder has them, which may be fewer in the end.
func randomIDs(r *rand.Rand, n int) (hashes []uint64, ids []uint32) {
	for range n {
		hashes = append(hashes, r.Uint64())
	}
	for _, h := range hashes {
		ids = append(ids, idOf(h))
	}
	want := slices.Compact(slices.Sorted(slices.Values(ids)))
	ids, _ = sortIDs(ids, nil)
	if !slices.Equal(ids, want) {
		panic("sortIDs does not sort")
	}
	return hashes, ids
}

func mustOpenIDs(t testing.TB, ids []uint32) *IDList {
	t.Helper()
	data, ok := idList(ids)
	if !ok {
		t.Fatalf("%d ids make no list", len(ids))
	}
	l, err := OpenIDList(data)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestListOfIDsHasAllAndFewOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 2, 63, 500, 20_000, 50_000} {
		hashes, ids := randomIDs(r, n)
		l := mustOpenIDs(t, ids)
		for _, h := range hashes {
			if !l.Has(h) {
				t.Fatalf("%d ids: %x is missing", n, h)
			}
		}
		const asked = 20_000
		wrong := 0
		for range asked {
			if l.Has(r.Uint64()) {
				wrong++
			}
		}
		if most := asked*n/(1<<idBits)*5/4 + 20; wrong > most {
			t.Errorf("%d ids: %d of %d others are in the list, want at most %d", n, wrong, asked, most)
		}
	}
	if _, ok := idList(make([]uint32, maxIDs+1)); ok {
		t.Error("too many ids make a list")
	}
	crowded := make([]uint32, 0, maxIDs) // all in a few parts
	for i := range uint32(maxIDs) {
		crowded = append(crowded, i)
	}
	if l := mustOpenIDs(t, crowded); !l.Has(uint64(maxIDs-1)<<(64-idBits)) || l.Has(uint64(maxIDs)<<(64-idBits)) {
		t.Error("neighbours: the last one is missing, or one more is there")
	}
}

func TestGroupOfIDsTellsWhatItsListsTell(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	lists := make(map[int]*IDList)
	var all []uint64
	for _, at := range []int{0, 1, 5, 62, 63} {
		hashes, ids := randomIDs(r, 1+r.IntN(20_000))
		if at == 5 {
			ids = nil
			hashes = nil
		}
		lists[at] = mustOpenIDs(t, ids)
		all = append(all, hashes...)
	}
	g := NewIDGroup(lists)
	var rows [][]byte
	size := 0
	for range GroupRows {
		rows = append(rows, g.Next(nil))
		size += len(rows[len(rows)-1])
	}
	t.Logf("%.2f bits for each of %d ids", float64(8*size)/float64(len(all)), len(all))
	for range 2000 {
		all = append(all, r.Uint64())
	}
	for _, h := range all {
		want := uint64(0)
		for at, l := range lists {
			if l.Has(h) {
				want |= 1 << at
			}
		}
		if got, err := InGroupRow(rows[GroupRow(h)], h); err != nil || got != want {
			t.Fatalf("id %x: blocks %b, %v; the lists say %b", h, got, err, want)
		}
	}
}

func TestDamagedIDsAreAnError(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	hashes, ids := randomIDs(r, 3000)
	list, _ := idList(ids)
	row := NewIDGroup(map[int]*IDList{7: mustOpenIDs(t, ids)}).Next(nil)
	for name, try := range map[string]struct {
		data []byte
		read func([]byte) error
	}{
		"list": {list, func(b []byte) error { _, err := OpenIDList(b); return err }},
		"row": {row, func(b []byte) error {
			blocks, err := InGroupRow(b, hashes[0])
			if err != nil && blocks != ^uint64(0) {
				return nil // it hides blocks
			}
			return err
		}},
	} {
		for i := range try.data {
			bad := bytes.Clone(try.data)
			bad[i] ^= 0x10
			if try.read(bad) == nil {
				t.Fatalf("%s, byte %d of %d changed: no error", name, i, len(bad))
			}
		}
		if try.read(try.data[:len(try.data)/2]) == nil {
			t.Errorf("half a %s: no error", name)
		}
	}
}

func FuzzIDs(f *testing.F) {
	_, ids := randomIDs(rand.New(rand.NewPCG(4, 4)), 100)
	list, _ := idList(ids)
	f.Add(list, uint64(1))
	f.Add(NewIDGroup(map[int]*IDList{0: mustOpenIDs(f, ids)}).Next(nil), uint64(9<<50))
	f.Fuzz(func(t *testing.T, data []byte, hash uint64) {
		l, err := OpenIDList(data)
		if err == nil {
			l.Has(hash) // must not panic
			g := NewIDGroup(map[int]*IDList{3: l})
			for range GroupRows {
				if blocks, err := InGroupRow(g.Next(nil), hash); err != nil || blocks&^(1<<3) != 0 {
					t.Fatalf("a row that was just made: %b, %v", blocks, err)
				}
			}
		}
		_, _ = InGroupRow(data, hash)
	})
}

func BenchmarkIDs(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 5))
	_, ids := randomIDs(r, 20_000)
	lists := make(map[int]*IDList)
	for i := range GroupBlocks {
		lists[i] = mustOpenIDs(b, ids)
	}
	row := NewIDGroup(lists).Next(nil)
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			lists[0].Has(r.Uint64())
		}
	})
	b.Run(fmt.Sprintf("row of %d bytes", len(row)), func(b *testing.B) {
		for b.Loop() {
			_, _ = InGroupRow(row, r.Uint64()&(1<<40-1))
		}
	})
	b.Run("merge", func(b *testing.B) {
		var buffer []byte
		for b.Loop() {
			g := NewIDGroup(lists)
			for range GroupRows {
				buffer = g.Next(buffer[:0])
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*GroupBlocks*len(ids)), "ns/id")
	})
}

package metrics

import (
	"math/rand/v2"
	"testing"
)

// Cells are found again whatever the order of series and minutes.
func TestGenerationFindsEveryCell(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var g *generation
	for round := range int64(4) {
		g = g.reset(round)
		want := map[uint64]uint64{}
		for range 20_000 {
			o := observation{series: 1 + uint32(r.IntN(200)), ms: int64(r.IntN(30)) * minuteMS, value: 1, histogram: r.IntN(2) == 0}
			g.apply([]observation{o})
			want[cellKey(o.series, int32(o.ms/minuteMS))]++
		}
		if g.n != len(want) {
			t.Fatalf("%d cells, want %d", g.n, len(want))
		}
		for id := range uint32(201) {
			g.each(id, func(c *liveCell) {
				key := cellKey(c.series, c.minute)
				if c.series != id || c.Count != want[key] {
					t.Fatalf("series %d minute %d has %d points, want %d", c.series, c.minute, c.Count, want[key])
				}
				delete(want, key)
			})
		}
		if len(want) != 0 {
			t.Fatalf("%d cells are not reachable", len(want))
		}
	}
}

func TestAliasTable(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var table aliasTable
	want := map[hash128]uint32{}
	for i := range uint32(5000) {
		h := hash128{r.Uint64() & 0xfff, r.Uint64()} // crowded
		table.put(h, i+1)
		want[h] = i + 1
	}
	for h, id := range want {
		if got := table.get(h); got != id {
			t.Fatalf("get %v = %d, want %d", h, got, id)
		}
	}
	if got := table.get(hash128{1, 2}); got != 0 {
		t.Errorf("found %d that was not put", got)
	}
}

package block

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestBytesIsWhatABlockTakes compares Bytes with the heap, for blocks of which every
// line was read and whose memory has served other blocks before: the cache of
// open blocks goes by it.
func TestBytesIsWhatABlockTakes(t *testing.T) {
	enc, err := NewEncoder(false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = enc.Close() }()
	r := rand.New(rand.NewPCG(4, 2))
	var all []*Sealed
	for shape := range 4 { // each has other templates and columns than the others
		rows := &Rows{First: 1}
		for i := range 4000 {
			k := i % 8
			rows.Append(int64(i)*1e6, 1, 0, fmt.Sprintf("shape%d kind%d of %d took %d ms for user %x at %d and %d", shape, k, r.IntN(1e9), r.IntN(900), r.Uint32(), i*7, i*13+k))
		}
		s, err := enc.Encode(rows)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc) //nolint:gosec // far below
	}
	dec, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	read := func(b *Block, s *Sealed) {
		b.reset()
		b.data = append(b.data[:0], s.Data...)
		if err := b.open(b.data[1 : len(b.data)-4]); err != nil {
			t.Fatal(err)
		}
		for row := range b.Len() {
			if _, err := b.message(row); err != nil {
				t.Fatal(err)
			}
		}
	}
	read(&Block{dec: dec}, all[0]) // the decoder takes memory of its own
	const blocks = 32
	var open [blocks]Block
	before, total := heap(), 0
	for i := range open {
		open[i].dec = dec
		for _, s := range all {
			read(&open[i], s)
		}
		total += open[i].Bytes()
	}
	took := heap() - before
	t.Logf("%d blocks say that they take %d bytes, and take %d", blocks, total, took)
	if took > total*12/10 || total > took*2 {
		t.Errorf("%d blocks say that they take %d bytes, and take %d", blocks, total, took)
	}
	runtime.KeepAlive(&open)
}

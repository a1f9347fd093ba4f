package block

import (
	"math/rand/v2"
	"testing"
)

func TestFilterHasItsKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3, 10, 100, 1000, 20_000, 200_000} {
		keys := make([]uint64, n)
		for i := range keys {
			keys[i] = r.Uint64()
		}
		f, ok := BuildFilter(keys)
		if !ok {
			t.Fatalf("no filter of %d keys", n)
		}
		for _, k := range keys {
			if !InFilter(f, k) {
				t.Fatalf("filter of %d keys lacks one of them", n)
			}
		}
		wrong := 0
		for range 10_000 {
			if InFilter(f, r.Uint64()) {
				wrong++
			}
		}
		if wrong > 100 {
			t.Errorf("filter of %d keys has %d of 10,000 others, want about 39", n, wrong)
		}
		if n >= 10_000 && len(f)*8 > n*11 {
			t.Errorf("filter of %d keys takes %d bytes, want about 9 bits a key", n, len(f))
		}
	}
}

func FuzzInFilter(f *testing.F) {
	good, _ := BuildFilter([]uint64{1, 2, 3})
	f.Add(good, uint64(1))
	f.Add([]byte{1, 2}, uint64(7))
	f.Fuzz(func(_ *testing.T, filter []byte, key uint64) {
		InFilter(filter, key) // must not panic
	})
}

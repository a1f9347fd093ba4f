package block

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A filter is a binary fuse filter with fingerprints of 8 bits: it tells of a
// key whether it may be in the set, is wrong for one key in 256 that is not,
// and takes about 9 bits a key. The construction is that of Graf and Lemire,
// "Binary Fuse Filters: Fast and Smaller Than Xor Filters" (2022), with three
// places for each key.
//
// Its bytes are: seed (8), log2 of the length of a segment (1), segments (4),
// fingerprints. No bytes are the filter of no keys.
const filterHeader = 13

// maxFilterKeys bounds the time of building; a block has far fewer.
const maxFilterKeys = 1 << 21

// BuildFilter makes the filter of the keys, which must be distinct. ok is false
// when none could be built: then everything may be in the set.
func BuildFilter(keys []uint64) (filter []byte, ok bool) {
	var b filterBuilder
	return b.build(keys)
}

// filterBuilder makes filters; it is there for its buffers.
type filterBuilder struct {
	counts []uint8  // of each place: keys that have it, mod 256
	sums   []uint64 // of each place: xor of their hashes
	stack  []uint64 // hashes in the order in which they were freed
	places []uint32 // of each of those: the place that only it had by then
	queue  []uint32 // places that only one key has
}

func (b *filterBuilder) build(keys []uint64) (filter []byte, ok bool) {
	n := len(keys)
	if n == 0 {
		return nil, true
	}
	if n > maxFilterKeys {
		return nil, false
	}
	shift := uint(max(2, min(18, int(math.Floor(math.Log(float64(n))/math.Log(3.33)+2.25))))) //nolint:gosec // 2 to 18
	factor := max(1.125, 0.875+0.25*math.Log(1e6)/math.Log(float64(max(n, 2))))
	segment := uint32(1) << shift
	segments := uint32(max(1, int(math.Ceil(math.Round(float64(n)*factor)/float64(segment)))-2)) //nolint:gosec // small
	size := int(segments+2) << shift
	b.counts, b.sums = sized(b.counts, size), sized(b.sums, size)
	f := fuse{shift: shift, segments: segments, mask: segment - 1}
	for try := uint64(1); try <= 64; try++ {
		f.seed = try * 0x9e3779b97f4a7c15
		if !b.peel(&f, keys) {
			continue
		}
		filter = make([]byte, filterHeader+size)
		binary.LittleEndian.PutUint64(filter, f.seed)
		filter[8] = byte(shift)
		binary.LittleEndian.PutUint32(filter[9:], segments)
		prints := filter[filterHeader:]
		for i := n - 1; i >= 0; i-- {
			h := b.stack[i]
			v := fingerprint(h)
			for _, q := range f.places(h) {
				if q != b.places[i] {
					v ^= prints[q]
				}
			}
			prints[b.places[i]] = v
		}
		return filter, true
	}
	return nil, false
}

// peel takes out, one after the other, keys that have a place to themselves. It
// returns false if some are left that have none.
func (b *filterBuilder) peel(f *fuse, keys []uint64) bool {
	clear(b.counts)
	clear(b.sums)
	for _, k := range keys {
		h := f.hash(k)
		for _, p := range f.places(h) {
			if b.counts[p]++; b.counts[p] == 0 {
				return false // more than can be counted
			}
			b.sums[p] ^= h
		}
	}
	b.stack, b.places, b.queue = b.stack[:0], b.places[:0], b.queue[:0]
	for p, n := range b.counts {
		if n == 1 {
			b.queue = append(b.queue, uint32(p)) //nolint:gosec // below size
		}
	}
	for len(b.queue) > 0 {
		p := b.queue[len(b.queue)-1]
		b.queue = b.queue[:len(b.queue)-1]
		if b.counts[p] != 1 {
			continue
		}
		h := b.sums[p]
		b.stack, b.places = append(b.stack, h), append(b.places, p)
		for _, q := range f.places(h) {
			b.counts[q]--
			b.sums[q] ^= h
			if b.counts[q] == 1 {
				b.queue = append(b.queue, q)
			}
		}
	}
	return len(b.stack) == len(keys)
}

// InFilter tells whether the key may be in the set of the filter. A filter
// that is damaged says yes.
func InFilter(filter []byte, key uint64) bool {
	if len(filter) == 0 {
		return false
	}
	if len(filter) < filterHeader {
		return true
	}
	f := fuse{seed: binary.LittleEndian.Uint64(filter), shift: uint(filter[8]), segments: binary.LittleEndian.Uint32(filter[9:])}
	prints := filter[filterHeader:]
	if f.shift > 18 || f.segments == 0 || f.segments > 1<<24 || uint64(f.segments+2)<<f.shift != uint64(len(prints)) {
		return true
	}
	f.mask = 1<<f.shift - 1
	h := f.hash(key)
	at := f.places(h)
	return prints[at[0]]^prints[at[1]]^prints[at[2]] == fingerprint(h)
}

type fuse struct {
	seed     uint64
	shift    uint
	segments uint32
	mask     uint32
}

// hash mixes the bits of a key with the seed.
func (f *fuse) hash(k uint64) uint64 {
	h := k + f.seed
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// places are one place in each of three neighbouring segments.
func (f *fuse) places(h uint64) [3]uint32 {
	hi, _ := bits.Mul64(h, uint64(f.segments)<<f.shift)
	p0 := uint32(hi) //nolint:gosec // below segments<<shift
	p1 := p0 + 1<<f.shift
	p2 := p1 + 1<<f.shift
	p1 ^= uint32(h>>18) & f.mask //nolint:gosec // masked
	p2 ^= uint32(h) & f.mask     //nolint:gosec // masked
	return [3]uint32{p0, p1, p2}
}

func fingerprint(h uint64) uint8 { return uint8(h ^ h>>32) } //nolint:gosec // 8 bits of it

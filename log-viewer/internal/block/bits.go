package block

import (
	"encoding/binary"
	"math/bits"
)

// Numbers that grow are kept as their differences, less one, in Rice codes: the
// part above the lowest bits as so many zeros and a one, then those bits. With the
// right number of them, n numbers below m take about log2(m/n) + 1.5 bits each.

// riceBits is the best number of bits for n growing numbers below m.
func riceBits(n, m int) uint {
	if n == 0 {
		return 0
	}
	mean := uint64(m) / uint64(n) * 69 / 100 //nolint:gosec // both positive
	return uint(max(1, bits.Len64(mean)) - 1)
}

// bitWriter appends Rice codes.
type bitWriter struct {
	out  []byte
	acc  uint64
	have uint // bits in acc, below 8 between two calls
}

func (w *bitWriter) put(v uint64, n uint) { // at most 56 bits
	w.acc |= v << w.have
	for w.have += n; w.have >= 8; w.have -= 8 {
		w.out = append(w.out, byte(w.acc)) //nolint:gosec // the low byte
		w.acc >>= 8
	}
}

func (w *bitWriter) rice(v uint64, k uint) {
	q := v >> k
	for ; q >= 32; q -= 32 {
		w.put(0, 32)
	}
	w.put(1<<q, uint(q)+1)
	w.put(v&(1<<k-1), k)
}

// flush fills the last byte.
func (w *bitWriter) flush() {
	if w.have > 0 {
		w.out = append(w.out, byte(w.acc)) //nolint:gosec // the low byte
	}
	w.acc, w.have = 0, 0
}

// bitReader reads what a bitWriter wrote. What fills the last byte has no one in
// it, which is how the end is recognised.
type bitReader struct {
	b    []byte
	acc  uint64
	have uint // bits in acc
}

func (r *bitReader) fill() {
	if len(r.b) >= 8 {
		n := (63 - r.have) >> 3
		r.acc |= binary.LittleEndian.Uint64(r.b) << r.have
		r.b = r.b[n:]
		r.have += n << 3
		r.acc &= 1<<r.have - 1
		return
	}
	for ; len(r.b) > 0 && r.have <= 56; r.have += 8 {
		r.acc |= uint64(r.b[0]) << r.have
		r.b = r.b[1:]
	}
}

// rice returns the next number; ok is false when there is none.
func (r *bitReader) rice(k uint) (v uint64, ok bool) {
	q := uint64(0)
	for {
		if r.have < 56 {
			r.fill()
		}
		if r.acc != 0 {
			break
		}
		if len(r.b) == 0 {
			return 0, false
		}
		q += uint64(r.have)
		r.have = 0
	}
	zeros := uint(bits.TrailingZeros64(r.acc)) //nolint:gosec // at most 63
	q += uint64(zeros)
	r.acc >>= zeros + 1
	r.have -= zeros + 1
	if r.have < k {
		r.fill()
		if r.have < k {
			return 0, false
		}
	}
	v = q<<k | r.acc&(1<<k-1)
	r.acc >>= k
	r.have -= k
	return v, true
}

package sketch

import (
	"encoding/binary"
	"errors"
)

// ErrDamaged says that bytes are not an encoded sketch.
var ErrDamaged = errors.New("sketch is damaged")

// Append adds the encoded sketch to b: the number of bins, the first key, then
// for each bin the distance to the key before it and its count. Most counts are
// 1 in small sketches, so the lowest bit of the distance says whether one follows.
func (s *Sketch) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.bins)))
	prev := int64(0)
	for i := range s.bins {
		bin := &s.bins[i]
		var d uint64
		if i == 0 {
			d = zigzag(int64(bin.Key))
		} else {
			d = uint64(int64(bin.Key) - prev)
		}
		prev = int64(bin.Key)
		if bin.Count == 1 {
			b = binary.AppendUvarint(b, d<<1)
			continue
		}
		b = binary.AppendUvarint(b, d<<1|1)
		b = binary.AppendUvarint(b, bin.Count)
	}
	return b
}

// DecodeBins appends the bins of an encoded sketch at the start of data to dst
// and returns them and what follows in data.
func DecodeBins(dst []Bin, data []byte) (bins []Bin, rest []byte, err error) {
	n, size := binary.Uvarint(data)
	// A bin takes a byte at least, so a lie about their number costs nothing.
	if size <= 0 || n > uint64(len(data)-size) {
		return dst, nil, ErrDamaged
	}
	data = data[size:]
	prev := int64(0)
	for i := range n {
		var d uint64
		if len(data) > 0 && data[0] < 0x80 {
			d, data = uint64(data[0]), data[1:]
		} else {
			if d, size = binary.Uvarint(data); size <= 0 {
				return dst, nil, ErrDamaged
			}
			data = data[size:]
		}
		count := uint64(1)
		if d&1 != 0 {
			if count, size = binary.Uvarint(data); size <= 0 || count == 0 {
				return dst, nil, ErrDamaged
			}
			data = data[size:]
		}
		d >>= 1
		if i == 0 {
			prev = unzigzag(d)
		} else {
			if d == 0 || d > 2*maxKey {
				return dst, nil, ErrDamaged
			}
			prev += int64(d)
		}
		if prev < -maxKey || prev > maxKey {
			return dst, nil, ErrDamaged
		}
		dst = append(dst, Bin{int32(prev), count})
	}
	return dst, data, nil
}

// Skip returns what follows the encoded sketch at the start of data.
func Skip(data []byte) ([]byte, error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > uint64(len(data)-size) {
		return nil, ErrDamaged
	}
	data = data[size:]
	for range n {
		d, size := binary.Uvarint(data)
		if size <= 0 {
			return nil, ErrDamaged
		}
		data = data[size:]
		if d&1 != 0 {
			if _, size = binary.Uvarint(data); size <= 0 {
				return nil, ErrDamaged
			}
			data = data[size:]
		}
	}
	return data, nil
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

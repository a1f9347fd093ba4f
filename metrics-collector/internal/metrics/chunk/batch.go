package chunk

import "encoding/binary"

// Sample is one value of a series.
type Sample struct {
	Series uint32
	MS     int64 // Unix milliseconds
	Value  float64
}

// BatchWriter encodes accepted points in the order in which they came.
type BatchWriter struct {
	b    []byte
	n    int
	prev int64
}

// Reset begins a batch in the memory of buf.
func (w *BatchWriter) Reset(buf []byte, baseMS int64) {
	w.b = begin(buf[:0], kindBatch)
	w.b = binary.AppendUvarint(w.b, uint64(baseMS))
	w.n, w.prev = 0, baseMS
}

// Add appends a value in its decimal form mantissa/10^exponent, if exponent is
// at most 9, and as the float otherwise.
func (w *BatchWriter) Add(series uint32, unixMS int64, v float64, mantissa int64, exponent uint8) {
	w.b = binary.AppendUvarint(w.b, uint64(series))
	w.b = binary.AppendUvarint(w.b, zigzag(unixMS-w.prev))
	w.prev = unixMS
	if exponent <= maxExponent {
		w.b = appendDecimal(w.b, mantissa, int(exponent))
	} else {
		w.b = appendFloat(w.b, v)
	}
	w.n++
}

// Len is the number of values.
func (w *BatchWriter) Len() int { return w.n }

// Bytes finishes the batch. They are valid until Reset.
func (w *BatchWriter) Bytes() []byte { return seal(w.b, 0) }

// DecodeBatch appends the samples of a batch to dst.
func DecodeBatch(dst []Sample, data []byte) ([]Sample, error) {
	r, err := open(data, kindBatch)
	if err != nil {
		return dst, err
	}
	ms := int64(r.uvarint())
	for len(r.b) > 0 {
		series := r.uvarint()
		ms += r.zigzag()
		v := r.float()
		if r.bad || series > 1<<32-1 {
			return dst, ErrDamaged
		}
		dst = append(dst, Sample{uint32(series), ms, v})
	}
	return dst, r.err()
}

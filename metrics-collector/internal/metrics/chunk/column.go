package chunk

import (
	"encoding/binary"
	"math"
)

// Forms of a column, its first byte.
const (
	formSame    = 0 // one value for all
	formDecimal = 1 // 1 to 10: mantissas of exponent form-1, as differences
	formRaw     = 15
)

// appendFloats adds a column of at least one float.
func appendFloats(b []byte, col []float64) []byte {
	same := true
	for _, v := range col[1:] {
		if v != col[0] {
			same = false
			break
		}
	}
	if same {
		return appendFloat(append(b, formSame), col[0])
	}
	exponent := 0
	for _, v := range col {
		_, e, ok := decimal(v, exponent)
		if !ok {
			return appendRawFloats(b, col)
		}
		exponent = e
	}
	// An exponent that suits the last value may be too large, or not exact,
	// for one before it.
	start := len(b)
	b = append(b, byte(formDecimal+exponent))
	prev := int64(0)
	for _, v := range col {
		m, e, ok := decimal(v, exponent)
		if !ok || e != exponent {
			return appendRawFloats(b[:start], col)
		}
		b = binary.AppendUvarint(b, zigzag(m-prev))
		prev = m
	}
	return b
}

func appendRawFloats(b []byte, col []float64) []byte {
	b = append(b, formRaw)
	for _, v := range col {
		b = appendRaw(b, v)
	}
	return b
}

// floats reads a column into all of dst. After damage r.bad is set, and what is
// in dst means nothing.
func (r *reader) floats(dst []float64) {
	switch form := r.byte(); {
	case form == formSame:
		v := r.float()
		for i := range dst {
			dst[i] = v
		}
	case form >= formDecimal && form <= formDecimal+maxExponent:
		r.decimals(dst, pow10[form-formDecimal])
	case form == formRaw:
		b := r.bytes(uint64(8 * len(dst)))
		if b == nil {
			return
		}
		for i := range dst {
			v := math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			if v-v != 0 { // NaN or infinite
				r.fail()
				return
			}
			dst[i] = v
		}
	default:
		r.fail()
	}
}

// decimals reads differences of mantissas.
func (r *reader) decimals(dst []float64, scale float64) {
	m, b := int64(0), r.b
	for i := range dst {
		// Most differences take one or two bytes.
		var d uint64
		switch {
		case len(b) > 0 && b[0] < 0x80:
			d, b = uint64(b[0]), b[1:]
		case len(b) > 1 && b[1] < 0x80:
			d, b = uint64(b[0]&0x7f)|uint64(b[1])<<7, b[2:]
		default:
			v, size := binary.Uvarint(b)
			if size <= 0 {
				r.fail()
				return
			}
			d, b = v, b[size:]
		}
		m += unzigzag(d)
		dst[i] = float64(m) / scale
	}
	r.b = b
}

// appendInts adds a column of at least one integer.
func appendInts(b []byte, col []int64) []byte {
	same := true
	for _, v := range col[1:] {
		if v != col[0] {
			same = false
			break
		}
	}
	if same {
		return binary.AppendUvarint(append(b, formSame), zigzag(col[0]))
	}
	b = append(b, formDecimal)
	prev := int64(0)
	for _, v := range col {
		b = binary.AppendUvarint(b, zigzag(v-prev))
		prev = v
	}
	return b
}

// ints reads a column into all of dst, like floats.
func (r *reader) ints(dst []int64) {
	switch r.byte() {
	case formSame:
		v := r.zigzag()
		for i := range dst {
			dst[i] = v
		}
	case formDecimal:
		v := int64(0)
		for i := range dst {
			v += r.zigzag()
			dst[i] = v
		}
	default:
		r.fail()
	}
}

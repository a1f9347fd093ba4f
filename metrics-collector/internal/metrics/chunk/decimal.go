package chunk

import (
	"encoding/binary"
	"math"
)

// Most measured values have a short decimal form, m/10^e, which takes two to
// four bytes where a float64 takes eight. The form is used only where it gives
// back exactly the same float64.
const (
	maxExponent = 9
	rawExponent = 15
	maxMantissa = 1 << 53
)

var pow10 = [maxExponent + 1]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// decimal is the form of v with the smallest exponent from least on.
func decimal(v float64, least int) (m int64, e int, ok bool) {
	for e = least; e <= maxExponent; e++ {
		x := v * pow10[e]
		if x > maxMantissa || x < -maxMantissa {
			return 0, 0, false
		}
		r := math.RoundToEven(x)
		// More than rounding errors away from a whole number: not this one.
		if d := x - r; d > 1e-3 || d < -1e-3 {
			continue
		}
		if r/pow10[e] == v {
			return int64(r), e, true
		}
	}
	return 0, 0, false
}

// sumError is how far, as a part of it, adding floats may have led a sum away.
const sumError = 1e-13

// tidy is the decimal number that a sum of floats is meant to be: 0.3 and not
// 0.30000000000000004, which would take eight bytes, and so would all of its column.
func tidy(sum float64) float64 {
	for e := range maxExponent + 1 {
		x := sum * pow10[e]
		if x > maxMantissa || x < -maxMantissa {
			return sum
		}
		if v := math.RoundToEven(x) / pow10[e]; math.Abs(v-sum) <= math.Abs(sum)*sumError {
			return v
		}
	}
	return sum
}

// appendFloat adds a finite float that is not minus zero.
func appendFloat(b []byte, v float64) []byte {
	if m, e, ok := decimal(v, 0); ok {
		return appendDecimal(b, m, e)
	}
	return appendRaw(binary.AppendUvarint(b, rawExponent), v)
}

func appendDecimal(b []byte, m int64, e int) []byte {
	return binary.AppendUvarint(b, zigzag(m)<<4|uint64(e))
}

func appendRaw(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

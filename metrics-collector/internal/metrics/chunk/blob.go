package chunk

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
)

// ErrDamaged says that bytes are not what was stored.
var ErrDamaged = errors.New("stored data is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Kinds of blob, the first byte of each. Layouts never change; a new one gets a
// new number.
const (
	kindBatch  = 0x11
	kindPage   = 0x21
	kindSums   = 0x32
	kindRest   = 0x33
	kindSample = 0x41
)

const headerBytes = 5

// begin reserves the header of a blob.
func begin(b []byte, kind byte) []byte { return append(b, kind, 0, 0, 0, 0) }

// seal fills in the header of a blob that begins at start.
func seal(b []byte, start int) []byte {
	binary.LittleEndian.PutUint32(b[start+1:], checksum(b[start:]))
	return b
}

// checksum covers a blob but for the checksum's own place.
func checksum(blob []byte) uint32 {
	return crc32.Update(crc32.Checksum(blob[:1], castagnoli), castagnoli, blob[headerBytes:])
}

// open checks the header of a blob and returns what is in it.
func open(data []byte, kind byte) (reader, error) {
	if len(data) < headerBytes || data[0] != kind || binary.LittleEndian.Uint32(data[1:]) != checksum(data) {
		return reader{}, ErrDamaged
	}
	return reader{b: data[headerBytes:]}, nil
}

// reader takes values off the front of b. After the first value that is not
// there, bad is set and every other value is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// skipUvarint passes over a value and returns its first byte.
func (r *reader) skipUvarint() byte {
	for i, c := range r.b {
		if c < 0x80 {
			first := r.b[0]
			r.b = r.b[i+1:]
			return first
		}
	}
	r.fail()
	return 0
}

func (r *reader) zigzag() int64 { return unzigzag(r.uvarint()) }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) rawFloat() float64 {
	b := r.bytes(8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.fail()
		return 0
	}
	return v
}

// float reads what appendFloat wrote.
func (r *reader) float() float64 {
	v := r.uvarint()
	e := v & 15
	if e == rawExponent {
		return r.rawFloat()
	}
	if e > maxExponent {
		r.fail()
		return 0
	}
	return float64(unzigzag(v>>4)) / pow10[e]
}

func (r *reader) err() error {
	if r.bad {
		return ErrDamaged
	}
	return nil
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

package sqlite

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Events of one hash have the same stack and come from the same program, so
// most of what they hold stands in the first of them, which is kept for as long
// as any. A delta says how to make an event's stored form (the target) from
// that of the first one (the base): the CRC-32C of the target in 4 bytes, its
// length, and then, until the target is complete, a number of bytes and those
// bytes, and a number of bytes to copy from the base and where from, counted
// from the end of the last copy plus what stood in between.

const (
	deltaMatch = 8 // the shortest copy worth the two or three bytes it takes
	// deltaStep is how far apart the places of the base are that are looked
	// up, so that a copy of deltaMatch+deltaStep bytes is always found.
	deltaStep = 4
	// maxDeltaBase bounds what is compared, and the memory of the base cache.
	maxDeltaBase = 128 << 10
	deltaBits    = 13
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// deltaTable says where in the base 8 bytes were seen last; places count from 1.
type deltaTable [1 << deltaBits]uint32

func deltaHash(v uint64) uint64 { return v * 0x9e3779b97f4a7c15 >> (64 - deltaBits) }

func (t *deltaTable) fill(base []byte) {
	clear(t[:])
	for i := 0; i+8 <= len(base); i += deltaStep {
		t[deltaHash(binary.LittleEndian.Uint64(base[i:]))] = uint32(i + 1) //nolint:gosec // at most maxDeltaBase
	}
}

// find returns a place in base where the 8 bytes at target[p:] stand.
func (t *deltaTable) find(base, target []byte, p, expected int) (at int, ok bool) {
	v := binary.LittleEndian.Uint64(target[p:])
	if 0 <= expected && expected+8 <= len(base) && binary.LittleEndian.Uint64(base[expected:]) == v {
		return expected, true // what differs has the same length, as numbers often have
	}
	at = int(t[deltaHash(v)]) - 1
	if at < 0 || binary.LittleEndian.Uint64(base[at:]) != v {
		return 0, false
	}
	return at, true
}

// appendDelta appends the way from base to target to dst.
func appendDelta(dst, base, target []byte, t *deltaTable) []byte {
	t.fill(base)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(target, crcTable))
	dst = binary.AppendUvarint(dst, uint64(len(target)))
	literal, baseEnd := 0, 0 // both behind the last copy
	for p := 0; p+8 <= len(target); {
		at, ok := t.find(base, target, p, baseEnd+p-literal)
		if !ok {
			p++
			continue
		}
		for p > literal && at > 0 && base[at-1] == target[p-1] {
			p, at = p-1, at-1
		}
		n := deltaMatch
		for p+n < len(target) && at+n < len(base) && base[at+n] == target[p+n] {
			n++
		}
		dst = binary.AppendUvarint(dst, uint64(p-literal)) //nolint:gosec // p is never behind
		dst = append(dst, target[literal:p]...)
		dst = binary.AppendUvarint(dst, uint64(n)) //nolint:gosec // positive
		dst = binary.AppendUvarint(dst, zigzag(int64(at-(baseEnd+p-literal))))
		p += n
		literal, baseEnd = p, at+n
	}
	if literal < len(target) {
		dst = binary.AppendUvarint(dst, uint64(len(target)-literal)) //nolint:gosec // positive
		dst = append(dst, target[literal:]...)
	}
	return dst
}

// applyDelta makes the target again. It refuses deltas that were damaged or
// that are for another base.
func applyDelta(base, delta []byte) ([]byte, error) {
	if len(delta) < 4 {
		return nil, fmt.Errorf("%w: delta of %d bytes", errStored, len(delta))
	}
	sum := binary.LittleEndian.Uint32(delta)
	d := decoder{b: delta[4:]}
	length, err := d.uvarint()
	if err != nil {
		return nil, err
	}
	if length > maxPayload {
		return nil, fmt.Errorf("%w: delta for %d bytes, the limit is %d", errStored, length, maxPayload)
	}
	out := make([]byte, 0, length)
	expected := int64(0)
	for uint64(len(out)) < length {
		n, err := d.uvarint()
		if err != nil {
			return nil, err
		}
		if n > uint64(len(d.b)) || n > length-uint64(len(out)) {
			return nil, fmt.Errorf("%w: delta with %d literal bytes", errStored, n)
		}
		out = append(out, d.b[:n]...)
		d.b = d.b[n:]
		expected += int64(n) //nolint:gosec // less than length
		if uint64(len(out)) == length {
			break
		}
		if n, err = d.uvarint(); err != nil {
			return nil, err
		}
		shift, err := d.uvarint()
		if err != nil {
			return nil, err
		}
		at := expected + unzigzag(shift)
		if at < 0 || at > int64(len(base)) || n > uint64(len(base))-uint64(at) || n > length-uint64(len(out)) { //nolint:gosec // checked in this order
			return nil, fmt.Errorf("%w: delta copies %d bytes from %d of %d", errStored, n, at, len(base))
		}
		out = append(out, base[at:uint64(at)+n]...) //nolint:gosec // checked above
		expected = at + int64(n)                    //nolint:gosec // checked above
	}
	if crc32.Checksum(out, crcTable) != sum {
		return nil, fmt.Errorf("%w: the checksum of a delta does not fit", errStored)
	}
	return out, nil
}

package block

import (
	"encoding/binary"
	"hash/crc32"
)

// The lists of GroupBlocks blocks are merged, so that one look tells about all of
// them: into GroupRows rows by the beginning of the id. A row has, block by block,
// the rest of the ids: bits of the Rice codes (1), numbers, a CRC-32C.
const (
	GroupBlocks = 64
	GroupRows   = 2048

	rowBits = idBits - 11            // of an id, in a row
	rowSpan = GroupBlocks << rowBits // numbers in a row are below it
)

// GroupRow is the row that tells about ids with the hash.
func GroupRow(hash uint64) int { return int(idOf(hash) >> rowBits) }

// InGroupRow returns the blocks of the group that may have an id with the hash, a
// bit for each. If the row is damaged, it is all of them, and an error.
func InGroupRow(row []byte, hash uint64) (blocks uint64, err error) {
	const all = ^uint64(0)
	if len(row) < 5 || row[0] > idBits {
		return all, damaged("a row of ids of %d bytes", len(row))
	}
	body := row[:len(row)-4]
	if crc32.Checksum(body, crcTable) != binary.LittleEndian.Uint32(row[len(body):]) {
		return all, damaged("a row of ids whose checksum is wrong")
	}
	want := uint64(idOf(hash) & (1<<rowBits - 1))
	r, k := bitReader{b: body[1:]}, uint(row[0])
	for at := uint64(0); ; at++ {
		d, ok := r.rice(k)
		if !ok {
			return blocks, nil
		}
		if at += d; at >= rowSpan {
			return all, damaged("a row of ids with the number %d", at)
		}
		if at&(1<<rowBits-1) == want {
			blocks |= 1 << (at >> rowBits)
		}
	}
}

// IDGroup merges the lists of a group, row by row.
type IDGroup struct {
	readers [GroupBlocks]*groupReader
	numbers []uint32
	rows    int
}

type groupReader struct {
	idReader
	waiting bool // id is not in a row yet
	id      uint32
	ended   bool // the part
}

// NewIDGroup begins to merge the lists of blocks, by their place in the group.
func NewIDGroup(lists map[int]*IDList) *IDGroup {
	g := &IDGroup{}
	for i, l := range lists {
		if l != nil {
			r := &groupReader{idReader: idReader{list: l}}
			r.open()
			g.readers[i] = r
		}
	}
	return g
}

// Next appends the next of the GroupRows rows to dst.
func (g *IDGroup) Next(dst []byte) []byte {
	row := uint32(g.rows) //nolint:gosec // below GroupRows
	g.rows++
	g.numbers = g.numbers[:0]
	for i, r := range g.readers {
		if r == nil {
			continue
		}
		for id, ok := r.peek(row); ok; id, ok = r.peek(row) {
			r.waiting = false
			g.numbers = append(g.numbers, uint32(i)<<rowBits|id&(1<<rowBits-1)) //nolint:gosec // below GroupBlocks
		}
	}
	k := riceBits(len(g.numbers), rowSpan)
	start := len(dst)
	w := bitWriter{out: append(dst, byte(k))} //nolint:gosec // at most idBits
	next := uint32(0)
	for _, n := range g.numbers {
		w.rice(uint64(n-next), k)
		next = n + 1
	}
	w.flush()
	return binary.LittleEndian.AppendUint32(w.out, crc32.Checksum(w.out[start:], crcTable))
}

// peek is the next id of the list if it belongs to the row.
func (r *groupReader) peek(row uint32) (id uint32, ok bool) {
	const rowsOfPart = GroupRows / idParts
	if part := int(row / rowsOfPart); part != r.part {
		r.part, r.ended, r.waiting = part, false, false
		r.open()
	}
	if !r.waiting && !r.ended {
		r.id, r.waiting = r.next()
		r.ended = !r.waiting
	}
	return r.id, r.waiting && r.id>>rowBits == row
}

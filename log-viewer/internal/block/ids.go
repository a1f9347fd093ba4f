package block

import (
	"encoding/binary"
	"hash/crc32"
)

// The ids of a block are kept as the highest idBits of their hashes. One that is
// looked for and not there is found with a probability of the number of ids of the
// block in 2^idBits: of an ordinary block one in 430.
const (
	idBits = 23
	// idParts is into how many parts of the numbers a list of ids is cut, so
	// that one is found without reading all.
	idParts    = 64
	idPartBits = idBits - 6
	// maxIDs bounds the ids of a block.
	maxIDs = 1 << 20
)

func idOf(hash uint64) uint32 { return uint32(hash >> (64 - idBits)) }

// idList packs the ids of a block, which must grow: bits of the Rice codes (1),
// the length of each part (2 each), the parts, a CRC-32C. No bytes are the list of
// no ids. ok is false when they are too many.
func idList(ids []uint32) (list []byte, ok bool) {
	if len(ids) == 0 {
		return nil, true
	}
	if len(ids) > maxIDs {
		return nil, false
	}
	k := riceBits(len(ids), 1<<idBits)
	const header = 1 + 2*idParts
	w := bitWriter{out: make([]byte, header, header+len(ids)*int(k+3)/8+idParts)} //nolint:gosec // small
	w.out[0] = byte(k)                                                            //nolint:gosec // at most idBits
	at := 0
	for part := range uint32(idParts) {
		before, next := len(w.out), part<<idPartBits
		for ; at < len(ids) && ids[at]>>idPartBits == part; at++ {
			w.rice(uint64(ids[at]-next), k)
			next = ids[at] + 1
		}
		w.flush()
		if len(w.out)-before > 1<<16-1 {
			return nil, false
		}
		binary.LittleEndian.PutUint16(w.out[1+2*part:], uint16(len(w.out)-before)) //nolint:gosec // just checked
	}
	return binary.LittleEndian.AppendUint32(w.out, crc32.Checksum(w.out, crcTable)), true
}

// IDList is the ids of one block. Nil has none.
type IDList struct {
	k     uint
	parts [idParts][]byte
}

// OpenIDList checks what Sealed.IDs was.
func OpenIDList(list []byte) (*IDList, error) {
	if len(list) == 0 {
		return nil, nil //nolint:nilnil // it has none
	}
	if len(list) < 1+2*idParts+4 || list[0] > idBits {
		return nil, damaged("a list of ids of %d bytes", len(list))
	}
	body := list[:len(list)-4]
	if crc32.Checksum(body, crcTable) != binary.LittleEndian.Uint32(list[len(body):]) {
		return nil, damaged("a list of ids whose checksum is wrong")
	}
	l := &IDList{k: uint(list[0])}
	rest := body[1+2*idParts:]
	for i := range l.parts {
		n := int(binary.LittleEndian.Uint16(list[1+2*i:]))
		if n > len(rest) {
			return nil, damaged("a list of ids that ends too early")
		}
		l.parts[i], rest = rest[:n:n], rest[n:]
	}
	return l, nil
}

// Has tells whether an id with the hash may be in the block.
func (l *IDList) Has(hash uint64) bool {
	if l == nil {
		return false
	}
	id := idOf(hash)
	r := idReader{list: l, part: int(id >> idPartBits)}
	r.open()
	for {
		v, ok := r.next()
		if !ok || v > id {
			return false
		}
		if v == id {
			return true
		}
	}
}

// Bytes is about what the list takes in memory.
func (l *IDList) Bytes() int {
	if l == nil {
		return 0
	}
	n := 0
	for _, p := range l.parts {
		n += len(p) + 24
	}
	return n
}

// idReader reads the ids of one part of a list.
type idReader struct {
	list *IDList
	part int
	bits bitReader
	from uint32
}

func (r *idReader) open() {
	r.bits = bitReader{b: r.list.parts[r.part]}
	r.from = uint32(r.part) << idPartBits //nolint:gosec // below idParts
}

func (r *idReader) next() (id uint32, ok bool) {
	d, ok := r.bits.rice(r.list.k)
	if !ok || d >= 1<<idBits {
		return 0, false
	}
	id = r.from + uint32(d)
	r.from = id + 1
	return id, true
}

// sortIDs sorts numbers of idBits and takes out those that are there twice. It
// uses the buffer, and returns it as it has become.
func sortIDs(ids, buffer []uint32) (sorted, free []uint32) {
	buffer = sized(buffer, len(ids))
	for shift := 0; shift < idBits; shift += 8 {
		var at [257]int
		for _, v := range ids {
			at[v>>shift&0xff+1]++
		}
		for i := range 256 {
			at[i+1] += at[i]
		}
		for _, v := range ids {
			i := v >> shift & 0xff
			buffer[at[i]] = v
			at[i]++
		}
		ids, buffer = buffer, ids
	}
	n := 0
	for i, v := range ids {
		if i == 0 || v != ids[n-1] {
			ids[n] = v
			n++
		}
	}
	return ids[:n], buffer
}

package block

import (
	"encoding/binary"
	"math"
	"slices"
)

// Summary is what the store knows of a block without reading it.
type Summary struct {
	N                int
	FirstID, LastID  int64
	MinTime, MaxTime int64
	TextBytes        int64
	Flags            uint16 // a bit for each value of Flags that occurs
	Cube             []byte // see EachSource
	Hist             []byte // see EachSlot
}

// SourceSummary is what a block has of one source.
type SourceSummary struct {
	Source   uint32
	Bytes    int64
	Min, Max int64
	N        int
	Flags    [NFlags]uint32 // rows by Flags
}

// slots are the lengths of time by which rows are counted: of these the
// smallest that makes at most maxSlots of the block's time.
var slots = []int64{1e9, 5e9, 10e9, 60e9, 300e9, 600e9, 3600e9, 6 * 3600e9, 24 * 3600e9}

const maxSlots = 64

func summarize(r *Rows) Summary {
	s := Summary{N: r.Len(), FirstID: r.IDOf(0), LastID: r.IDOf(r.Len() - 1), MinTime: math.MaxInt64, MaxTime: math.MinInt64, TextBytes: int64(len(r.Text))}
	by := make(map[uint32]*SourceSummary)
	var last *SourceSummary
	start := uint32(0)
	for i, t := range r.Time {
		s.MinTime, s.MaxTime = min(s.MinTime, t), max(s.MaxTime, t)
		if last == nil || last.Source != r.Source[i] {
			last = by[r.Source[i]]
			if last == nil {
				last = &SourceSummary{Source: r.Source[i], Min: t, Max: t}
				by[r.Source[i]] = last
			}
		}
		last.N++
		last.Bytes += int64(r.End[i] - start)
		start = r.End[i]
		last.Min, last.Max = min(last.Min, t), max(last.Max, t)
		last.Flags[r.Flags[i]]++
		s.Flags |= 1 << r.Flags[i]
	}
	ids := make([]uint32, 0, len(by))
	for id := range by {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		s.Cube = by[id].append(s.Cube, s.MinTime)
	}
	s.Hist = histogram(r, s.MinTime, s.MaxTime)
	return s
}

func (c *SourceSummary) append(dst []byte, base int64) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.Source))
	dst = binary.AppendUvarint(dst, uint64(c.Bytes))     //nolint:gosec // not negative
	dst = binary.AppendUvarint(dst, uint64(c.Min-base))  //nolint:gosec // modulo 2^64
	dst = binary.AppendUvarint(dst, uint64(c.Max-c.Min)) //nolint:gosec // modulo 2^64
	bits := uint16(0)
	for f, n := range c.Flags {
		if n > 0 {
			bits |= 1 << f
		}
	}
	dst = binary.LittleEndian.AppendUint16(dst, bits)
	for _, n := range c.Flags {
		if n > 0 {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	return dst
}

// EachSource calls f with what the block has of each source, by number. The
// argument is only valid during the call.
func (s *Summary) EachSource(f func(*SourceSummary)) error {
	d := decoder{b: s.Cube}
	var c SourceSummary
	for len(d.b) > 0 {
		c.Source = uint32(d.uvarint())         //nolint:gosec // looked up by its user
		c.Bytes = int64(d.uvarint())           //nolint:gosec // our own number
		c.Min = s.MinTime + int64(d.uvarint()) //nolint:gosec // modulo 2^64
		c.Max = c.Min + int64(d.uvarint())     //nolint:gosec // modulo 2^64
		pair := d.bytes(2)
		if d.err != nil {
			return d.err
		}
		bits := binary.LittleEndian.Uint16(pair)
		c.N = 0
		for i := range c.Flags {
			c.Flags[i] = 0
			if bits&(1<<i) != 0 {
				c.Flags[i] = uint32(d.count(MaxRows)) //nolint:gosec // at most MaxRows
				c.N += int(c.Flags[i])
			}
		}
		if d.err != nil {
			return d.err
		}
		f(&c)
	}
	return d.err
}

// histogram packs counts by time and Flags: log of the slot, first slot, then
// for each slot the Flags that occur, 0 for none, and their counts.
func histogram(r *Rows, from, to int64) []byte {
	unit := -1
	for i, length := range slots {
		if n := floorDiv(to, length) - floorDiv(from, length); n >= 0 && n < maxSlots {
			unit = i
			break
		}
	}
	if unit < 0 { // longer than two months: read the times instead
		return nil
	}
	length := slots[unit]
	first := floorDiv(from, length)
	counts := make([][NFlags]uint32, floorDiv(to, length)-first+1)
	for i, t := range r.Time {
		counts[floorDiv(t, length)-first][r.Flags[i]]++
	}
	out := []byte{byte(unit)}
	out = binary.AppendVarint(out, first)
	for _, c := range counts {
		bits := uint16(0)
		for f, n := range c {
			if n > 0 {
				bits |= 1 << f
			}
		}
		out = binary.AppendUvarint(out, uint64(bits))
		for _, n := range c {
			if n > 0 {
				out = binary.AppendUvarint(out, uint64(n))
			}
		}
	}
	return out
}

// Slot is the length of time by which EachSlot counts, in nanoseconds; 0 means
// that the block has no such counts.
func (s *Summary) Slot() int64 {
	if len(s.Hist) == 0 || int(s.Hist[0]) >= len(slots) {
		return 0
	}
	return slots[s.Hist[0]]
}

// EachSlot calls f with the counts by Flags of each slot that has rows, and
// where the slot begins, in Unix nanoseconds.
func (s *Summary) EachSlot(f func(start int64, flags uint8, n uint32)) error {
	length := s.Slot()
	if length == 0 {
		return nil
	}
	d := decoder{b: s.Hist[1:]}
	first := d.varint()
	for i := int64(0); len(d.b) > 0 && i < maxSlots; i++ {
		bits := d.uvarint()
		for flags := uint8(0); bits != 0; flags++ {
			if bits&1 != 0 {
				n := d.count(MaxRows)
				if flags >= NFlags || d.err != nil {
					return damaged("counts by time")
				}
				f((first+i)*length, flags, uint32(n)) //nolint:gosec // at most MaxRows
			}
			bits >>= 1
		}
	}
	return d.err
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

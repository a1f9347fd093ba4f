package block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// maxStream bounds what a stream may unpack to.
const maxStream = 64 << 20

// Decoder opens blocks. It is safe for concurrent use.
type Decoder struct {
	zstd *zstd.Decoder
	free sync.Pool // of *Block that were given back
}

// NewDecoder returns a decoder.
func NewDecoder() (*Decoder, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(4), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxStream))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return &Decoder{zstd: z}, nil
}

// Close gives back what the decoder holds.
func (d *Decoder) Close() { d.zstd.Close() }

// Block is an open block. Times and the like are read when it is opened, the
// rest when it is asked for. It serves one goroutine at a time.
type Block struct {
	Time   []int64
	Source []uint32
	Flags  []uint8

	dec     *Decoder
	data    []byte
	streams [4]stream
	first   int64
	ids     []int64 // nil while they count up from first

	rowOf    []uint16 // template of each row
	atOf     []uint16 // which one of its template's rows a row is
	rows     []uint16 // rows in the order of templates
	starts   []int    // where the rows of a template begin in rows, and the end
	haveDict bool
	haveVars bool
	varsErr  error
	haveHex  bool
	hexErr   error

	templates []openTemplate
	folded    []byte
	isFolded  bool
	places    []place   // of the columns of all templates
	columns   []*column // those that are open, by place
	spare     []*column
	looked    column   // at by a search
	found     []uint64 // by it

	sources []uint32
	next    []int
	buffer  []byte
	fold    []byte
}

// stream is one of the four parts of a block.
type stream struct {
	packed []byte
	size   int    // unpacked
	raw    []byte // unpacked
}

const (
	streamMeta = iota
	streamDict
	streamVars
	streamHex
)

type openTemplate struct {
	text     []byte
	verbatim bool
	joins    bool
	escapes  bool
	vars     int
	first    int // of its columns in Block.places
	from, to int // of its folded plain text in Block.folded
}

// place is where a column begins in the streams of variables.
type place struct{ vars, hex uint32 }

// maxFree bounds what a block holds on to when it is given back.
const maxFree = 8 << 20

// Free gives the block back, whose memory serves the next one. It must not be
// used afterwards.
func (b *Block) Free() {
	if b.Bytes() < maxFree {
		b.dec.free.Put(b)
	}
}

// Open checks the bytes of a block, and reads what is known of each row. It
// does not keep the bytes.
func (d *Decoder) Open(data []byte) (*Block, error) {
	if len(data) < 6 {
		return nil, damaged("%d bytes", len(data))
	}
	end := len(data) - 4
	if binary.LittleEndian.Uint32(data[end:]) != crc32.Checksum(data[:end], crcTable) {
		return nil, damaged("its checksum is wrong")
	}
	if data[0] != format {
		return nil, damaged("format %d, want %d", data[0], format)
	}
	b, _ := d.free.Get().(*Block)
	if b == nil {
		b = &Block{dec: d}
	}
	b.reset()
	b.data = append(b.data[:0], data...)
	if err := b.open(b.data[1:end]); err != nil {
		return nil, err
	}
	return b, nil
}

// reset forgets what the block was, but keeps its memory.
func (b *Block) reset() {
	b.haveDict, b.haveVars, b.haveHex, b.isFolded, b.varsErr, b.hexErr, b.ids = false, false, false, false, nil, nil, nil
	for i, c := range b.columns {
		if c != nil {
			b.spare = append(b.spare, c)
			b.columns[i] = nil
		}
	}
}

func (b *Block) open(body []byte) error {
	in := decoder{b: body}
	n := in.count(MaxRows - 1)
	var sizes [4]int
	for i := range b.streams {
		b.streams[i].size = in.count(maxStream)
		sizes[i] = in.count(maxStream)
	}
	for i := range b.streams {
		b.streams[i].packed = in.bytes(sizes[i])
	}
	if in.err != nil || len(in.b) > 0 || n == 0 {
		return damaged("its header does not fit its %d bytes", len(body))
	}
	return b.readMeta(n)
}

// Len is the number of rows.
func (b *Block) Len() int { return len(b.Time) }

// Bytes is about what the block takes in memory.
func (b *Block) Bytes() int {
	n := 22*cap(b.Time) + cap(b.data) + cap(b.folded) + 64*cap(b.templates) + 16*cap(b.places) + cap(b.buffer) + cap(b.fold) +
		8*(cap(b.ids)+cap(b.starts)+cap(b.columns)+cap(b.spare)+cap(b.found)+cap(b.next)) + 4*cap(b.sources) + b.looked.bytes()
	for i := range b.streams {
		n += cap(b.streams[i].raw)
	}
	for _, c := range b.columns {
		if c != nil {
			n += c.bytes()
		}
	}
	for _, c := range b.spare {
		n += c.bytes()
	}
	return n
}

// IDOf is the ID of a row.
func (b *Block) IDOf(row int) int64 {
	if b.ids != nil {
		return b.ids[row]
	}
	return b.first + int64(row)
}

func (b *Block) unpack(i int) ([]byte, error) {
	s := &b.streams[i]
	if s.size == 0 && len(s.packed) == 0 {
		return nil, nil
	}
	if cap(s.raw) < s.size {
		s.raw = make([]byte, 0, s.size)
	}
	out, err := b.dec.zstd.DecodeAll(s.packed, s.raw[:0])
	if err != nil {
		return nil, damaged("stream %d: %v", i, err)
	}
	if len(out) != s.size {
		return nil, damaged("stream %d has %d bytes, want %d", i, len(out), s.size)
	}
	s.raw = out
	return out, nil
}

// sized is a slice of n elements in the memory of s, if it is large enough. What
// is in them is left over.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (b *Block) readMeta(n int) error {
	raw, err := b.unpack(streamMeta)
	if err != nil {
		return err
	}
	d := decoder{b: raw}
	b.first = d.varint()
	if d.byte() == 1 {
		b.ids = make([]int64, n)
		id := b.first
		for i := range b.ids {
			if i > 0 {
				id += int64(d.uvarint()) //nolint:gosec // modulo 2^64
			}
			b.ids[i] = id
		}
	}
	unit := int64(d.count(1e9))
	b.Time = sized(b.Time, n)
	last := int64(0)
	for i := range b.Time {
		last += d.varint()
		b.Time[i] = last * unit
	}
	templates := d.count(n)
	b.rowOf = sized(b.rowOf, n)
	for i, c := range d.bytes(n) {
		b.rowOf[i] = uint16(c)
	}
	if templates > 256 {
		for i, c := range d.bytes(n) {
			b.rowOf[i] |= uint16(c) << 8
		}
	}
	if d.err != nil {
		return d.err
	}
	if err := b.group(templates); err != nil {
		return err
	}
	sources := sized(b.sources, d.count(n))
	b.sources = sources
	for i := range sources {
		sources[i] = uint32(d.uvarint()) //nolint:gosec // looked up by its user
	}
	low := d.bytes(n)
	var high []byte
	if len(sources) > 256 {
		high = d.bytes(n)
	}
	flags := d.bytes(n)
	if d.err != nil || len(d.b) > 0 {
		return damaged("what is known of its rows")
	}
	b.Source, b.Flags = sized(b.Source, n), sized(b.Flags, n)
	for i, row := range b.rows {
		k := int(low[i])
		if high != nil {
			k |= int(high[i]) << 8
		}
		if k >= len(sources) {
			return damaged("source %d of %d", k, len(sources))
		}
		b.Source[row], b.Flags[row] = sources[k], flags[i]&(NFlags-1)
	}
	return nil
}

// group sorts the rows by template.
func (b *Block) group(templates int) error {
	n := len(b.rowOf)
	b.starts = sized(b.starts, templates+1)
	clear(b.starts)
	for _, t := range b.rowOf {
		if int(t) >= templates {
			return damaged("template %d of %d", t, templates)
		}
		b.starts[t+1]++
	}
	for t := range templates {
		if b.starts[t+1] == 0 {
			return damaged("template %d has no rows", t)
		}
		b.starts[t+1] += b.starts[t]
	}
	b.rows, b.atOf = sized(b.rows, n), sized(b.atOf, n)
	b.next = sized(b.next, templates)
	next := b.next
	clear(next)
	for row, t := range b.rowOf {
		b.atOf[row] = uint16(next[t])             //nolint:gosec // below MaxRows
		b.rows[b.starts[t]+next[t]] = uint16(row) //nolint:gosec // below MaxRows
		next[t]++
	}
	return nil
}

// rowsOf are the rows of a template.
func (b *Block) rowsOf(t int) []uint16 { return b.rows[b.starts[t]:b.starts[t+1]] }

// readDict reads the templates.
func (b *Block) readDict() error {
	if b.haveDict {
		return nil
	}
	raw, err := b.unpack(streamDict)
	if err != nil {
		return err
	}
	d := decoder{b: raw}
	b.templates = sized(b.templates, len(b.starts)-1)
	b.next = sized(b.next, len(b.templates))
	lengths, columns := b.next, 0
	for i := range b.templates {
		v := d.count(2 * maxStream)
		lengths[i], b.templates[i] = v>>1, openTemplate{verbatim: v&1 == 1}
	}
	for i := range b.templates {
		t := &b.templates[i]
		t.text = d.bytes(lengths[i])
		if !t.verbatim {
			t.first, t.vars = columns, bytes.Count(t.text, []byte{mark})
			if columns += t.vars; t.vars > maxVariables {
				return damaged("a template with %d variables", t.vars)
			}
			t.joins = joins(t.text)
		}
		t.escapes = bytes.IndexByte(t.text, '\\') >= 0
	}
	if d.err != nil || len(d.b) > 0 {
		return damaged("its templates")
	}
	b.haveDict = true
	return nil
}

// foldTemplates makes the folded plain text of all templates.
func (b *Block) foldTemplates() {
	if b.isFolded {
		return
	}
	b.folded = b.folded[:0]
	for i := range b.templates {
		t := &b.templates[i]
		t.from = len(b.folded)
		b.folded = logs.AppendFold(b.folded, logs.Plain(text(t.text)))
		t.to = len(b.folded)
	}
	b.isFolded = true
}

// readVars finds the columns of all templates.
func (b *Block) readVars() error {
	if b.haveVars {
		return b.varsErr
	}
	b.haveVars = true
	b.varsErr = b.findColumns()
	return b.varsErr
}

func (b *Block) findColumns() error {
	if err := b.readDict(); err != nil {
		return err
	}
	raw, err := b.unpack(streamVars)
	if err != nil {
		return err
	}
	total := 0
	for i := range b.templates {
		total += b.templates[i].vars
	}
	b.places, b.columns = sized(b.places, total), sized(b.columns, total)
	d, hex := decoder{b: raw}, 0
	at := 0
	for i := range b.templates {
		rows := b.starts[i+1] - b.starts[i]
		for range b.templates[i].vars {
			b.places[at] = place{uint32(len(raw) - len(d.b)), uint32(hex)} //nolint:gosec // at most maxStream
			at++
			if hex += skipColumn(&d, rows); hex > b.streams[streamHex].size {
				return damaged("its hexadecimal digits")
			}
		}
	}
	if d.err != nil || len(d.b) > 0 || hex != b.streams[streamHex].size {
		return damaged("its variables")
	}
	return nil
}

// readHex unpacks the hexadecimal digits of all columns.
func (b *Block) readHex() error {
	if !b.haveHex {
		b.haveHex = true
		_, b.hexErr = b.unpack(streamHex)
	}
	return b.hexErr
}

// peek reads the header of column k of a template into c.
func (b *Block) peek(t, k int, c *column) error {
	at := b.places[b.templates[t].first+k]
	d := decoder{b: b.streams[streamVars].raw[at.vars:]}
	if c.read(&d); c.typ&0x1f == colHex {
		if err := b.readHex(); err != nil {
			return err
		}
		size := (b.starts[t+1] - b.starts[t]) * ((c.width + 1) / 2)
		c.body = b.streams[streamHex].raw[at.hex:][:size:size] // findColumns has seen that they fit
	}
	return nil
}

// column returns an open column of a template.
func (b *Block) column(t, k int) (*column, error) {
	at := b.templates[t].first + k
	if c := b.columns[at]; c != nil {
		return c, nil
	}
	c := &column{}
	if n := len(b.spare); n > 0 {
		c, b.spare = b.spare[n-1], b.spare[:n-1]
	}
	if err := b.peek(t, k, c); err != nil {
		return nil, err
	}
	if err := c.open(b.starts[t+1] - b.starts[t]); err != nil {
		return nil, err
	}
	b.columns[at] = c
	return c, nil
}

// Message returns the message of a row.
func (b *Block) Message(row int) (string, error) {
	m, err := b.appendMessage(b.buffer[:0], row)
	b.buffer = m
	return string(m), err
}

// message is Message until the next call.
func (b *Block) message(row int) (string, error) {
	m, err := b.appendMessage(b.buffer[:0], row)
	b.buffer = m
	return text(m), err
}

func (b *Block) appendMessage(dst []byte, row int) ([]byte, error) {
	if err := b.readVars(); err != nil {
		return dst, err
	}
	t := int(b.rowOf[row])
	o := &b.templates[t]
	if o.verbatim {
		return append(dst, o.text...), nil
	}
	rest := o.text
	for k := range o.vars {
		i := bytes.IndexByte(rest, mark)
		dst = append(dst, rest[:i]...)
		rest = rest[i+1:]
		c, err := b.column(t, k)
		if err != nil {
			return dst, err
		}
		dst = c.appendValue(dst, int(b.atOf[row]))
	}
	return append(dst, rest...), nil
}

package block

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/monlight/monlight/log-viewer/internal/logs"
)

// Sealed is a finished block.
type Sealed struct {
	Summary

	Data     []byte
	Words    string // the list of words, blanks between them
	Overflow bool   // words are missing in the list; they are among the ids
	IDs      []byte // for OpenIDList
	AnyID    bool   // there are too many for a list: any may be in the block
}

const format = 1

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// Encoder makes blocks. It keeps its buffers and serves one goroutine.
type Encoder struct {
	zstd   *zstd.Encoder
	split  splitter
	pack   columnPacker
	index  indexer
	byText map[string]int

	templates []template
	rowOf     []uint16 // template of each row
	byRow     []uint16 // rows by template, those of a template in their order
	varAt     []uint32 // where the variables of a row begin in vars
	vars      []span   // parts of the rows' text
	fold      []byte
	ids       []uint32
	idBuffer  []uint32

	streams [4][]byte // of the block, before they are compressed
	packed  []byte    // and after, one behind the other
}

// template is a template of the block that is being made.
type template struct {
	text     string
	verbatim bool
	vars     int
	n        int      // rows that have it
	rows     []uint16 // these, a part of byRow
}

// NewEncoder returns an encoder. A frugal one takes less memory and makes
// blocks that are about a tenth larger.
func NewEncoder(frugal bool) (*Encoder, error) {
	level, window := zstd.SpeedDefault, 1<<20
	if frugal {
		level, window = zstd.SpeedFastest, 256<<10
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window),
		zstd.WithEncoderCRC(false), zstd.WithSingleSegment(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return &Encoder{zstd: z, byText: make(map[string]int)}, nil
}

// Close gives back what the encoder holds.
func (e *Encoder) Close() error { return e.zstd.Close() }

// Encode seals 1 to MaxRows-1 rows.
func (e *Encoder) Encode(r *Rows) (*Sealed, error) {
	n := r.Len()
	if n == 0 || n >= MaxRows || len(r.Text) > MaxText {
		return nil, fmt.Errorf("a block of %d rows and %d bytes, the limits are 1 to %d and %d", n, len(r.Text), MaxRows-1, MaxText)
	}
	e.collect(r)
	e.index.reset()
	s := &Sealed{Summary: summarize(r)}
	e.columns(r)
	e.meta(r)
	e.dictionary()
	s.Data = e.assemble(n)
	e.indexTemplates(r)
	s.Words, s.Overflow = e.index.list(), e.index.overflow
	e.ids, e.idBuffer = sortIDs(e.index.ids.appendIDs(e.ids[:0]), e.idBuffer)
	ids, ok := idList(e.ids)
	s.IDs, s.AnyID = ids, !ok
	clear(e.byText)
	clear(e.templates)
	return s, nil
}

// collect splits all rows and groups them by template.
func (e *Encoder) collect(r *Rows) {
	e.templates, e.rowOf, e.varAt, e.vars = e.templates[:0], e.rowOf[:0], e.varAt[:0], e.vars[:0]
	start := uint32(0)
	for i := range r.Len() {
		m := r.Message(i)
		verbatim := e.split.split(m)
		t, ok := e.byText[string(e.split.text)]
		if !ok {
			t = len(e.templates)
			text := string(e.split.text)
			// A verbatim text has the mark in it, or is longer than any
			// template, or has more variables: the two never read alike.
			e.byText[text] = t
			e.templates = append(e.templates, template{text: text, verbatim: verbatim, vars: len(e.split.vars)})
		}
		e.templates[t].n++
		e.rowOf = append(e.rowOf, uint16(t))           //nolint:gosec // at most as many as rows
		e.varAt = append(e.varAt, uint32(len(e.vars))) //nolint:gosec // bounded by the text
		for _, v := range e.split.vars {
			e.vars = append(e.vars, span{start + v.from, start + v.to})
		}
		start = r.End[i]
	}
	e.group()
}

// group fills the rows of the templates.
func (e *Encoder) group() {
	e.byRow = sized(e.byRow, len(e.rowOf))
	from := 0
	for i := range e.templates {
		t := &e.templates[i]
		t.rows = e.byRow[from : from : from+t.n]
		from += t.n
	}
	for row, i := range e.rowOf {
		t := &e.templates[i]
		t.rows = append(t.rows, uint16(row)) //nolint:gosec // below MaxRows
	}
}

// columns packs the variables, and indexes them as it goes.
func (e *Encoder) columns(r *Rows) {
	vars, hex := e.streams[streamVars][:0], e.streams[streamHex][:0]
	for _, t := range e.templates {
		for k := range t.vars {
			values := e.pack.values[:0]
			for _, row := range t.rows {
				v := e.vars[int(e.varAt[row])+k]
				values = append(values, r.Text[v.from:v.to])
			}
			e.pack.values = values
			var last []byte
			for _, v := range values {
				if string(v) != string(last) {
					e.index.addValue(string(v))
					last = v
				}
			}
			vars, hex = e.pack.pack(vars, hex)
		}
	}
	e.streams[streamVars], e.streams[streamHex] = vars, hex
}

// meta packs times, IDs, templates, sources and flags.
func (e *Encoder) meta(r *Rows) {
	n := r.Len()
	out := e.streams[streamMeta][:0]
	out = binary.AppendVarint(out, r.IDOf(0))
	if r.ID == nil {
		out = append(out, 0)
	} else {
		out = append(out, 1)
		for i := 1; i < n; i++ {
			out = binary.AppendUvarint(out, uint64(r.ID[i]-r.ID[i-1])) //nolint:gosec // IDs grow
		}
	}
	unit := timeUnit(r.Time)
	out = binary.AppendUvarint(out, uint64(unit)) //nolint:gosec // positive
	last := int64(0)
	for _, t := range r.Time {
		t = floorDiv(t, unit)
		out = binary.AppendUvarint(out, zigzag(uint64(t-last))) //nolint:gosec // modulo 2^64
		last = t
	}
	out = binary.AppendUvarint(out, uint64(len(e.templates)))
	for _, t := range e.rowOf {
		out = append(out, byte(t)) //nolint:gosec // low byte
	}
	if len(e.templates) > 256 {
		for _, t := range e.rowOf {
			out = append(out, byte(t>>8))
		}
	}
	// Sources and flags follow in the order of the templates, because a
	// template mostly has one of each.
	sources := slices.Compact(slices.Sorted(slices.Values(r.Source)))
	out = binary.AppendUvarint(out, uint64(len(sources)))
	for _, s := range sources {
		out = binary.AppendUvarint(out, uint64(s))
	}
	for shift := 0; shift == 0 || len(sources) > 256 && shift == 8; shift += 8 {
		for _, t := range e.templates {
			for _, row := range t.rows {
				at, _ := slices.BinarySearch(sources, r.Source[row])
				out = append(out, byte(at>>shift)) //nolint:gosec // one of two bytes
			}
		}
	}
	for _, t := range e.templates {
		for _, row := range t.rows {
			out = append(out, r.Flags[row])
		}
	}
	e.streams[streamMeta] = out
}

// timeUnit is the longest of the usual units that all times are whole numbers of.
func timeUnit(times []int64) int64 {
	unit := int64(1e9)
	for _, t := range times {
		for t%unit != 0 {
			unit /= 1000
		}
	}
	return unit
}

// dictionary packs the templates: their lengths, with a bit for verbatim, then
// their texts.
func (e *Encoder) dictionary() {
	out := e.streams[streamDict][:0]
	for _, t := range e.templates {
		v := uint64(len(t.text)) << 1
		if t.verbatim {
			v |= 1
		}
		out = binary.AppendUvarint(out, v)
	}
	for _, t := range e.templates {
		out = append(out, t.text...)
	}
	e.streams[streamDict] = out
}

// assemble compresses the streams and puts the block together.
func (e *Encoder) assemble(rows int) []byte {
	e.packed = e.packed[:0]
	var sizes [len(e.streams)]int
	for i, s := range e.streams {
		before := len(e.packed)
		e.packed = e.zstd.EncodeAll(s, e.packed)
		sizes[i] = len(e.packed) - before
	}
	out := make([]byte, 0, len(e.packed)+64)
	out = append(out, format)
	out = binary.AppendUvarint(out, uint64(rows)) //nolint:gosec // positive
	for i, s := range e.streams {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = binary.AppendUvarint(out, uint64(sizes[i])) //nolint:gosec // positive
	}
	out = append(out, e.packed...)
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, crcTable))
}

// indexTemplates takes in the words of the templates; variables are in already.
func (e *Encoder) indexTemplates(r *Rows) {
	for _, t := range e.templates {
		switch {
		case t.verbatim:
			e.index.addText(t.text)
		case joins([]byte(t.text)):
			for _, row := range t.rows {
				e.index.addText(r.Message(int(row)))
			}
		default:
			e.fold = logs.AppendFold(e.fold[:0], logs.Plain(t.text))
			e.index.addFolded(e.fold)
		}
		if hasEscapes(t.text) {
			for _, row := range t.rows {
				e.index.addFields(r.Message(int(row)))
			}
		}
	}
}

// hasEscapes tells whether fields of the text may read differently than the text.
func hasEscapes(text string) bool {
	for i := range len(text) {
		if text[i] == '\\' {
			return true
		}
	}
	return false
}

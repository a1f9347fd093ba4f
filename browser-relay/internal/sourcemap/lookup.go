package sourcemap

import (
	"context"
	"fmt"
	"sort"
)

// Map finds original positions. It is safe for concurrent use.
type Map struct {
	index  *index
	blocks plainSource
}

// plainSource gives the content of blocks.
type plainSource interface {
	plain(ctx context.Context, name Hash) ([]byte, error)
}

// direct reads each block anew.
type direct struct{ BlockSource }

func (d direct) plain(ctx context.Context, name Hash) ([]byte, error) {
	data, err := d.Block(ctx, name)
	if err != nil {
		return nil, err
	}
	return unpackBlock(name, data)
}

// Open reads an index. The error has ErrDamaged in it when the index is not what
// Build wrote. Blocks are read when they are needed, and doubted as well.
func Open(stored []byte, blocks BlockSource) (*Map, error) { return open(stored, direct{blocks}) }

func open(stored []byte, blocks plainSource) (*Map, error) {
	x, err := unmarshal(stored)
	if err != nil {
		return nil, err
	}
	return &Map{index: x, blocks: blocks}, nil
}

// Frame is a position in a source.
type Frame struct {
	Source       string // its path, with sourceRoot; empty if the map does not tell
	Line, Column int    // from 1, the column in UTF-16 units
	Name         string // the original name of what is there, often empty
	Ignored      bool   // the map calls it third-party code

	source int32 // its number
}

// DebugID is the debug ID of the map, or empty.
func (m *Map) DebugID() string { return m.index.debugID }

// size is about how much memory the map takes.
func (m *Map) size() int {
	n := 1_000 + len(m.index.sections)*16 + len(m.index.segments)*64 + len(m.index.nameBlocks)*40
	for i := range m.index.sources {
		n += 56 + len(m.index.sources[i].path) + len(m.index.sources[i].blocks)*40
	}
	return n
}

// Lookup finds the original of a generated position, both counted from 1 as in
// stacks: that of the last segment on the line at or before the column. found is
// false if there is none, or if the segment has no source.
func (m *Map) Lookup(ctx context.Context, line, column int) (f Frame, found bool, err error) {
	if line < 1 || column < 1 || line > MaxLine || column > MaxLine {
		return f, false, nil
	}
	l, c := int32(line-1), int32(column-1)
	sections := m.index.sections
	i := sort.Search(len(sections), func(i int) bool {
		s := sections[i]
		return s.line > l || s.line == l && s.column > c
	}) - 1
	// A section may have nothing on its first line before this column: then what
	// the section before it says goes on. Few sections share a line.
	for tries := 0; i >= 0 && tries < 16; i, tries = i-1, tries+1 {
		s := sections[i]
		at := c
		if l == s.line {
			at -= s.column
		}
		seg, ok, err := m.find(ctx, s, l-s.line, at)
		if err != nil {
			return f, false, err
		}
		if ok {
			return m.frame(ctx, seg)
		}
		if s.line != l {
			break
		}
	}
	return f, false, nil
}

// find looks a position up that is relative to a section.
func (m *Map) find(ctx context.Context, s section, line, column int32) (segment, bool, error) {
	blocks := m.index.segments[s.first : s.first+s.blocks]
	at := segment{line: line, column: column}.position()
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].start.position() > at }) - 1
	if i < 0 {
		return segment{}, false, nil
	}
	plain, err := m.blocks.plain(ctx, blocks[i].name)
	if err != nil {
		return segment{}, false, err
	}
	return blocks[i].find(plain, line, column)
}

// frame tells a segment in words.
func (m *Map) frame(ctx context.Context, s segment) (f Frame, found bool, err error) {
	if s.source < 0 {
		return f, false, nil
	}
	if int(s.source) >= len(m.index.sources) {
		return f, false, fmt.Errorf("%w: source %d of %d", ErrDamaged, s.source, len(m.index.sources))
	}
	src := &m.index.sources[s.source]
	f = Frame{Source: src.path, Line: int(s.sourceLine) + 1, Column: int(s.sourceColumn) + 1, Ignored: src.ignored, source: s.source}
	if s.name < 0 {
		return f, true, nil
	}
	if s.name >= m.index.names {
		return f, false, fmt.Errorf("%w: name %d of %d", ErrDamaged, s.name, m.index.names)
	}
	blocks := m.index.nameBlocks
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].first > s.name }) - 1
	if i < 0 {
		return f, false, fmt.Errorf("%w: name %d is in no block", ErrDamaged, s.name)
	}
	plain, err := m.blocks.plain(ctx, blocks[i].name)
	if err != nil {
		return f, false, err
	}
	f.Name, err = nameAt(plain, int(s.name-blocks[i].first))
	return f, err == nil, err
}

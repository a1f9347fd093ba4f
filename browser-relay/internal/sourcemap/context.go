package sourcemap

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// snip stands where a part of a line was left out.
const snip = "{snip}"

// Lines is a source line and those around it. Long ones are cut: the line itself
// to what is around the column.
type Lines struct {
	Pre  []string
	Line string
	Post []string
}

// Context returns the source line of a frame and at most n lines on either side,
// MaxContext at most. found is false if the map has not the text of the source,
// or has no such line.
func (m *Map) Context(ctx context.Context, f Frame, n int) (out Lines, found bool, err error) {
	if f.source < 0 || int(f.source) >= len(m.index.sources) || f.Line < 1 {
		return out, false, nil
	}
	blocks := m.index.sources[f.source].blocks
	line, column := int32(f.Line-1), int32(max(f.Column-1, 0))
	i := sort.Search(len(blocks), func(i int) bool {
		return blocks[i].line > line || blocks[i].line == line && blocks[i].column > column
	}) - 1
	if i < 0 {
		return out, false, nil
	}
	w := &window{m: m, blocks: blocks, n: int32(min(max(n, 0), MaxContext))}
	here, err := w.read(ctx, i)
	if err != nil {
		return out, false, err
	}
	at := int(line - blocks[i].line)
	if at >= len(here) {
		return out, false, nil
	}
	if at == 0 {
		column -= blocks[i].column
	}
	out.Line = around(here[at], int(column))
	if out.Pre, err = w.before(ctx, i, here[:at], line); err != nil {
		return out, false, err
	}
	out.Post, err = w.after(ctx, i, here[at+1:], line)
	return out, err == nil, err
}

// window reads the lines around one.
type window struct {
	m      *Map
	blocks []textBlock
	n      int32
}

// read returns the lines of a block. The first and the last may be parts of
// lines; behind the last end of a line is none.
func (w *window) read(ctx context.Context, i int) ([][]byte, error) {
	plain, err := w.m.blocks.plain(ctx, w.blocks[i].name)
	if err != nil {
		return nil, err
	}
	var lines [][]byte
	for {
		end := lineEnd(plain)
		if end < 0 {
			if len(plain) > 0 {
				lines = append(lines, plain)
			}
			return lines, nil
		}
		lines = append(lines, plain[:end])
		plain = plain[end:]
	}
}

// before collects the lines above, the nearest last.
func (w *window) before(ctx context.Context, i int, here [][]byte, line int32) ([]string, error) {
	first := max(line-w.n, 0)
	out := make([]string, line-first)
	set := func(block int, lines [][]byte) {
		for j, text := range lines {
			at := w.blocks[block].line + int32(j)
			// Of a line in several blocks the first part is shown.
			if at >= first && at < line {
				out[at-first] = clip(text)
			}
		}
	}
	set(i, here)
	for tries := 0; i > 0 && w.blocks[i].line+startsWithin(w.blocks[i]) > first; tries++ {
		if tries == maxContextBlocks {
			known := w.blocks[i].line + startsWithin(w.blocks[i]) - first
			return out[min(known, int32(len(out))):], nil
		}
		i--
		lines, err := w.read(ctx, i)
		if err != nil {
			return nil, err
		}
		set(i, lines)
	}
	return out, nil
}

// startsWithin is 1 for a block that begins in the middle of a line.
func startsWithin(b textBlock) int32 {
	if b.column > 0 {
		return 1
	}
	return 0
}

// after collects the lines below.
func (w *window) after(ctx context.Context, i int, here [][]byte, line int32) ([]string, error) {
	var out []string
	next := line + 1
	take := func(lines [][]byte, from int32) {
		for j, text := range lines {
			if at := from + int32(j); at == next && int32(len(out)) < w.n {
				out = append(out, clip(text))
				next++
			}
		}
	}
	take(here, line+1)
	for tries := 0; i+1 < len(w.blocks) && int32(len(out)) < w.n && tries < maxContextBlocks; tries++ {
		i++
		lines, err := w.read(ctx, i)
		if err != nil {
			return nil, err
		}
		if len(lines) > 0 && w.blocks[i].line == next-1 { // the rest of a line that was taken
			lines = lines[1:]
			take(lines, next)
			continue
		}
		take(lines, w.blocks[i].line)
	}
	return out, nil
}

// clip makes a line fit to show.
func clip(line []byte) string {
	line = trimEnd(line)
	if len(line) <= maxContextLine {
		return valid(line)
	}
	end := maxContextLine
	for end > 0 && !utf8.RuneStart(line[end]) {
		end--
	}
	return valid(line[:end]) + " " + snip
}

// around is clip of what is around a column, in UTF-16 units.
func around(line []byte, column int) string {
	line = trimEnd(line)
	if len(line) <= maxContextLine {
		return valid(line)
	}
	at := utf16Offset(line, column)
	from := max(at-maxContextLine/2, 0)
	to := min(from+maxContextLine, len(line))
	from = max(to-maxContextLine, 0)
	for from > 0 && !utf8.RuneStart(line[from]) {
		from--
	}
	for to < len(line) && to > from && !utf8.RuneStart(line[to]) {
		to--
	}
	out := valid(line[from:to])
	if from > 0 {
		out = snip + " " + out
	}
	if to < len(line) {
		out += " " + snip
	}
	return out
}

// trimEnd drops the end of a line.
func trimEnd(line []byte) []byte {
	if end := lineEnd(line); end > 0 {
		line = line[:end]
		switch line[end-1] {
		case '\n':
			line = line[:end-1]
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
		case '\r':
			line = line[:end-1]
		default:
			line = line[:end-3]
		}
	}
	return line
}

func valid(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// String is the frame as it stands in a stack.
func (f Frame) String() string { return fmt.Sprintf("%s:%d:%d", f.Source, f.Line, f.Column) }

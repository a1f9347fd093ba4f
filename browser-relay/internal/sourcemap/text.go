package sourcemap

import (
	"context"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// textBlock is a part of the text of a source, in the index.
type textBlock struct {
	name   Hash
	line   int32 // its first line, from 0
	column int32 // where in that line it begins, in UTF-16 units; 0 unless the line is longer than a block
}

// textWriter cuts the text of a source into blocks, at the ends of lines.
type textWriter struct {
	put func(ctx context.Context, plain []byte) (Hash, error)

	buf    []byte // at most MaxBlock
	at     textBlock
	blocks []textBlock
	total  int // blocks of all sources
}

// begin begins the text of another source.
func (w *textWriter) begin() {
	w.buf, w.at, w.blocks = w.buf[:0], textBlock{}, nil
}

// write takes more of the text.
func (w *textWriter) write(ctx context.Context, p []byte) error {
	if w.buf == nil {
		w.buf = make([]byte, 0, MaxBlock)
	}
	for len(p) > 0 {
		if len(w.buf) == MaxBlock {
			if err := w.cut(ctx); err != nil {
				return err
			}
		}
		n := min(len(p), MaxBlock-len(w.buf))
		w.buf = append(w.buf, p[:n]...)
		p = p[n:]
	}
	return nil
}

// end returns the blocks of the source; there is one even for an empty text.
func (w *textWriter) end(ctx context.Context) ([]textBlock, error) {
	if err := w.emit(ctx, len(w.buf)); err != nil {
		return nil, err
	}
	return w.blocks, nil
}

// cut makes a block of the full buffer up to the last end of a line in it, or
// of all of it when the line is longer.
func (w *textWriter) cut(ctx context.Context) error {
	end, from := 0, 0
	for {
		next := lineEnd(w.buf[from:])
		if next < 0 || from+next == len(w.buf) && w.buf[len(w.buf)-1] == '\r' { // "\n" may follow
			break
		}
		from += next
		end = from
	}
	if end == 0 {
		end = len(w.buf)
		for i := 1; i < utf8.UTFMax; i++ {
			if c := w.buf[end-i]; utf8.RuneStart(c) {
				if c >= utf8.RuneSelf && !utf8.FullRune(w.buf[end-i:end]) {
					end -= i
				}
				break
			}
		}
	}
	return w.emit(ctx, end)
}

// emit makes a block of the first n bytes.
func (w *textWriter) emit(ctx context.Context, n int) error {
	if w.total == maxTextBlocks {
		return errs.New(errs.Invalid, "sourcesContent: more than %d bytes of text", maxTextBlocks*MaxBlock)
	}
	w.total++
	var err error
	if w.at.name, err = w.put(ctx, w.buf[:n]); err != nil {
		return err
	}
	w.blocks = append(w.blocks, w.at)
	rest := w.buf[:n]
	for {
		next := lineEnd(rest)
		if next < 0 {
			break
		}
		w.at.line++
		w.at.column = 0
		rest = rest[next:]
	}
	w.at.column += int32(utf16Len(rest))
	w.buf = append(w.buf[:0], w.buf[n:]...)
	return nil
}

// lineEnd returns where the line after the first one begins, -1 if there is
// only one. Lines end as they do in JavaScript.
func lineEnd(b []byte) int {
	for i, c := range b {
		switch {
		case c == '\n':
			return i + 1
		case c == '\r':
			if i+1 < len(b) && b[i+1] == '\n' {
				return i + 2
			}
			return i + 1
		case c == 0xe2 && i+2 < len(b) && b[i+1] == 0x80 && b[i+2]|1 == 0xa9: // U+2028, U+2029
			return i + 3
		}
	}
	return -1
}

// utf16Len is the length of b in UTF-16, in which columns count.
func utf16Len(b []byte) int {
	n := 0
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			n++
			b = b[1:]
			continue
		}
		r, size := utf8.DecodeRune(b)
		n++
		if r > 0xffff {
			n++
		}
		b = b[size:]
	}
	return n
}

// utf16Offset is the offset in b of a column in UTF-16 units, at most len(b).
func utf16Offset(b []byte, column int) int {
	i := 0
	for i < len(b) && column > 0 {
		if b[i] < utf8.RuneSelf {
			i++
			column--
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		i += size
		column--
		if r > 0xffff {
			column--
		}
	}
	return i
}

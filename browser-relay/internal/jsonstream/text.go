package jsonstream

import (
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

// pieceSize is the most that Pieces gives at once.
const pieceSize = 8 << 10

// Pieces reads a string and calls f with its text, piece by piece, in memory
// that is used again. Escapes are resolved and half of a surrogate pair becomes
// U+FFFD. Other bytes are given as they are: they may be no UTF-8, and a piece
// may end within a character.
func (r *Reader) Pieces(f func(piece []byte) error) error {
	if err := r.quote(); err != nil {
		return err
	}
	if r.piece == nil {
		r.piece = make([]byte, pieceSize)
	}
	t := &r.text
	*t = TextReader{r: r}
	for {
		n, err := t.Read(r.piece)
		if n > 0 {
			if err := f(r.piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// TextReader reads the text of a string; see Pieces for what it gives. It must
// be read to its end before the Reader is used again.
type TextReader struct {
	r     *Reader
	spare [utf8.UTFMax]byte // of an escaped character that did not fit
	left  []byte            // in spare
	high  rune              // a high surrogate that waits for its other half
	err   error
}

// OpenText begins to read a string.
func (r *Reader) OpenText() (*TextReader, error) {
	if err := r.quote(); err != nil {
		return nil, err
	}
	return &TextReader{r: r}, nil
}

// quote takes the quotation mark before a string.
func (r *Reader) quote() error {
	c, err := r.token()
	if err != nil {
		return err
	}
	if c != '"' {
		kind, err := r.Peek()
		if err != nil {
			return err
		}
		return r.bad("want a string, got %s", kind)
	}
	r.take()
	return nil
}

// Read implements io.Reader.
func (t *TextReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(t.left) > 0 {
			k := copy(p[n:], t.left)
			t.left = t.left[k:]
			n += k
			continue
		}
		if t.err != nil {
			break
		}
		k, err := t.fill(p[n:])
		n += k
		t.err = err
	}
	if n == 0 && len(p) > 0 {
		return 0, t.err
	}
	return n, nil
}

// fill copies plain text to p, or puts one escaped character into left.
func (t *TextReader) fill(p []byte) (int, error) {
	br := t.r.br
	if br.Buffered() == 0 {
		if _, err := br.Peek(1); err != nil {
			return 0, t.ended(err)
		}
	}
	window, _ := br.Peek(min(br.Buffered(), len(p)))
	n := 0
	for n < len(window) && plain[window[n]] {
		n++
	}
	if n > 0 {
		if t.high != 0 {
			t.put(utf8.RuneError)
			return 0, nil
		}
		copy(p, window[:n])
		t.discard(n)
		return n, nil
	}
	switch c := window[0]; c {
	case '"':
		if t.high != 0 {
			t.put(utf8.RuneError)
			return 0, nil
		}
		t.discard(1)
		return 0, io.EOF
	case '\\':
		return 0, t.escape()
	default:
		return 0, t.r.bad("control character 0x%02x in a string", c)
	}
}

// plain are the bytes that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// put makes c the next character to give.
func (t *TextReader) put(c rune) {
	t.high = 0
	n := utf8.EncodeRune(t.spare[:], c)
	t.left = t.spare[:n]
}

func (t *TextReader) discard(n int) {
	_, _ = t.r.br.Discard(n)
	t.r.off += int64(n)
}

// escape reads one escape.
func (t *TextReader) escape() error {
	e, err := t.r.br.Peek(2)
	if len(e) < 2 {
		return t.ended(err)
	}
	c := e[1]
	if c != 'u' && t.high != 0 {
		t.put(utf8.RuneError)
		return nil
	}
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return t.unicode()
	default:
		return t.r.bad("unknown escape \\%c", c)
	}
	t.discard(2)
	t.put(rune(c))
	return nil
}

// unicode reads \uXXXX, and keeps the first half of a pair for the second.
func (t *TextReader) unicode() error {
	e, err := t.r.br.Peek(6)
	if len(e) < 6 {
		return t.ended(err)
	}
	var c rune
	for _, d := range e[2:] {
		switch {
		case d >= '0' && d <= '9':
			c = c<<4 | rune(d-'0')
		case d >= 'a' && d <= 'f':
			c = c<<4 | rune(d-'a'+10)
		case d >= 'A' && d <= 'F':
			c = c<<4 | rune(d-'A'+10)
		default:
			return t.r.bad("%q is no escape", e)
		}
	}
	if t.high != 0 {
		pair := utf16.DecodeRune(t.high, c)
		if pair != utf8.RuneError {
			t.discard(6)
		}
		t.put(pair)
		return nil
	}
	t.discard(6)
	switch {
	case c >= 0xD800 && c < 0xDC00:
		t.high = c
	default:
		t.put(c) // of a low surrogate alone EncodeRune makes U+FFFD
	}
	return nil
}

func (t *TextReader) ended(err error) error {
	if errors.Is(err, io.EOF) {
		return errs.Wrap(errs.Invalid, io.ErrUnexpectedEOF, "JSON ends within a string, after %d bytes", t.r.off)
	}
	return err
}

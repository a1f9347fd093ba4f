// Package jsonstream reads JSON of any size in little memory: what is not
// asked for is passed over, and a long string comes in pieces.
package jsonstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/monlight/monlight/shared/errs"
)

const (
	// MaxDepth is how deep values may be nested.
	MaxDepth = 64
	// maxKey bounds the name of a member; a longer one is passed over as unknown.
	maxKey = 256
	// maxNumber bounds the digits of a number.
	maxNumber = 64
	// bufferSize is the memory of a Reader.
	bufferSize = 32 << 10
)

// Kind is what sort of value comes next.
type Kind byte

// The kinds of values.
const (
	Object Kind = '{'
	Array  Kind = '['
	String Kind = '"'
	Number Kind = '0'
	Bool   Kind = 't'
	Null   Kind = 'n'
)

func (k Kind) String() string {
	switch k {
	case Object:
		return "an object"
	case Array:
		return "an array"
	case String:
		return "a string"
	case Number:
		return "a number"
	case Bool:
		return "true or false"
	case Null:
		return "null"
	}
	return "no JSON"
}

// Reader reads one JSON text. Its errors are of kind Invalid when the text is no
// JSON, and those of the io.Reader otherwise. Each call that reads a value
// reads exactly one and fails if it is of another kind.
type Reader struct {
	br    *bufio.Reader
	off   int64 // of the next byte
	depth int

	// Of the string that is being read, to be used again by the next.
	text  TextReader
	piece []byte
	whole []byte
}

// NewReader returns a Reader of r, which it may read beyond the value.
func NewReader(r io.Reader) *Reader {
	return &Reader{br: bufio.NewReaderSize(r, bufferSize)}
}

// Offset is how many bytes were read.
func (r *Reader) Offset() int64 { return r.off }

// SkipLinePrefixed drops the first line if it begins with prefix, as the
// guards against script inclusion do: ")]}'".
func (r *Reader) SkipLinePrefixed(prefix string) error {
	head, err := r.br.Peek(len(prefix))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(head) != prefix {
		return nil
	}
	for {
		line, err := r.br.ReadSlice('\n')
		r.off += int64(len(line))
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// SkipBOM drops a byte order mark.
func (r *Reader) SkipBOM() {
	if head, _ := r.br.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		_, _ = r.br.Discard(3)
		r.off += 3
	}
}

// Peek tells the kind of the next value without reading it.
func (r *Reader) Peek() (Kind, error) {
	c, err := r.token()
	if err != nil {
		return 0, err
	}
	switch {
	case c == '{' || c == '[' || c == '"' || c == 'n':
		return Kind(c), nil
	case c == 't' || c == 'f':
		return Bool, nil
	case c == '-' || c >= '0' && c <= '9':
		return Number, nil
	}
	return 0, r.bad("unexpected %q", rune(c))
}

// End fails unless nothing but white space is left.
func (r *Reader) End() error {
	_, err := r.token()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.bad("something follows the JSON text")
}

// Object calls member for each member of an object. member must read the value.
func (r *Reader) Object(member func(key string) error) error {
	if err := r.open('{'); err != nil {
		return err
	}
	defer func() { r.depth-- }()
	for first := true; ; first = false {
		c, err := r.token()
		switch {
		case err != nil:
			return err
		case c == '}':
			if first {
				r.take()
				return nil
			}
			return r.bad("a member is missing after a comma")
		}
		key, _, err := r.Text(maxKey)
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if more, err := r.more('}'); err != nil || !more {
			return err
		}
	}
}

// Array calls element for each element of an array. element must read the value.
func (r *Reader) Array(element func(i int) error) error {
	if err := r.open('['); err != nil {
		return err
	}
	defer func() { r.depth-- }()
	for i := 0; ; i++ {
		c, err := r.token()
		switch {
		case err != nil:
			return err
		case c == ']':
			if i == 0 {
				r.take()
				return nil
			}
			return r.bad("an element is missing after a comma")
		}
		if err := element(i); err != nil {
			return err
		}
		if more, err := r.more(']'); err != nil || !more {
			return err
		}
	}
}

// Skip passes over the next value.
func (r *Reader) Skip() error {
	kind, err := r.Peek()
	if err != nil {
		return err
	}
	switch kind {
	case Object:
		return r.Object(func(string) error { return r.Skip() })
	case Array:
		return r.Array(func(int) error { return r.Skip() })
	case String:
		return r.Pieces(func([]byte) error { return nil })
	case Number:
		_, err := r.Number()
		return err
	case Bool:
		_, err := r.Bool()
		return err
	default:
		return r.Null()
	}
}

// Null reads null.
func (r *Reader) Null() error { return r.literal("null") }

// Bool reads true or false.
func (r *Reader) Bool() (bool, error) {
	c, err := r.token()
	if err != nil {
		return false, err
	}
	if c == 't' {
		return true, r.literal("true")
	}
	return false, r.literal("false")
}

// Number reads a number.
func (r *Reader) Number() (float64, error) {
	if kind, err := r.Peek(); err != nil {
		return 0, err
	} else if kind != Number {
		return 0, r.bad("want a number, got %s", kind)
	}
	var text []byte
	for {
		c, err := r.peekByte()
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if err != nil || c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' && (c < '0' || c > '9') {
			break
		}
		if len(text) == maxNumber {
			return 0, r.bad("a number has more than %d digits", maxNumber)
		}
		text = append(text, c)
		r.take()
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, r.bad("%q is no number", text)
	}
	return f, nil
}

// open reads the beginning of an object or an array.
func (r *Reader) open(c byte) error {
	if err := r.expect(c); err != nil {
		return err
	}
	if r.depth++; r.depth > MaxDepth {
		r.depth--
		return r.bad("nested more than %d levels deep", MaxDepth)
	}
	return nil
}

// more reads what follows a member: a comma, or the end.
func (r *Reader) more(end byte) (bool, error) {
	c, err := r.token()
	switch {
	case err != nil:
		return false, err
	case c == ',' || c == end:
		r.take()
		return c == ',', nil
	}
	return false, r.bad("unexpected %q, want a comma or %q", rune(c), rune(end))
}

func (r *Reader) expect(want byte) error {
	c, err := r.token()
	if err != nil {
		return err
	}
	if c != want {
		return r.bad("unexpected %q, want %q", rune(c), rune(want))
	}
	r.take()
	return nil
}

func (r *Reader) literal(want string) error {
	if _, err := r.token(); err != nil {
		return err
	}
	head, err := r.br.Peek(len(want))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(head) != want {
		return r.bad("want %s", want)
	}
	_, _ = r.br.Discard(len(want))
	r.off += int64(len(want))
	return nil
}

// token returns the next byte that is no white space, and leaves it there. The
// end of the text is io.ErrUnexpectedEOF, wrapped.
func (r *Reader) token() (byte, error) {
	for {
		c, err := r.peekByte()
		if errors.Is(err, io.EOF) {
			return 0, errs.Wrap(errs.Invalid, io.ErrUnexpectedEOF, "JSON ends after %d bytes", r.off)
		}
		if err != nil || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, err
		}
		r.take()
	}
}

func (r *Reader) peekByte() (byte, error) {
	b, err := r.br.Peek(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (r *Reader) take() {
	_, _ = r.br.Discard(1)
	r.off++
}

func (r *Reader) bad(format string, args ...any) error {
	return errs.New(errs.Invalid, "JSON at byte %d: "+format, append([]any{r.off}, args...)...)
}

// Text reads a string. What is beyond limit bytes is dropped, and cut is true.
// The result is valid UTF-8.
func (r *Reader) Text(limit int) (text string, cut bool, err error) {
	buf := r.whole[:0]
	defer func() { r.whole = buf[:0] }()
	err = r.Pieces(func(p []byte) error {
		if room := limit - len(buf); len(p) > room {
			p, cut = p[:room], true
		}
		buf = append(buf, p...)
		return nil
	})
	if cut {
		buf = trimRune(buf)
	}
	if utf8.Valid(buf) {
		return string(buf), cut, err
	}
	return string(bytes.ToValidUTF8(buf, []byte("\uFFFD"))), cut, err
}

// trimRune drops the beginning of a character whose end was cut off.
func trimRune(b []byte) []byte {
	for i := 1; i <= min(len(b), utf8.UTFMax-1); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// IsSyntax tells whether err says that the text is no JSON, or not of the
// kind that was asked for.
func IsSyntax(err error) bool { return errs.KindOf(err) == errs.Invalid }

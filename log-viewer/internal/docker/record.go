package docker

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/stamp"
)

// record is one record of a file of the json-file driver.
type record struct {
	text   []byte // valid until the next decode
	whole  bool   // the text ended with a newline, which is cut off
	stream logs.Stream
	time   int64 // Unix nanoseconds; 0 when there is none that can be read
}

// decoder reads records. It is for one goroutine.
type decoder struct {
	buf   []byte // text with escapes resolved
	times stamp.Reader
}

// decode reads the record that line is, without its newline. ok is false when
// it is none. Where line begins with rubbish, such as a record that was cut by a
// crash, the last record in it counts.
func (d *decoder) decode(line []byte) (r record, ok bool) {
	if r, ok = d.fast(line); ok {
		return r, true
	}
	if r, ok = d.slow(line); ok {
		return r, true
	}
	if i := bytes.LastIndex(line, []byte(`{"log":`)); i > 0 {
		if r, ok = d.fast(line[i:]); ok {
			return r, true
		}
		return d.slow(line[i:])
	}
	return record{}, false
}

// fast reads the form that Docker writes.
func (d *decoder) fast(line []byte) (r record, ok bool) {
	const head = `{"log":"`
	if len(line) < len(head) || string(line[:len(head)]) != head {
		return record{}, false
	}
	text, rest, ok := d.text(line[len(head):])
	if !ok {
		return record{}, false
	}
	const stdout, stderr = `,"stream":"stdout","time":"`, `,"stream":"stderr","time":"`
	if len(rest) < len(stdout) {
		return record{}, false
	}
	switch string(rest[:len(stdout)]) {
	case stdout:
	case stderr:
		r.stream = logs.Stderr
	default:
		return record{}, false
	}
	rest = rest[len(stdout):]
	end := bytes.IndexByte(rest, '"')
	if end < 0 || len(rest) != end+2 || rest[end+1] != '}' || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return record{}, false
	}
	if r.time, ok = stamp.RFC3339(&d.times, rest[:end]); !ok && !plainASCII(rest[:end]) {
		return record{}, false
	}
	r.setText(text)
	return r, true
}

func (r *record) setText(text []byte) {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		r.whole = true
		text = text[:n-1]
	}
	r.text = text
}

func plainASCII(s []byte) bool {
	for _, c := range s {
		if c < ' ' || c >= 0x80 {
			return false
		}
	}
	return true
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainLength returns how many bytes of s come before the first quote,
// backslash, control character or byte that is not ASCII.
func plainLength(s []byte) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		quote, backslash := w^('"'*ones), w^('\\'*ones)
		if special := ((quote-ones)&^quote | (backslash-ones)&^backslash | (w-' '*ones)&^w | w) & highs; special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < 0x80 && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// text reads the JSON string that begins behind its quote. Of what is not
// simple it reads only what encoding/json would read in the same way.
func (d *decoder) text(s []byte) (text, rest []byte, ok bool) {
	i := plainLength(s)
	if i == len(s) {
		return nil, nil, false
	}
	if s[i] == '"' {
		return s[:i], s[i+1:], true
	}
	d.buf = append(d.buf[:0], s[:i]...)
	for i < len(s) {
		switch c := s[i]; {
		case c == '"':
			return d.buf, s[i+1:], true
		case c == '\\':
			n := d.escape(s[i:])
			if n == 0 {
				return nil, nil, false
			}
			i += n
		case c < ' ':
			return nil, nil, false
		case c >= 0x80:
			n := runeLength(s[i:])
			if n == 0 {
				return nil, nil, false
			}
			d.buf = append(d.buf, s[i:i+n]...)
			i += n
		default:
			n := plainLength(s[i:])
			d.buf = append(d.buf, s[i:i+n]...)
			i += n
		}
	}
	return nil, nil, false
}

// escape appends the character of an escape and returns its length, 0 for one
// that is left to encoding/json.
func (d *decoder) escape(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	c := s[1]
	switch c {
	case '"', '\\', '/':
	case 'n':
		c = '\n'
	case 't':
		c = '\t'
	case 'r':
		c = '\r'
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'u': // Docker writes control characters, <, > and & so
		if len(s) < 6 || s[2] != '0' || s[3] != '0' {
			return 0
		}
		high, low := hex(s[4]), hex(s[5])
		if high > 7 || low > 15 {
			return 0
		}
		d.buf = append(d.buf, high<<4|low)
		return 6
	default:
		return 0
	}
	d.buf = append(d.buf, c)
	return 2
}

func hex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// slow reads any JSON object with a string named log.
func (d *decoder) slow(line []byte) (record, bool) {
	var in struct {
		Log    *string `json:"log"`
		Stream string  `json:"stream"`
		Time   string  `json:"time"`
	}
	if json.Unmarshal(line, &in) != nil || in.Log == nil {
		return record{}, false
	}
	var r record
	r.time, _ = stamp.RFC3339(&d.times, in.Time)
	if in.Stream == "stderr" {
		r.stream = logs.Stderr
	}
	d.buf = append(d.buf[:0], *in.Log...)
	r.setText(d.buf)
	return r, true
}

// runeLength returns the length of the rune that s begins with, 0 when that is
// not UTF-8.
func runeLength(s []byte) int {
	r, n := utf8.DecodeRune(s)
	if r == utf8.RuneError && n <= 1 {
		return 0
	}
	return n
}

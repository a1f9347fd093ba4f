package ingest

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// pow10 are the powers that a float64 holds exactly.
var pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// scanner is a position in a body. Every method leaves it behind what it read,
// and returns false at the first surprise.
type scanner struct {
	b []byte
	i int

	minute   []byte // text of the last timestamp up to its minute
	minuteMS int64
}

func decodeFast(body []byte, points []Point) ([]Point, error) {
	s := scanner{b: body}
	wrapped := false
	s.space()
	if s.at('{') {
		wrapped = true
		s.space()
		key, ok := s.text()
		if !ok || string(key) != "metrics" || !s.colon() {
			return points, errFallback
		}
	}
	if !s.at('[') {
		return points, errFallback
	}
	for {
		s.space()
		if len(points) == MaxPoints {
			return points, errFallback
		}
		var p Point
		if !s.point(&p) {
			return points, errFallback
		}
		points = append(points, p)
		s.space()
		if s.at(',') {
			continue
		}
		if s.at(']') {
			break
		}
		return points, errFallback
	}
	s.space()
	if wrapped {
		if !s.at('}') {
			return points, errFallback
		}
		s.space()
	}
	if s.i != len(s.b) {
		return points, errFallback
	}
	return points, nil
}

// Members of a point, to see repeated ones.
const (
	hasName = 1 << iota
	hasType
	hasValue
	hasLabels
	hasTimestamp
	hasProject
)

func (s *scanner) point(p *Point) bool {
	if !s.at('{') {
		return false
	}
	seen := 0
	for {
		s.space()
		key, ok := s.text()
		if !ok || !s.colon() {
			return false
		}
		member := 0
		switch string(key) {
		case "name":
			member = hasName
			p.Name, ok = s.text()
			ok = ok && len(p.Name) > 0 && len(p.Name) <= MaxNameBytes
		case "type":
			member = hasType
			p.Type, ok = s.typeName()
		case "value":
			member = hasValue
			ok = s.number(p)
		case "labels":
			member = hasLabels
			p.Labels, ok = s.labels()
		case "timestamp":
			member = hasTimestamp
			p.TimeMS, ok = s.timestamp()
			p.HasTime = ok
		case "project":
			member = hasProject
			p.Project, ok = s.text()
			ok = ok && len(p.Project) <= MaxProjectBytes
		}
		if !ok || member == 0 || seen&member != 0 {
			return false
		}
		seen |= member
		s.space()
		if s.at(',') {
			continue
		}
		const required = hasName | hasType | hasValue
		return s.at('}') && seen&required == required && !(p.Type == Counter && p.Value < 0)
	}
}

// at skips c if it is next.
func (s *scanner) at(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) space() {
	if s.i < len(s.b) && s.b[s.i] <= ' ' {
		s.skipSpace()
	}
}

func (s *scanner) skipSpace() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\n', '\t', '\r':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) colon() bool {
	s.space()
	if !s.at(':') {
		return false
	}
	s.space()
	return true
}

// Bytes of a word, eight at a time.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// text reads a string without escapes that is valid UTF-8.
func (s *scanner) text() ([]byte, bool) {
	if !s.at('"') {
		return nil, false
	}
	start := s.i
	for s.i+8 <= len(s.b) {
		w := binary.LittleEndian.Uint64(s.b[s.i:])
		// The high bit of each byte that is a quote, a backslash, a control
		// character or not ASCII. A borrow can set it for a byte after the
		// first such one, never before.
		quote, backslash := w^('"'*ones), w^('\\'*ones)
		special := ((quote-ones)&^quote | (backslash-ones)&^backslash | (w-' '*ones)&^w | w) & highs
		if special == 0 {
			s.i += 8
			continue
		}
		s.i += bits.TrailingZeros64(special) / 8
		if s.b[s.i] == '"' {
			s.i++
			return s.b[start : s.i-1 : s.i-1], true
		}
		break
	}
	return s.anyText(start)
}

// anyText reads on in a string that began at start, byte by byte.
func (s *scanner) anyText(start int) ([]byte, bool) {
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			t := s.b[start : s.i-1 : s.i-1]
			return t, utf8.Valid(t)
		case c == '\\' || c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// timestamp is ParseTimestamp. The usual form differs in seconds and
// milliseconds only from that of the point before, mostly.
func (s *scanner) timestamp() (unixMS int64, ok bool) {
	t, ok := s.text()
	if !ok {
		return 0, false
	}
	const usual, minute = len("2006-01-02T15:04:05.000Z"), len("2006-01-02T15:04:")
	if len(t) == usual && t[19] == '.' && t[23] == 'Z' {
		if string(t[:minute]) == string(s.minute) {
			sec, ok1 := two(t[17:])
			ms, ok2 := two(t[20:])
			last := t[22] - '0'
			if ok1 && ok2 && last < 10 && sec < 60 {
				return s.minuteMS + int64(sec)*1000 + int64(ms*10) + int64(last), true
			}
		}
		if unixMS, ok = ParseTimestamp(t); ok {
			s.minute, s.minuteMS = t[:minute], floorMinute(unixMS)
		}
		return unixMS, ok
	}
	return ParseTimestamp(t)
}

func floorMinute(ms int64) int64 { return ms - ms%60_000 }

func (s *scanner) typeName() (Type, bool) {
	t, ok := s.text()
	if !ok {
		return 0, false
	}
	switch string(t) {
	case "counter":
		return Counter, true
	case "gauge":
		return Gauge, true
	case "histogram":
		return Histogram, true
	}
	return 0, false
}

// labels reads an object of strings and returns its text. Repeated names are
// seen when the labels are parsed.
func (s *scanner) labels() ([]byte, bool) {
	start := s.i
	if !s.at('{') {
		return nil, false
	}
	s.space()
	if s.at('}') {
		return nil, true
	}
	for {
		s.space()
		if _, ok := s.text(); !ok || !s.colon() {
			return nil, false
		}
		if _, ok := s.text(); !ok {
			return nil, false
		}
		s.space()
		if s.at(',') {
			continue
		}
		if !s.at('}') {
			return nil, false
		}
		return s.b[start:s.i:s.i], true
	}
}

// number reads a JSON number. When its digits fit into 53 bits it is the
// quotient of two floats that are exact, and so the float nearest to the decimal
// (Clinger, "How to read floating point numbers accurately", 1990), which is
// what strconv.ParseFloat returns too. All other numbers are left to that.
func (s *scanner) number(p *Point) bool {
	begin := s.i
	negative := s.at('-')
	start := s.i
	var m uint64
	for s.i < len(s.b) && s.b[s.i]-'0' < 10 {
		m = m*10 + uint64(s.b[s.i]-'0')
		s.i++
	}
	digits := s.i - start
	if digits == 0 || digits > 1 && s.b[start] == '0' {
		return false
	}
	fraction := 0
	if s.at('.') {
		first := s.i
		for s.i < len(s.b) && s.b[s.i]-'0' < 10 {
			m = m*10 + uint64(s.b[s.i]-'0')
			s.i++
		}
		fraction = s.i - first
		if fraction == 0 {
			return false
		}
	}
	// 19 digits fit into 64 bits, so m is right when it is compared.
	exact := digits+fraction <= 19 && m <= 1<<53 && fraction < len(pow10)
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		exact = false
		if !s.exponent() {
			return false
		}
	}
	if !exact {
		return s.anyNumber(p, s.b[begin:s.i])
	}
	for fraction > 0 && m%10 == 0 {
		m /= 10
		fraction--
	}
	v := float64(m) / pow10[fraction]
	p.Mantissa, p.Exponent = int64(m), uint8(fraction)
	if negative {
		v, p.Mantissa = -v, -p.Mantissa
	}
	p.Value = v + 0 // minus zero becomes zero
	return true
}

// exponent skips the exponent of a number.
func (s *scanner) exponent() bool {
	s.i++
	if !s.at('+') {
		s.at('-')
	}
	start := s.i
	for s.i < len(s.b) && s.b[s.i]-'0' < 10 {
		s.i++
	}
	return s.i > start
}

// maxNumberBytes bounds a number that is read here: longer ones are a reason
// to look closely.
const maxNumberBytes = 64

func (s *scanner) anyNumber(p *Point, text []byte) bool {
	if len(text) > maxNumberBytes {
		return false
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(v, 0) {
		return false
	}
	p.Value, p.Mantissa, p.Exponent = v+0, 0, NotDecimal
	return true
}

package grouping

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strings"
)

// digest makes a Hash of parts. The length of each goes before it, so that no
// two lists of parts have the same bytes.
type digest struct {
	sum hash.Hash
	buf []byte
}

func newDigest(project string, scheme string) *digest {
	d := &digest{sum: sha256.New()}
	d.add(Version)
	d.add(project)
	d.add(scheme)
	return d
}

func (d *digest) add(part string) {
	d.buf = binary.AppendUvarint(d.buf[:0], uint64(len(part)))
	d.buf = append(d.buf, part...)
	d.sum.Write(d.buf)
}

func (d *digest) hash() Hash {
	return Hash(d.sum.Sum(d.buf[:0])[:len(Hash{})])
}

// linkKey is what one exception puts into a key.
type linkKey struct {
	typ     string
	frames  []keyFrame
	value   string // normalised; only where the frames say nothing
	message bool   // the value is the event's message
}

// parts are the strings that go into the hash.
func (k linkKey) parts() []string {
	switch {
	case k.message:
		return []string{"m", k.value}
	case len(k.frames) == 0:
		return []string{"v", k.typ, k.value}
	}
	parts := make([]string, 0, 3+3*len(k.frames))
	parts = append(parts, "x", k.typ, k.value)
	for _, f := range k.frames {
		parts = append(parts, strings.ToLower(f.place), f.function, f.statement)
	}
	return parts
}

func (k linkKey) identity() string { return strings.Join(k.parts(), "\x00") }

// coarse is what is left of parts for events that merely look alike.
func (k linkKey) coarse() []string {
	if k.message || len(k.frames) == 0 {
		return []string{"v", k.typ, beginning(k.value)}
	}
	return []string{"x", k.typ, strings.ToLower(k.frames[0].place), k.frames[0].function}
}

// beginning is the first three words of a normalised message, up to the first
// that was put into it: a number, an address, something in quotes.
func beginning(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	end := 0
	for range 3 {
		rest := line[end:]
		word := strings.TrimLeft(rest, " ")
		if i := strings.IndexByte(word, ' '); i >= 0 {
			word = word[:i]
		}
		if word == "" || strings.ContainsAny(word, "<\"'`%{") {
			break
		}
		end += len(rest) - len(strings.TrimLeft(rest, " ")) + len(word)
	}
	return line[:end]
}

package block

import (
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/fields"
)

// A token without a digit is a word and goes, in lower case, into the list of
// words of its block; one with a digit is an id and goes, as a hash, into the list
// of ids. Very long words, and those of a block that has very many, go there
// as well, so that nobody can make the list of words grow without end.
// What searches by the beginning of a token find in the list: the words, the
// letters that an id begins with, and the beginning of a long word, these two
// with a 0 behind them.
const (
	minWord       = 2
	maxWord       = 32
	maxWords      = 20_000 // of a block
	minID         = 4
	minStem       = 3
	maxWordsBytes = 512 << 10 // of a block
)

// Key is what an index can tell about a token.
type Key struct {
	Word   string // look for it in the list of words; "" if it is not to be found there
	Prefix bool   // for Word* in the list of words
	Hash   uint64 // look for it among the ids: of ids, and of words of blocks with Overflow
	ID     bool   // it can only be there
}

// KeyOf is what to look for to find a complete token, folded. ok is false if
// the index knows nothing about such tokens.
func KeyOf(token string) (k Key, ok bool) {
	digit := hasDigit(token)
	switch {
	case digit && len(token) < minID, len(token) < minWord:
		return Key{}, false
	case digit, len(token) > maxWord:
		return Key{Hash: hashOf(token), ID: true}, true
	}
	return Key{Word: token, Hash: hashOf(token)}, true
}

// KeyOfPrefix is what to look for to find tokens that begin with the stem, folded.
func KeyOfPrefix(stem string) (k Key, ok bool) {
	letters := stem
	for i := range len(stem) {
		if isDigit(stem[i]) {
			letters = stem[:i]
			break
		}
	}
	switch {
	case len(letters) < minStem || len(letters) > maxWord:
		return Key{}, false
	case len(letters) < len(stem):
		return Key{Word: letters + "0", Prefix: false}, true
	}
	return Key{Word: letters, Prefix: true}, true
}

func hasDigit(s string) bool {
	for i := range len(s) {
		if isDigit(s[i]) {
			return true
		}
	}
	return false
}

func hashOf(token string) uint64 { return xxhash.Sum64String(token) }

// indexer collects the tokens of a block.
type indexer struct {
	words    map[string]struct{}
	bytes    int
	overflow bool
	ids      hashSet
	fold     []byte
}

func (x *indexer) reset() {
	if x.words == nil {
		x.words = make(map[string]struct{}, 1024)
	}
	clear(x.words)
	x.bytes, x.overflow = 0, false
	x.ids.reset()
}

// add takes in a token that is folded already.
func (x *indexer) add(token []byte) {
	s := unsafe.String(unsafe.SliceData(token), len(token))
	for i, c := range token {
		if !isDigit(c) {
			continue
		}
		if len(token) >= minID {
			x.ids.add(xxhash.Sum64(token))
		}
		x.stem(s[:i])
		return
	}
	switch {
	case len(token) < minWord:
	case len(token) > maxWord:
		x.ids.add(xxhash.Sum64(token))
		x.stem(s)
	case !x.word(s):
		x.ids.add(xxhash.Sum64(token))
	}
}

// stem takes in the letters that a token begins with.
func (x *indexer) stem(s string) {
	if len(s) < minStem {
		return
	}
	var b [maxWord + 1]byte
	n := copy(b[:maxWord], s)
	b[n] = '0'
	x.word(unsafe.String(&b[0], n+1))
}

func (x *indexer) word(s string) bool {
	if _, ok := x.words[s]; ok {
		return true
	}
	if len(x.words) >= maxWords || x.bytes > maxWordsBytes {
		x.overflow = true
		return false
	}
	x.words[string([]byte(s))] = struct{}{}
	x.bytes += len(s) + 1
	return true
}

// addText takes in all tokens of a text as it is written.
func (x *indexer) addText(text string) {
	x.fold = logs.AppendFold(x.fold[:0], logs.Plain(text))
	x.addFolded(x.fold)
}

func (x *indexer) addFolded(b []byte) {
	for i := 0; i < len(b); {
		if classes[b[i]] == classOther {
			i++
			continue
		}
		start := i
		for i < len(b) && classes[b[i]] != classOther {
			i++
		}
		x.add(b[start:i])
	}
}

// addValue takes in a token as it is written.
func (x *indexer) addValue(token string) {
	if len(token) < minID && classes[token[0]] == classDigit {
		return // neither an id nor a stem
	}
	x.fold = logs.AppendFold(x.fold[:0], token)
	x.add(x.fold)
}

// addFields takes in the tokens of fields whose values or names have escapes,
// like \n or ü, in the message: there, they read differently.
func (x *indexer) addFields(message string) {
	message = logs.Plain(message)
	from := uintptr(unsafe.Pointer(unsafe.StringData(message))) //nolint:gosec // compared only
	to := from + uintptr(len(message))
	fields.Each(message, func(name, value string) bool {
		x.addText(name)
		if at := uintptr(unsafe.Pointer(unsafe.StringData(value))); at < from || at >= to { //nolint:gosec // compared only
			x.addText(value)
		}
		return true
	})
}

// list is the words with blanks between them.
func (x *indexer) list() string {
	out := make([]byte, 0, x.bytes)
	for w := range x.words {
		out = append(append(out, w...), ' ')
	}
	return string(out)
}

// hashSet is a set of hashes by open addressing.
type hashSet struct {
	slots []uint64
	n     int
	zero  bool // 0 marks an empty slot
}

func (s *hashSet) reset() {
	if s.slots == nil || len(s.slots) > 1<<17 {
		s.slots = make([]uint64, 1<<13)
	}
	clear(s.slots)
	s.n, s.zero = 0, false
}

func (s *hashSet) add(h uint64) {
	if h == 0 {
		s.zero = true
		return
	}
	mask := uint64(len(s.slots) - 1) //nolint:gosec // not negative
	for i := h >> 7 & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case h:
			return
		case 0:
			s.slots[i] = h
			if s.n++; 2*s.n > len(s.slots) {
				s.grow()
			}
			return
		}
	}
}

func (s *hashSet) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	s.n = 0
	for _, h := range old {
		if h != 0 {
			s.add(h)
		}
	}
}

func (s *hashSet) appendIDs(out []uint32) []uint32 {
	for _, h := range s.slots {
		if h != 0 {
			out = append(out, idOf(h))
		}
	}
	if s.zero {
		out = append(out, 0)
	}
	return out
}

package docker

import (
	"bytes"
	"hash/fnv"
)

const (
	headBytes = 1024      // of the beginning of a file, by which it is known again
	tailBytes = 64        // of the end of its first record, which hold its time
	findEnd   = 256 << 10 // the first record is looked at when it ends within these
)

// ident is how a file is known again: by its inode, and by its beginning, since
// inodes are used again and copies have others. Long lines may well begin alike,
// so the end of the first record counts too, where the time is.
type ident struct {
	Inode uint64 `json:"inode"`
	Sum   uint64 `json:"sum"` // of the first Len bytes
	Len   int    `json:"len"`
	End   int    `json:"end,omitempty"`  // of the first record when that is longer than headBytes, else 0
	Tail  uint64 `json:"tail,omitempty"` // sum of the last tailBytes before End
}

// reader reads n bytes of a file, or as many as there are.
type reader func(at, n int) ([]byte, error)

// learn notes the beginning of the file, as long as that grows. It returns false
// when the file begins otherwise than it did.
func (id *ident) learn(read reader) (same bool, err error) {
	head, err := read(0, headBytes)
	if err != nil {
		return true, err
	}
	if len(head) < id.Len || sum(head[:id.Len]) != id.Sum {
		return false, nil
	}
	if len(head) > id.Len {
		id.Len, id.Sum = len(head), sum(head)
	}
	if len(head) < headBytes || bytes.IndexByte(head, '\n') >= 0 {
		return true, nil
	}
	if id.End > 0 {
		return id.hasTail(read)
	}
	for n := 4 * headBytes; n <= findEnd; n *= 4 {
		first, err := read(0, n)
		if err != nil {
			return true, err
		}
		if i := bytes.IndexByte(first, '\n'); i >= 0 {
			id.End, id.Tail = i, sum(first[i-tailBytes:i])
			break
		}
		if len(first) < n {
			break
		}
	}
	return true, nil
}

func (id *ident) hasTail(read reader) (bool, error) {
	if id.End < tailBytes || id.End > findEnd {
		return false, nil
	}
	tail, err := read(id.End-tailBytes, tailBytes)
	if err != nil {
		return true, err
	}
	return len(tail) == tailBytes && sum(tail) == id.Tail, nil
}

// matches tells whether a file begins with what id has seen. Nothing is known of
// one that was empty.
func (id *ident) matches(read reader) bool {
	if id.Len <= 0 || id.Len > headBytes {
		return false
	}
	head, err := read(0, id.Len)
	if err != nil || len(head) < id.Len || sum(head[:id.Len]) != id.Sum {
		return false
	}
	if id.End == 0 {
		return true
	}
	same, err := id.hasTail(read)
	return same && err == nil
}

func sum(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return h.Sum64()
}

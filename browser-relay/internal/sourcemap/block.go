// Package sourcemap makes a compact index of a source map while the map streams
// in, and finds original positions and source lines through it. It does no I/O of
// its own.
//
// An index is a small blob and a set of blocks of at most MaxBlock bytes. A block
// is named by the SHA-256 of what is in it, so a store keeps one copy of the
// blocks that the maps of many releases have in common.
package sourcemap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Hash names a block: the SHA-256 of its plain content.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// BlockSink takes the blocks of a map that is being built.
type BlockSink interface {
	// PutBlock stores a block under its name, unless one of that name is there.
	// data is at most MaxBlock bytes, compressed, and is used again after the
	// call. The same block may be put several times.
	PutBlock(ctx context.Context, name Hash, data []byte) error
}

// BlockSource gives blocks back.
type BlockSource interface {
	// Block returns the data that was put under name, or an error of kind
	// NotFound. The caller does not change it.
	Block(ctx context.Context, name Hash) ([]byte, error)
}

// Result is what was built.
type Result struct {
	// Index is what Open reads.
	Index []byte
	// Blocks are the names of the blocks that the index needs, each once. Other
	// blocks that were put are not needed.
	Blocks []Hash

	DebugID     string // of the map, lower-case with hyphens; empty if it has none
	File        string // the generated file it names, often empty
	Bytes       int64  // length of the JSON
	Segments    int
	Sources     int
	WithContent int // sources whose text is in the map
	Names       int
}

package sourcemap

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// ErrDamaged is in the error of reading an index or a block that is not what
// Build wrote.
var ErrDamaged = errors.New("source map index is damaged")

// codec packs blocks. One for the process: an encoder and a decoder need a few
// hundred kilobytes each, and their users take turns.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

var theCodec = sync.OnceValues(func() (*codec, error) {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest), // a megabyte less than the next level, for blocks that are 5 % larger
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(2*MaxBlock),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false), // the name is a better one
	)
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxIndex),
	)
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &codec{enc, dec}, nil
})

// unpackBlock returns the plain content of a block if it is what its name says.
func unpackBlock(name Hash, data []byte) ([]byte, error) {
	if len(data) > MaxBlock+maxOverhead {
		return nil, fmt.Errorf("%w: block %s has %d bytes", ErrDamaged, name, len(data))
	}
	c, err := theCodec()
	if err != nil {
		return nil, err
	}
	plain, err := c.dec.DecodeAll(data, make([]byte, 0, MaxBlock))
	if err != nil || len(plain) > MaxBlock || sha256.Sum256(plain) != name {
		return nil, fmt.Errorf("%w: block %s does not hold what its name says", ErrDamaged, name)
	}
	return plain, nil
}

// Package sourcemaptest keeps the blocks of source maps in memory, for tests and
// benchmarks.
package sourcemaptest

import (
	"bytes"
	"context"
	"sync"

	"github.com/monlight/monlight/browser-relay/internal/sourcemap"
	"github.com/monlight/monlight/shared/errs"
)

// Blocks is a store of blocks. Its zero value is empty.
type Blocks struct {
	mu    sync.Mutex
	data  map[sourcemap.Hash][]byte
	Bytes int // of all that are kept
	Reads int // how often Block was called
}

// PutBlock implements sourcemap.BlockSink.
func (b *Blocks) PutBlock(_ context.Context, name sourcemap.Hash, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.data == nil {
		b.data = map[sourcemap.Hash][]byte{}
	}
	if _, ok := b.data[name]; !ok {
		b.data[name] = bytes.Clone(data)
		b.Bytes += len(data)
	}
	return nil
}

// Block implements sourcemap.BlockSource.
func (b *Blocks) Block(_ context.Context, name sourcemap.Hash) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Reads++
	data, ok := b.data[name]
	if !ok {
		return nil, errs.New(errs.NotFound, "block %s is not there", name)
	}
	return data, nil
}

// Names are the names of all blocks.
func (b *Blocks) Names() []sourcemap.Hash {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := make([]sourcemap.Hash, 0, len(b.data))
	for name := range b.data {
		names = append(names, name)
	}
	return names
}

// Set puts data under a name, whatever was there.
func (b *Blocks) Set(name sourcemap.Hash, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data[name] = data
}

package sourcemap

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/monlight/monlight/shared/errs"
)

// nameBlock is a block of names: each with its length before it.
type nameBlock struct {
	name  Hash
	first int32 // the number of its first name
}

// nameWriter packs names into blocks.
type nameWriter struct {
	put func(ctx context.Context, plain []byte) (Hash, error)

	buf    []byte
	first  int32
	blocks []nameBlock
	total  int32
}

func (w *nameWriter) add(ctx context.Context, name string) error {
	if w.total == MaxNames {
		return errs.New(errs.Invalid, "names: more than %d", MaxNames)
	}
	if len(w.buf)+len(name)+binary.MaxVarintLen32 > MaxBlock {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	w.buf = binary.AppendUvarint(w.buf, uint64(len(name)))
	w.buf = append(w.buf, name...)
	w.total++
	return nil
}

func (w *nameWriter) flush(ctx context.Context) error {
	if w.total == w.first {
		return nil
	}
	hash, err := w.put(ctx, w.buf)
	if err != nil {
		return err
	}
	w.blocks = append(w.blocks, nameBlock{hash, w.first})
	w.buf, w.first = w.buf[:0], w.total
	return nil
}

// nameAt returns the i-th name of a block.
func nameAt(plain []byte, i int) (string, error) {
	for ; ; i-- {
		size, n := binary.Uvarint(plain)
		if n <= 0 || size > uint64(len(plain)-n) {
			return "", ErrDamaged
		}
		if i == 0 {
			return strings.ToValidUTF8(string(plain[n:n+int(size)]), "\uFFFD"), nil
		}
		plain = plain[n+int(size):]
	}
}

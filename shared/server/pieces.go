package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// firstPieces is what is reserved for a body that is read in pieces, until more
// of it has to be kept. Most requests of software that reports need no more.
const firstPieces = 32 << 10

// Pieces is [Edge.Body] for handlers that read a body piece by piece and keep a
// part of it, which they tell [Hold]: at most keep bytes. The limits on the wire
// and after decompression are two.
func (e *Edge) Pieces(wire, limit, keep int64, more ...Encoding) func(http.Handler) http.Handler {
	return e.limited(wire, limit, reading{streamed: true, keep: keep}, more)
}

// Hold counts so many bytes that a handler behind [Edge.Pieces] keeps against the
// budget of the process, until it returns. It waits a moment when they are not
// free, and then fails with an Unavailable error.
func Hold(r *http.Request, bytes int64) error {
	b, ok := r.Body.(*body)
	if !ok {
		return nil // no body, so nothing that a client could fill memory with
	}
	return b.hold(bytes)
}

// hold reserves in two steps, as grow does and for its reason: nobody who has
// taken more than a little waits for more.
func (b *body) hold(n int64) error {
	b.held += n
	if b.held <= b.reserved {
		return nil
	}
	target := int64(firstPieces)
	if b.held > target {
		return b.holdAll()
	}
	return b.reserve(target)
}

// holdAll reserves all that the request may come to hold.
func (b *body) holdAll() error {
	most := b.keep
	if b.encoding == nil && b.expected > 0 {
		most = min(most, 3*b.expected+firstPieces) // buffers double, and a little more
	} else if b.encoding != nil {
		most += b.encoding.Whole
	}
	if b.held > most {
		return errTooLarge
	}
	return b.reserve(most)
}

func (b *body) reserve(target int64) error {
	target = min(target, b.budget.size-b.overhead)
	if b.held > target { // more than the process may hold for all
		return errTooLarge
	}
	if target <= b.reserved {
		return nil
	}
	if err := b.budget.acquire(b.ctx, target-b.reserved); err != nil {
		return err
	}
	b.reserved = target
	return nil
}

// settle gives back what was reserved and is not held, when the body has ended.
func (b *body) settle() {
	if spare := b.reserved - b.held; spare > 0 {
		b.budget.release(spare)
		b.reserved = b.held
	}
}

// readWhole reads the compressed body of an encoding that wants it so, and
// reserves all that is needed for the rest of the request.
func (b *body) readWhole() (io.Reader, error) {
	var packed bytes.Buffer
	size := int64(4 << 10)
	for {
		size = min(size, b.encoding.Whole+1-int64(packed.Len()))
		if err := b.hold(size); err != nil {
			return nil, err
		}
		packed.Grow(int(size))
		_, err := io.CopyN(&packed, &b.wire, size)
		switch {
		case int64(packed.Len()) > b.encoding.Whole:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return &packed, b.holdAll()
		case err != nil:
			return nil, err
		}
		size = int64(packed.Len())
	}
}

package httpapi

import (
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/server"
)

// maxZstd is the largest compressed body, in bytes. It is decompressed as a whole:
// a decoder of streams would reserve the window that a client names, of 8 MiB as
// a rule, for a body of any size.
const maxZstd = 1 << 20

// Zstd is the content encoding zstd, for the routes of ingest.
func Zstd() server.Encoding {
	return server.Encoding{
		Names:   []string{"zstd"},
		Cost:    maxZstd,
		Pool:    &sync.Pool{New: func() any { return new(zstdBody) }},
		Corrupt: func(error) bool { return true },
	}
}

// zstdDecoder is for all bodies; it holds no state between them.
var zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxIngestBody+1), zstd.WithDecoderLowmem(true))
})

// zstdBody reads a compressed body to its end and then yields what is in it.
type zstdBody struct {
	from io.Reader
	data []byte // that was not read yet
	done bool
}

// Reset implements server.Decompressor.
func (z *zstdBody) Reset(r io.Reader) error {
	*z = zstdBody{from: r}
	return nil
}

// Read implements server.Decompressor.
func (z *zstdBody) Read(p []byte) (int, error) {
	if !z.done {
		if err := z.decode(); err != nil {
			return 0, err
		}
	}
	if len(z.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, z.data)
	z.data = z.data[n:]
	return n, nil
}

func (z *zstdBody) decode() error {
	packed, err := io.ReadAll(io.LimitReader(z.from, maxZstd+1))
	if err != nil {
		return err
	}
	tooLarge := errs.New(errs.TooLarge, "Request body exceeds maximum size")
	if len(packed) > maxZstd {
		return tooLarge
	}
	d, err := zstdDecoder()
	if err != nil {
		return err
	}
	z.data, err = d.DecodeAll(packed, nil)
	z.done = true
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return tooLarge
	}
	return err
}

package sentry

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/server"
)

// Encodings are what SDKs compress their requests with, beside gzip: the one for
// Python uses br as soon as the package is there, older ones use deflate.
func Encodings() []server.Encoding {
	corrupt := func(error) bool { return true } // whatever went wrong, the connection's own errors are known to the server
	return []server.Encoding{
		{Names: []string{"deflate"}, Cost: 48 << 10, Corrupt: corrupt, Pool: &sync.Pool{New: func() any { return new(deflated) }}},
		{Names: []string{"br"}, Cost: 16 << 10, Whole: maxWhole, Corrupt: corrupt, Pool: &sync.Pool{New: func() any { return &whole{open: openBrotli} }}},
		{Names: []string{"zstd"}, Cost: 16 << 10, Whole: maxWhole, Corrupt: corrupt, Pool: &sync.Pool{New: func() any { return &whole{open: openZstd} }}},
	}
}

// deflated reads zlib, which is what the name means, or bare deflate, which some
// send.
type deflated struct {
	from  *bufio.Reader
	zlib  io.ReadCloser
	flate io.ReadCloser
	r     io.Reader // nil before the first Read
}

// Reset implements server.Decompressor.
func (d *deflated) Reset(r io.Reader) error {
	if d.from == nil {
		d.from = bufio.NewReaderSize(r, 4<<10)
	} else {
		d.from.Reset(r)
	}
	d.r = nil
	return nil
}

// Read implements server.Decompressor.
func (d *deflated) Read(p []byte) (int, error) {
	if d.r == nil {
		if err := d.open(); err != nil {
			return 0, err
		}
	}
	return d.r.Read(p)
}

func (d *deflated) open() (err error) {
	head, err := d.from.Peek(2)
	if len(head) < 2 {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		if d.zlib == nil {
			d.zlib, err = zlib.NewReader(d.from)
		} else if again, ok := d.zlib.(zlib.Resetter); ok {
			err = again.Reset(d.from, nil)
		}
		d.r = d.zlib
		return err
	}
	if d.flate == nil {
		d.flate = flate.NewReader(d.from)
	} else if again, ok := d.flate.(flate.Resetter); ok {
		err = again.Reset(d.from, nil)
	}
	d.r = d.flate
	return err
}

// Decompressors of br and zstd take a window that the compressed text names, of
// some megabytes at worst. So few work at a time, and none of them waits: the
// compressed text is there, and the memory for what is in it reserved.
const (
	brotliBits = 22 // 4 MiB: the default of br
	zstdBits   = 23 // 8 MiB: what RFC 8878 asks of every decoder
	wholeSlots = 2
)

var slots = make(chan struct{}, wholeSlots)

// whole decompresses while it has one of the slots.
type whole struct {
	from io.Reader
	open func(packed io.Reader) (io.ReadCloser, error)
	r    io.ReadCloser // holds a slot; nil before the first Read and after the last
	done error         // what further reads give
}

// Reset implements server.Decompressor.
func (w *whole) Reset(r io.Reader) error {
	w.end(nil)
	w.from, w.done = r, nil
	return nil
}

// end gives the slot back.
func (w *whole) end(err error) {
	w.done = err
	if w.r != nil {
		_ = w.r.Close()
		w.r = nil
		<-slots
	}
}

// Read implements server.Decompressor.
func (w *whole) Read(p []byte) (int, error) {
	if w.done != nil {
		return 0, w.done
	}
	if w.r == nil {
		slots <- struct{}{}
		r, err := w.open(w.from)
		if err != nil {
			<-slots
			w.done = err
			return 0, err
		}
		w.r = r
	}
	n, err := w.r.Read(p)
	if err != nil {
		w.end(err)
	}
	return n, err
}

var errWindow = errs.New(errs.TooLarge, "the window of the compressed body is larger than 4 MiB (br) or 8 MiB (zstd)")

type brotliReader struct{ *brotli.Reader }

func (b brotliReader) Close() error {
	_ = b.Reset(bytes.NewReader(nil)) // let go of the body
	brotlis.Put(b.Reader)
	return nil
}

var brotlis = sync.Pool{New: func() any { return brotli.NewReader(nil) }}

func openBrotli(packed io.Reader) (io.ReadCloser, error) {
	from := bufio.NewReaderSize(packed, 16)
	head, err := from.Peek(1)
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if brotliWindow(head[0]) > brotliBits {
		return nil, errWindow
	}
	r := brotlis.Get().(*brotli.Reader) //nolint:forcetypeassert // nothing else is put there
	if err := r.Reset(from); err != nil {
		return nil, err
	}
	return brotliReader{r}, nil
}

// brotliWindow is the logarithm of the window's size, from the first byte: RFC
// 7932, section 9.1.
func brotliWindow(b byte) int {
	switch {
	case b&1 == 0:
		return 16
	case b>>1&7 != 0:
		return 17 + int(b>>1&7)
	case b>>4&7 == 0:
		return 17
	case b>>4&7 == 1:
		return 99 // not of this format: windows beyond 16 MiB
	}
	return 8 + int(b>>4&7)
}

func openZstd(packed io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(1<<zstdBits), zstd.WithDecoderMaxMemory(MaxEnvelope+1))
	if err != nil {
		return nil, err
	}
	return zstdReader{d}, nil
}

type zstdReader struct{ *zstd.Decoder }

func (z zstdReader) Read(p []byte) (int, error) {
	n, err := z.Decoder.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = errWindow
	}
	return n, err
}

func (z zstdReader) Close() error {
	z.Decoder.Close()
	return nil
}

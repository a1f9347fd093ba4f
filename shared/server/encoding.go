package server

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/monlight/monlight/shared/errs"
)

// Encoding is a content encoding that [Edge.Body] decompresses.
type Encoding struct {
	Names []string // of Content-Encoding, in lower case; the usual one first
	// Cost is what a decompressor holds beside the data, in bytes. It must bound
	// that itself, whatever the compressed data say.
	Cost int64
	// Whole is the limit of a compressed body that is read to its end before the
	// decompressor is asked, which then waits for nobody; 0 reads it piece by
	// piece. It is for routes behind [Edge.Pieces].
	Whole   int64
	Pool    *sync.Pool       // of Decompressors
	Corrupt func(error) bool // tells an error that bad data cause
}

// Decompressor reads the decompressed form of what Reset was given last.
type Decompressor interface {
	io.Reader
	Reset(io.Reader) error
}

// Name is the usual name.
func (e *Encoding) Name() string { return e.Names[0] }

// gzipEncoding is understood on every route. Its decompressor holds a window and
// tables.
var gzipEncoding = Encoding{
	Names: []string{"gzip", "x-gzip"},
	Cost:  48 << 10,
	Pool:  &sync.Pool{New: func() any { return new(gzip.Reader) }},
	Corrupt: func(err error) bool {
		_, corrupt := errors.AsType[flate.CorruptInputError](err)
		return corrupt || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)
	},
}

// contentEncoding returns the encoding of r's body, nil for identity, or an error
// when it is none of those.
func contentEncoding(r *http.Request, encodings []Encoding) (*Encoding, error) {
	value := strings.Join(r.Header.Values("Content-Encoding"), ",")
	name := strings.ToLower(strings.TrimSpace(value))
	if name == "" || name == "identity" {
		return nil, nil
	}
	for i := range encodings {
		if slices.Contains(encodings[i].Names, name) {
			return &encodings[i], nil
		}
	}
	return nil, errs.New(errs.Unsupported, "Content-Encoding %.50q is not supported, want %s or identity", value, names(encodings))
}

// names lists the usual names, for Accept-Encoding.
func names(encodings []Encoding) string {
	list := make([]string, len(encodings))
	for i := range encodings {
		list[i] = encodings[i].Name()
	}
	return strings.Join(list, ", ")
}

package artifacts

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"

	"github.com/monlight/monlight/shared/errs"
)

// Limits of a bundle.
const (
	// maxDirectory bounds the list of files in a bundle, which is read into memory:
	// about 10,000 of them.
	maxDirectory = 1 << 20
	maxManifest  = 8 << 20 // bytes, unpacked
	// maxUnpacked bounds what all maps of a bundle unpack to.
	maxUnpacked = 1 << 30
)

const (
	endSize      = 22 // of the end of the list of files, without a comment
	maxComment   = 1<<16 - 1
	endSignature = "PK\x05\x06"
)

var errNoBundle = errs.New(errs.Invalid, "The upload is no artifact bundle: it is not a ZIP archive")

// openArchive opens a ZIP archive. The list of its files is measured before it is
// read: what it says about itself is not believed.
func openArchive(r io.ReaderAt, size int64) (*zip.Reader, error) {
	tail := make([]byte, min(size, endSize+maxComment))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return nil, err
	}
	at := -1
	for i := bytes.LastIndex(tail, []byte(endSignature)); i >= 0; i = bytes.LastIndex(tail[:i], []byte(endSignature)) {
		if len(tail)-i >= endSize && i+endSize+int(binary.LittleEndian.Uint16(tail[i+20:])) <= len(tail) {
			at = i
			break
		}
	}
	if at < 0 {
		return nil, errNoBundle
	}
	files := binary.LittleEndian.Uint16(tail[at+10:])
	length := int64(binary.LittleEndian.Uint32(tail[at+12:]))
	offset := int64(binary.LittleEndian.Uint32(tail[at+16:]))
	end := size - int64(len(tail)) + int64(at)
	// Before the archive stands a header of 8 bytes, from which offsets may count or not.
	if files == 0xffff || length > maxDirectory || offset > end || end-offset > maxDirectory+64 {
		return nil, errs.New(errs.Invalid, "The list of files in the artifact bundle has more than %d bytes", maxDirectory)
	}
	// The section answers offsets outside of the archive as its end.
	z, err := zip.NewReader(io.NewSectionReader(r, 0, size), size)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "The upload is no artifact bundle: its ZIP archive is damaged")
	}
	return z, nil
}

// limited reads at most so many bytes and fails when there are more, whatever the
// archive says about the size.
type limited struct {
	io.Reader
	left *int64
	err  error
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if *l.left -= int64(n); *l.left < 0 {
		return 0, l.err
	}
	return n, err
}

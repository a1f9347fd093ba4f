package httpapi

import (
	"compress/gzip"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/problem"
)

// putChunks stores pieces, each under the name of its file in the form.
func (a *uploadAPI) putChunks(w http.ResponseWriter, r *http.Request) error {
	form, err := r.MultipartReader()
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "Request body is not a form")
	}
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return formError(err)
		}
		if n == chunksPerRequest*4 { // plugins of another age send some more
			return errs.New(errs.Invalid, "more than %d chunks in a request", chunksPerRequest*4)
		}
		if err := a.putChunk(part); err != nil {
			return err
		}
	}
	return problem.JSON(w, http.StatusOK, map[string]any{})
}

func (a *uploadAPI) putChunk(part *multipart.Part) error {
	var data io.Reader = part
	switch part.FormName() {
	case "file":
	case "file_gzip":
		z, err := gzip.NewReader(part)
		if err != nil {
			return errs.Wrap(errs.Invalid, err, "chunk %.50q is not gzip", part.FileName())
		}
		defer z.Close()
		data = z
	default:
		return nil
	}
	err := a.Chunks.Put(part.FileName(), data)
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errs.Wrap(errs.Invalid, err, "chunk %.50q is damaged", part.FileName())
	}
	return formError(err)
}

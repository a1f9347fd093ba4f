package dbtest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"
)

// InFiles is how often a text is in the files of the database at path: the main
// file, its log and the log's index, also where they are not in use.
func InFiles(tb testing.TB, path, text string) (n int) {
	tb.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			tb.Fatal(err)
		}
		n += bytes.Count(content, []byte(text))
	}
	return n
}

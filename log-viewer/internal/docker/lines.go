package docker

import (
	"bytes"
	"iter"
)

// lines goes through the lines of data that end with a newline, without it.
func lines(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			i := bytes.IndexByte(data, '\n')
			if i < 0 || !yield(data[:i]) {
				return
			}
			data = data[i+1:]
		}
	}
}

package server

import (
	"io"
	"net/http"
	"time"
)

const (
	// streamPause is how long a streamed body may pause, and streamTime how long it
	// may take in all.
	streamPause = 30 * time.Second
	streamTime  = 15 * time.Minute
	// answerTime is how long after the last byte the answer must be written.
	answerTime = 60 * time.Second
)

// Stream is [Edge.Body] for handlers that read a large body piece by piece and
// keep little of it. Its bytes do not count against the budget of the process, so
// the handler has to bound how many such requests it serves at a time. The body
// may take 15 minutes as long as it does not pause for 30 s.
func (e *Edge) Stream(limit int64, more ...Encoding) func(http.Handler) http.Handler {
	return e.limited(limit, limit, reading{streamed: true, patient: true}, more)
}

// patient moves the deadlines of a connection while a body comes in.
type patient struct {
	io.ReadCloser
	conn  *http.ResponseController
	end   time.Time
	moved time.Time
}

func newPatient(w http.ResponseWriter, r io.ReadCloser) *patient {
	return &patient{ReadCloser: r, conn: http.NewResponseController(w), end: time.Now().Add(streamTime)}
}

func (p *patient) Read(b []byte) (int, error) {
	// Setting a deadline costs more than a read.
	if now := time.Now(); now.Sub(p.moved) > time.Second {
		p.moved = now
		deadline := now.Add(streamPause)
		if deadline.After(p.end) {
			deadline = p.end
		}
		// Writers of tests have no deadlines, and need none.
		_ = p.conn.SetReadDeadline(deadline)
		_ = p.conn.SetWriteDeadline(deadline.Add(answerTime))
	}
	return p.ReadCloser.Read(b)
}

package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Limits of a server's replies. RFC 5321 §4.5.3.1.5 has 512 bytes for a line.
const (
	maxReplyLine  = 2048
	maxReplyLines = 100
	maxReplyText  = 300 // kept for the log and the UI
)

// reply is what a server answered to one command.
type reply struct {
	code  int
	lines []string // without code, separator and line end
}

var errReplyTooLong = errors.New("server's reply is too long")

// readReply reads one reply of one or more lines (RFC 5321 §4.2.1).
func readReply(r *bufio.Reader) (reply, error) {
	var out reply
	for range maxReplyLines {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return out, errReplyTooLong
		}
		if err != nil {
			return out, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		code, ok := replyCode(text)
		if !ok || (out.code != 0 && code != out.code) {
			return out, fmt.Errorf("server's reply is not SMTP: %q", tidy(text))
		}
		out.code = code
		if len(text) < 4 {
			return out, nil
		}
		out.lines = append(out.lines, text[4:])
		switch text[3] {
		case ' ':
			return out, nil
		case '-':
		default:
			return out, fmt.Errorf("server's reply is not SMTP: %q", tidy(text))
		}
	}
	return out, errReplyTooLong
}

func replyCode(line string) (int, bool) {
	if len(line) < 3 {
		return 0, false
	}
	code, err := strconv.Atoi(line[:3])
	return code, err == nil && code >= 200 && code < 600
}

// tidy makes a server's words fit for a log line: printable, and not many.
func tidy(s string) string {
	if len(s) > maxReplyText {
		s = s[:maxReplyText]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// replyError is a refusal by the server.
type replyError struct {
	code int
	text string
}

func (e *replyError) Error() string {
	return strings.TrimSpace(strconv.Itoa(e.code) + " " + e.text)
}

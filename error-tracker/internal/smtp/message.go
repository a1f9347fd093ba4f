package smtp

import (
	"bytes"
	"crypto/rand"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
)

// foldAt is the length in bytes that header lines keep to where they can
// (RFC 5322 §2.1.1).
const foldAt = 76

// maxSubject keeps a subject without any spaces below the 998 bytes that a line
// may have. Those that the alerts have are shorter.
const maxSubject = 900

// compose writes m as a message (RFC 5322, RFC 2046): ASCII throughout, lines
// ended by CRLF, no line longer than 998 bytes. The date is that of m's making,
// so all attempts are the same message.
func compose(m tracker.Mail, s alerting.Settings, boundary string) []byte {
	var b bytes.Buffer
	header(&b, "Date", m.CreatedAt.UTC().Format(time.RFC1123Z))
	header(&b, "From", s.From.Header())
	header(&b, "To", alerting.Address{Addr: m.Recipient}.Header())
	header(&b, "Subject", encodeSubject(m.Subject))
	header(&b, "Message-ID", "<"+m.MessageID+">")
	for _, h := range s.Headers(m) {
		header(&b, h.Name, h.Value)
	}
	header(&b, "MIME-Version", "1.0")
	header(&b, "Content-Type", `multipart/alternative; boundary="`+boundary+`"`)
	b.WriteString("\r\n")
	part(&b, boundary, "text/plain; charset=utf-8", m.Text)
	part(&b, boundary, "text/html; charset=utf-8", m.HTML)
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes()
}

// newBoundary is random, so that no text from outside can end a part. The = in
// it cannot stand in quoted-printable text in front of an underscore, either.
func newBoundary() string { return "=_" + rand.Text() }

// encodeSubject makes a header value of any text. Text that looks like an
// encoded word is broken up: it would be decoded to what nobody checked.
func encodeSubject(s string) string {
	s = strings.ReplaceAll(clean(s), "=?", "= ?")
	if len(s) > maxSubject {
		s = strings.ToValidUTF8(s[:maxSubject], "")
	}
	return mime.QEncoding.Encode("utf-8", s)
}

// clean leaves no character that could end a header or a line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// header writes one field, folded at spaces: ahead of the first word only if
// that is an encoded one, because some servers lose a Message-ID that way.
func header(b *bytes.Buffer, name, value string) {
	b.WriteString(name + ":")
	used := len(name) + 1
	for word := range strings.FieldsSeq(clean(value)) {
		first := used == len(name)+1
		if used+1+len(word) > foldAt && (!first || strings.HasPrefix(word, "=?")) {
			b.WriteString("\r\n")
			used = 0
		}
		b.WriteString(" " + word)
		used += 1 + len(word)
	}
	b.WriteString("\r\n")
}

// part writes one alternative as quoted-printable.
func part(b *bytes.Buffer, boundary, contentType, text string) {
	b.WriteString("--" + boundary + "\r\n")
	header(b, "Content-Type", contentType)
	header(b, "Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	// The writer passes line ends on as they come, so they come as CRLF.
	text = strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(text)
	q := quotedprintable.NewWriter(b)
	_, _ = q.Write([]byte(text)) // to a buffer: cannot fail
	_ = q.Close()
	b.WriteString("\r\n")
}

package smtp

import (
	"bufio"
	"bytes"
	"flag"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/smtp/smtptest"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMessageMatchesGoldenFile(t *testing.T) {
	m := mailTo("team@example.com")
	m.Subject = "[café] ValueError: unknown currency “€” in an order that takes more than one line (#7)"
	m.Text = "New error in café\n\n.\n..\nFrom here on\n" + strings.Repeat("a line that is longer than 76 characters ", 4) + "\ntrailing space \nend = ✓\n"
	m.HTML = "<p style=\"color:red\">café</p>\n.\n"
	got := compose(m, settings, "=_BOUNDARY")
	const path = "testdata/message.eml"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; rewrite with -update):\n%s", path, diff)
	}
	for line := range bytes.Lines(got) {
		if len(line) > 80 || !bytes.HasSuffix(line, []byte("\r\n")) || bytes.IndexFunc(line, func(r rune) bool { return r > 126 }) >= 0 {
			t.Errorf("line is long, not ASCII or not ended by CRLF: %q", line)
		}
	}
}

// read takes a message apart as a mail program would.
func read(t *testing.T, data []byte) (h mail.Header, subject, text, html string) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("not a message: %v\n%s", err, data)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil {
		t.Fatalf("subject: %v", err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %q: %v", msg.Header.Get("Content-Type"), err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	var bodies []string
	for _, want := range []string{"text/plain; charset=utf-8", "text/html; charset=utf-8"} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatalf("part %s: %v", want, err)
		}
		if got := p.Header.Get("Content-Type"); got != want {
			t.Errorf("Content-Type of a part = %q, want %q", got, want)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatalf("part %s: %v", want, err)
		}
		bodies = append(bodies, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	if p, err := parts.NextPart(); err != io.EOF {
		t.Errorf("a third part: %v, %v", p, err)
	}
	return msg.Header, subject, bodies[0], bodies[1]
}

var wantHeaders = []string{
	"Auto-Submitted", "Content-Type", "Date", "From", "In-Reply-To", "List-Id", "Message-Id", "Mime-Version", "References",
	"Subject", "To", "X-Auto-Response-Suppress", "X-Monlight-Alert", "X-Monlight-Issue",
}

// hostile holds texts that tried to break out of a header, a body or the
// conversation with the server.
var hostile = []string{
	"x\r\nBcc: evil@example.net",
	"x\nBcc: evil@example.net\n\nbody",
	"x\rBcc: evil@example.net",
	"x\r\n.\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<evil@example.net>\r\nDATA\r\nspam\r\n.\r\n",
	"x\n.\nQUIT\n",
	".", "..", ".\n.\n.", "\r\n.\r\n", "a\n.b\n..c\n",
	"x\u2028Bcc: evil@example.net\u2029", "x\u0085Bcc: evil@example.net", "x\x0b\x0cBcc: e", "\x00\x01\x1b[31m\x7f",
	"=?utf-8?q?=0D=0ABcc:_evil@example.net?=", "=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5uZXQ=?=", "a =?x?q?y?= b",
	"--=_BOUNDARY\r\nContent-Type: text/html\r\n\r\n<script>", "\r\n--=_BOUNDARY--\r\n",
	strings.Repeat("é", 300), strings.Repeat("long ", 500), strings.Repeat("x", 5000), "\xff\xfe\xc0\xaf", "trailing \t \nspace \t ",
	"a=3Db=\n=20", "日本語のエラー 🎉",
}

func TestHostileTextStaysInItsPlace(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{})
	c := dialled(t, s, nil)
	for _, text := range hostile {
		m := mailTo("team@example.com")
		m.Subject = "[" + text + "] E (#7)"
		m.Text, m.HTML = text+"\nend", "<p>"+text+"</p>\n"+text
		if err := c.Send(t.Context(), m); err != nil {
			t.Fatalf("Send with %q = %v", text, err)
		}
		got := s.Messages()[len(s.Messages())-1]
		if len(got.To) != 1 || got.To[0] != "team@example.com" || got.From != "errors@example.com" {
			t.Fatalf("%q changed the envelope: %v", text, got)
		}
		h, subject, body, html := read(t, got.Data)
		if names := slices.Sorted(maps.Keys(h)); !slices.Equal(names, wantHeaders) {
			t.Errorf("%q changed the header: %v", text, names)
		}
		if strings.ContainsAny(subject, "\r\n\x00") {
			t.Errorf("%q decodes to a subject of more than one line: %q", text, subject)
		}
		lines := strings.NewReplacer("\r\n", "\n", "\r", "\n")
		if want := lines.Replace(m.Text); body != want {
			t.Errorf("text came as %q, want %q", body, want)
		}
		if want := lines.Replace(m.HTML); html != want {
			t.Errorf("HTML came as %q, want %q", html, want)
		}
		for line := range bytes.Lines(got.Data) {
			if len(line) > 1000 {
				t.Errorf("%q makes a line of %d bytes", text, len(line))
			}
		}
	}
	for _, command := range s.Commands() {
		if strings.Contains(command, "evil") {
			t.Errorf("server took a text for the command %q", command)
		}
	}
	if len(s.Messages()) != len(hostile) {
		t.Errorf("%d messages were taken, want %d", len(s.Messages()), len(hostile))
	}
	t.Logf("%d hostile texts in subject, text and HTML: 0 extra recipients, 0 extra headers", len(hostile))
}

func TestSubjectDecodesBack(t *testing.T) {
	for _, subject := range []string{
		"[shop] E: plain (#1)", "[café] Ошибка: не удалось (#2)", "日本語 🎉 " + strings.Repeat("値", 60), "tab\tand more", "a_b=c?d",
		strings.Repeat("word ", 100) + "end",
	} {
		m := mailTo("a@example.com")
		m.Subject = subject
		if _, got, _, _ := read(t, compose(m, settings, newBoundary())); got != strings.ReplaceAll(subject, "\t", " ") {
			t.Errorf("subject %q decodes to %q", subject, got)
		}
	}
}

func TestAllAttemptsAreOneMessage(t *testing.T) {
	m := mailTo("a@example.com")
	m.Attempts = 3
	h, _, _, _ := read(t, compose(m, settings, newBoundary()))
	if got := h.Get("Message-Id"); got != "<created.abc@example.com>" {
		t.Errorf("Message-ID = %q", got)
	}
	if at, err := h.Date(); err != nil || !at.Equal(m.CreatedAt) {
		t.Errorf("Date = %v, %v; want that of the alert, %v", at, err, m.CreatedAt)
	}
	if from, err := h.AddressList("From"); err != nil || from[0].Name != "Monlight" || from[0].Address != "errors@example.com" {
		t.Errorf("From = %v, %v", from, err)
	}
}

func TestBoundariesDiffer(t *testing.T) {
	if a, b := newBoundary(), newBoundary(); a == b || len(a) < 20 {
		t.Errorf("boundaries %q and %q, want two long random ones", a, b)
	}
}

func FuzzMessage(f *testing.F) {
	for _, text := range hostile {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, subject, text string) {
		m := tracker.Mail{MessageID: "x@example.com", Kind: "created", IssueID: 7, Recipient: "a@example.com", Subject: subject, Text: text, HTML: text, CreatedAt: time.Unix(0, 0)}
		h, decoded, body, _ := read(t, compose(m, settings, newBoundary()))
		if len(h) != len(wantHeaders) || strings.ContainsAny(decoded, "\r\n") {
			t.Fatalf("header has %d fields, want %d; subject %q", len(h), len(wantHeaders), decoded)
		}
		if want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text); body != want {
			t.Fatalf("text came as %q, want %q", body, want)
		}
	})
}

func FuzzReply(f *testing.F) {
	f.Add([]byte("250-a\r\n250 b\r\n"))
	f.Add([]byte("421\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := readReply(newReader(data))
		if err == nil && (r.code < 200 || r.code > 599 || len(r.lines) > maxReplyLines) {
			t.Fatalf("readReply(%q) = %+v without an error", data, r)
		}
		if err != nil && len(err.Error()) > 8*maxReplyText {
			t.Fatalf("error of %d bytes", len(err.Error()))
		}
	})
}

func newReader(data []byte) *bufio.Reader {
	return bufio.NewReaderSize(bytes.NewReader(data), maxReplyLine)
}

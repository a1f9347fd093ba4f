package harness

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// Report is the body of POST /api/errors.
type Report map[string]any

// NewEventID is a random event ID.
func NewEventID() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// PythonReport is a report of a ValueError raised in the function fn, whose
// message carries n. Reports with the same fn belong to one issue.
func PythonReport(fn string, n int) Report {
	message := fmt.Sprintf("order %d cannot be shipped", n)
	return Report{
		"project":        "shop",
		"exception_type": "ValueError",
		"message":        message,
		"traceback":      PythonTraceback(fn, n, message),
	}
}

// PythonTraceback is a traceback through three application frames and a library's.
func PythonTraceback(fn string, line int, message string) string {
	var b strings.Builder
	b.WriteString("Traceback (most recent call last):\n")
	frame := func(file, function, statement string) {
		fmt.Fprintf(&b, "  File %q, line %d, in %s\n    %s\n", file, line%400+1, function, statement)
	}
	frame("/app/web/views.py", "post", "return self.service."+fn+"(order)")
	frame("/usr/lib/python3/dist-packages/decorator.py", "wrapper", "return caller(func, *args)")
	frame("/app/shop/service.py", "dispatch", "return handlers[kind](order)")
	frame("/app/shop/orders.py", fn, "raise ValueError(f\"order {order.number} cannot be shipped\")")
	b.WriteString("ValueError: " + message)
	return b.String()
}

// RandomText is n characters that do not compress well.
func RandomText(n int) string {
	b := make([]byte, (n+1)/2)
	rand.Read(b)
	return hex.EncodeToString(b)[:n]
}

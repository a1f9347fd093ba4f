package logs

import (
	"testing"

	"github.com/monlight/monlight/shared/errs"
)

// FuzzParsePosition holds that a cursor of a client is Invalid, or is a position
// whose own text means the same.
func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"1760000000000000000.42", "-5.1", "1.0", "1", ".", "99999999999999999999.1", "1.2.3", "+1.+2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePosition(text)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid || p != nil {
				t.Fatalf("ParsePosition(%q): %v, want Invalid", text, err)
			}
			return
		}
		again, err := ParsePosition(p.String())
		if err != nil || *again != *p || p.ID <= 0 {
			t.Fatalf("ParsePosition(%q) = %+v, again %+v, %v", text, p, again, err)
		}
	})
}

package logs

import (
	"strconv"
	"strings"

	"github.com/monlight/monlight/shared/errs"
)

// String is the form of p in addresses, which ParsePosition reads.
func (p Position) String() string {
	return strconv.FormatInt(p.Time, 10) + "." + strconv.FormatInt(p.ID, 10)
}

// ParsePosition reads what Position.String wrote.
func ParsePosition(text string) (*Position, error) {
	at, id, ok := strings.Cut(text, ".")
	var p Position
	var err1, err2 error
	p.Time, err1 = strconv.ParseInt(at, 10, 64)
	p.ID, err2 = strconv.ParseInt(id, 10, 64)
	if !ok || err1 != nil || err2 != nil || p.ID <= 0 {
		return nil, errs.New(errs.Invalid, "cursor is %s, want the next of an earlier answer", quote(text))
	}
	return &p, nil
}

package webui

import (
	"strconv"
	"strings"
)

// Cursor is a place in a sorted list: the sort value and the ID of the last row
// of the page before. Its text form stands in URLs.
type Cursor struct{ Value, ID int64 }

// String is the form that ParseCursor reads.
func (c Cursor) String() string {
	return strconv.FormatInt(c.Value, 10) + "." + strconv.FormatInt(c.ID, 10)
}

// ParseCursor reads a cursor; ok is false for anything else.
func ParseCursor(s string) (c Cursor, ok bool) {
	v, id, found := strings.Cut(s, ".")
	if !found {
		return Cursor{}, false
	}
	var err1, err2 error
	c.Value, err1 = strconv.ParseInt(v, 10, 64)
	c.ID, err2 = strconv.ParseInt(id, 10, 64)
	if err1 != nil || err2 != nil || c.ID <= 0 {
		return Cursor{}, false
	}
	return c, true
}

// Pager is the line below a list: "Showing 51–100 of 1 234" and two links.
type Pager struct {
	First, Last, Total int64  // numbers of the first and last row shown, from 1
	Prev, Next         string // URLs; "" where there is no page
}

package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

// Limits of a search. What is beyond them is ignored: it could only narrow the
// result, and nobody types that much.
const (
	maxSearchBytes = 1 << 10
	maxSearchTerms = 16
)

// searchText is what searches look through: the texts of the first event, each
// part cut so that none crowds out the next, folded, on lines of their own.
func searchText(e *event.Event, k grouping.Key) string {
	var b strings.Builder
	for _, part := range []string{k.Title, k.Culprit, e.Request.URL, e.Transaction, e.Release, k.Message} {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(fold(cut(part, maxShortText)))
	}
	return stored(b.String(), maxSearchText)
}

// fold makes texts comparable without regard to case: each letter becomes the
// smallest of its case variants, so that "ß" is only "ẞ" but "K" is also the
// Kelvin sign. White space becomes one space, so that a phrase finds text that
// is broken over lines.
func fold(s string) string {
	b := make([]byte, 0, len(s))
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && len(b) > 0 {
			b = append(b, ' ')
		}
		space = false
		b = utf8.AppendRune(b, foldRune(r))
	}
	return string(b)
}

// foldRune walks the circle of r's case variants to the smallest one; for
// ASCII letters it takes the lower-case one, which is what people read.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	least := r
	for v := unicode.SimpleFold(r); v != r; v = unicode.SimpleFold(v) {
		least = min(least, v)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// searchTerms splits what was typed into words and "quoted phrases", folded.
// A quote that is not closed reaches to the end.
func searchTerms(q string) []string {
	q = cut(q, maxSearchBytes)
	var terms []string
	for q != "" && len(terms) < maxSearchTerms {
		var term string
		q = strings.TrimLeftFunc(q, unicode.IsSpace)
		if rest, quoted := strings.CutPrefix(q, `"`); quoted {
			term, q, _ = strings.Cut(rest, `"`)
		} else if i := strings.IndexFunc(q, unicode.IsSpace); i >= 0 {
			term, q = q[:i], q[i:]
		} else {
			term, q = q, ""
		}
		if term = fold(term); term != "" {
			terms = append(terms, term)
		}
	}
	return terms
}

func foldAll(words []string) []string {
	var terms []string
	for _, w := range words {
		if w = fold(w); w != "" {
			terms = append(terms, w)
		}
	}
	return terms
}

// maxFound is how many issues that a search found are passed on by number.
const maxFound = 5000

// search adds the condition that all terms are in the texts of one hash of the
// issue. That reads the texts of all hashes, so what is found is then named,
// for the total and the page both. Only where much is found, which takes less
// time to find, it is looked for again.
func (c *conditions) search(ctx context.Context, tx *sql.Tx, terms []string) error {
	args := make([]any, 0, len(terms)+1)
	for _, t := range terms {
		args = append(args, t)
	}
	find := "SELECT DISTINCT issue_id FROM hashes WHERE " + strings.Repeat("instr(search, ?) > 0 AND ", len(terms)) + "1"
	rows, err := tx.QueryContext(ctx, find+" LIMIT ?", append(args, maxFound+1)...)
	found, err := scanAll(rows, err, func(rows *sql.Rows) (id int64, err error) {
		return id, rows.Scan(&id)
	})
	if err != nil {
		return err
	}
	if len(found) > maxFound {
		c.add("i.id IN ("+find+")", args...)
		return nil
	}
	c.add("i.id IN (SELECT value FROM json_each(?))", jsonIDs(found))
	return nil
}

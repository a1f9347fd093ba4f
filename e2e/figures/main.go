// Command figures prints, as a Markdown table, what the last run of the tests
// has measured for the rows of docs/reliability.md; with -headlines, what the
// bench programs have added to a file.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/monlight/monlight/e2e/harness"
	"github.com/monlight/monlight/shared/headline"
)

func main() {
	headlines := flag.String("headlines", "", "the file of the bench programs")
	flag.Parse()
	if err := run(os.Stdout, *headlines); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer, headlines string) error {
	if headlines != "" {
		in, err := os.Open(headlines)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		return headline.Table(out, in)
	}
	in, err := os.Open(harness.FiguresFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no test has measured anything
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	return table(out, in)
}

// table prints the last figure of each test, in the order of the rows.
func table(out io.Writer, in io.Reader) error {
	last := map[harness.Figure]harness.Figure{} // by everything but the text
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var f harness.Figure
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			return err
		}
		key := f
		key.Text = ""
		last[key] = f
	}
	if err := lines.Err(); err != nil {
		return err
	}
	var all []harness.Figure
	for _, f := range last {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b harness.Figure) int {
		return cmp.Or(cmp.Compare(a.Row[:1], b.Row[:1]), cmp.Compare(rank(a.Row), rank(b.Row)), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Test, b.Test))
	})
	if _, err := fmt.Fprint(out, "\n| row | service | figure |\n|---|---|---|\n"); err != nil {
		return err
	}
	for _, f := range all {
		if _, err := fmt.Fprintf(out, "| %s | %s | %s |\n", f.Row, f.Service, strings.ReplaceAll(f.Text, "|", `\|`)); err != nil {
			return err
		}
	}
	return nil
}

// rank is the number of a row such as A12; other rows come last.
func rank(row string) int {
	n, err := strconv.Atoi(row[1:])
	if err != nil {
		return 1000
	}
	return n
}

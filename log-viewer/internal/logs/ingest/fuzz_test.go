package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/monlight/monlight/log-viewer/internal/logs"
	"github.com/monlight/monlight/log-viewer/internal/logs/level"
)

// reference reads a body with encoding/json.
func reference(body string, def Defaults) (all []logs.Entry, err error) {
	d := json.NewDecoder(strings.NewReader(body))
	var values []json.RawMessage
	if strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "[") {
		if err := json.Unmarshal([]byte(body), &values); err != nil {
			return nil, err
		}
	} else {
		for {
			var v json.RawMessage
			err := d.Decode(&v)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		if len(values) == 0 {
			return nil, io.ErrUnexpectedEOF
		}
	}
	for _, v := range values {
		e, err := referenceEntry(v, def)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func referenceEntry(v json.RawMessage, def Defaults) (logs.Entry, error) {
	e := logs.Entry{Source: def.Source, Stream: def.Stream}
	d := json.NewDecoder(bytes.NewReader(v))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return e, fmt.Errorf("no object: %w", err)
	}
	levelName, messaged := "", false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return e, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return e, err
		}
		to := map[any]*string{"container": &e.Source, "message": &e.Message, "level": &levelName}[name]
		var stream string
		if name == "stream" {
			to = &stream
		}
		if to == nil || string(value) == "null" {
			continue
		}
		if err := json.Unmarshal(value, to); err != nil {
			return e, err
		}
		messaged = messaged || name == "message"
		if name == "stream" {
			if stream != "" && stream != "stdout" && stream != "stderr" {
				return e, fmt.Errorf("stream %q", stream)
			}
			e.Stream = logs.Stdout
			if stream == "stderr" {
				e.Stream = logs.Stderr
			}
		}
	}
	if !messaged || e.Source == "" || len(e.Source) > logs.MaxSourceName {
		return e, errors.New("message or container")
	}
	var ok bool
	if e.Level, ok = logs.ParseLevel(levelName); !ok {
		e.Level = level.Of(e.Message, e.Stream)
	}
	return e, nil
}

// Whatever the bytes are, the entries are those that encoding/json reads.
func FuzzJSONReadsAsEncodingJSON(f *testing.F) {
	for _, s := range []string{
		`{"container":"a","message":"x"}`, `[{"message":"\u00e9\ud83d\ude00\n","stream":"stderr"},{"message":null}]`,
		"{\"message\":\"\xff\",\"level\":\"warn\"}\n{}", `[[`, `{"message":"a","message":"b","x":{"y":[1,2.5e3,true]}} {"message":"c"}`,
		`{"level":null,"message":"ERROR x","container":"é"}`, `{"message":"a"}]`, ` `,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, `\u0000`) || strings.Contains(body, "timestamp") || strings.Count(body, "[")+strings.Count(body, "{") >= maxDepth {
			return // NUL is read as U+FFFD, times and depth are tested elsewhere
		}
		def := Defaults{Source: "default"}
		var r Reader
		got, err := r.JSON(body, def, false)
		want, wantErr := reference(body, def)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, encoding/json says %v", body, err, wantErr)
		}
		if diff := cmp.Diff(want, got.Entries, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q (-encoding/json +read):\n%s", body, diff)
		}
		// With partial, what is right as a whole is read in the same way.
		part, err := r.JSON(body, def, true)
		if wantErr == nil {
			if diff := cmp.Diff(want, part.Entries, cmpopts.EquateEmpty()); diff != "" || err != nil || part.Rejected != 0 {
				t.Fatalf("%q partially: %v, %d rejected\n%s", body, err, part.Rejected, diff)
			}
		}
	})
}

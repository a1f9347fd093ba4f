package symbolicate

import (
	"encoding/json"
	"sort"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

// maxNotes bounds what is said about one event.
const maxNotes = 20

// notes say what became of the calls of an event. They are stored with it, under
// extra.source_maps.
type notes struct {
	Release string `json:"release,omitempty"`
	Calls   int    `json:"calls"`
	Mapped  int    `json:"mapped"`
	// Maps are those that were used, Why what stood in the way of the other calls.
	Maps []usedMap `json:"maps,omitempty"`
	Why  []why     `json:"not_mapped,omitempty"`
}

type usedMap struct {
	File   string `json:"file"`
	Map    int64  `json:"map_id"`
	By     string `json:"found_by"` // debug_id or release
	Calls  int    `json:"calls"`
	Mapped int    `json:"mapped"`
}

type why struct {
	File   string `json:"file,omitempty"`
	First  string `json:"at,omitempty"` // the first such place
	Calls  int    `json:"calls"`
	Reason reason `json:"reason"`
	Text   string `json:"text"`
}

func newNotes(e *relay.Event) *notes { return &notes{Release: e.Release} }

// add notes what became of a call. Calls of one file and reason are one entry.
func (n *notes) add(r *resolved) {
	n.Calls++
	if r.found {
		n.Mapped++
		return
	}
	for i := range n.Why {
		if w := &n.Why[i]; w.File == r.file && w.Reason == r.reason && w.Text == r.detail {
			w.Calls++
			return
		}
	}
	if len(n.Why) == maxNotes {
		return
	}
	w := why{File: r.file, Calls: 1, Reason: r.reason, Text: r.detail}
	if r.file != "" {
		w.First = placeOf(r.file, r.call.line, r.call.column)
	}
	n.Why = append(n.Why, w)
}

// json is the stored form; nil when there was nothing to look for.
func (n *notes) json(files map[string]*file) json.RawMessage {
	if n.Calls == 0 {
		return nil
	}
	for _, f := range files {
		if f.mapID != 0 && len(n.Maps) < maxNotes {
			n.Maps = append(n.Maps, usedMap{f.path, f.mapID, f.by, f.calls, f.mapped})
		}
	}
	sort.Slice(n.Maps, func(i, j int) bool { return n.Maps[i].File < n.Maps[j].File })
	text, err := json.Marshal(n)
	if err != nil {
		return nil // strings and numbers can be marshalled
	}
	return text
}

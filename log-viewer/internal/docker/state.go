package docker

import (
	"encoding/json"
	"errors"
)

// cursorPrefix begins the keys of our cursors. Behind it stands the id of the
// container.
const cursorPrefix = "docker/"

// birthKey is the key of the cursor that holds when containers were first looked
// for: those made later are read from their beginning.
const birthKey = cursorPrefix + "first-run"

const stateVersion = 1

// state is how far the log of a container has been written to the store. The
// files of a log are one long text; a position counts from where it began.
type state struct {
	Version int         `json:"v"`
	Files   []fileState `json:"files"` // that hold the positions, the oldest first; the last one is being read
	// Pos has for each stream the position of the first record that is not in
	// the store: that of the first line of an entry that is still open.
	Pos  [2]int64 `json:"pos"`
	Time int64    `json:"time"` // of the last record that was read, Unix nanoseconds
}

// fileState is a file and the position at which it begins.
type fileState struct {
	ident
	Base int64 `json:"base"`
}

func (s state) encode() []byte {
	b, _ := json.Marshal(s) // numbers only
	return b
}

func decodeState(b []byte) (state, error) {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return s, err
	}
	if s.Version != stateVersion || len(s.Files) == 0 {
		return s, errors.New("cursor of another version")
	}
	return s, nil
}

func (s state) first() int64 { return min(s.Pos[0], s.Pos[1]) }

func cursorKey(id string) string { return cursorPrefix + id }

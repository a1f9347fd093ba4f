package status

import (
	"fmt"

	"github.com/monlight/monlight/shared/sqlitedb"
	"github.com/monlight/monlight/shared/webui"
)

// nearFloor is how many times the floor of free space is a warning.
const nearFloor = 2

// warnings are what a database can tell of any service.
func warnings(db sqlitedb.Stats) []string {
	out := []string{}
	switch {
	case db.DiskLow:
		out = append(out, fmt.Sprintf("The disk is almost full: %s are free, and nothing is written below %s.", webui.Bytes(db.DiskFree), webui.Bytes(db.MinFree)))
	case db.DiskFree >= 0 && db.DiskFree < nearFloor*db.MinFree:
		out = append(out, fmt.Sprintf("The disk is filling up: %s are free, and nothing is written below %s.", webui.Bytes(db.DiskFree), webui.Bytes(db.MinFree)))
	}
	if db.QueueSize > 0 && db.QueueDepth > db.QueueSize/2 {
		out = append(out, fmt.Sprintf("%d of at most %d writes wait for the disk.", db.QueueDepth, db.QueueSize))
	}
	if db.CheckpointErrors > 0 {
		out = append(out, fmt.Sprintf("The write-ahead log could not be folded into the database %d times.", db.CheckpointErrors))
	}
	return out
}

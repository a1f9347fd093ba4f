package metrics

import (
	"errors"
	"sync/atomic"
)

const (
	// together is the number of groups that go to the decoding goroutine at a time.
	together = 32
	// ahead is how many times as many may wait for it: about 1 MB of blobs.
	ahead = 4
	// fewGroups are read by one goroutine.
	fewGroups = 2 * together
)

// errDecoding ends the reading after read failed; nobody sees it.
var errDecoding = errors.New("a group could not be decoded")

// spanGroup is a group and the begin of its span.
type spanGroup struct {
	span int64
	row  GroupRow
}

// eachGroup calls seen and then read with the groups of the spans, in order.
// Where there are many, read runs on a goroutine of its own, so that one
// processor gets blobs while the other decodes them; it has ended when
// eachGroup returns. What read returns ends the query.
func (p *plan) eachGroup(view View, t Tier, spans []int64, groups []uint32, seen func(int64, GroupRow), read func(int64, GroupRow) error) error {
	if len(spans)*len(groups) <= fewGroups {
		return view.Groups(t, p.blobs(), spans, groups, func(span int64, g GroupRow) error {
			seen(span, g)
			return read(span, g)
		})
	}
	d := decoding{work: make(chan []spanGroup, ahead), done: make(chan struct{})}
	go d.run(read)
	part := make([]spanGroup, 0, together)
	err := view.Groups(t, p.blobs(), spans, groups, func(span int64, g GroupRow) error {
		seen(span, g)
		if part = append(part, spanGroup{span, g}); len(part) < together {
			return nil
		}
		d.work <- part
		part = make([]spanGroup, 0, together)
		if d.failed.Load() {
			return errDecoding
		}
		return nil
	})
	d.work <- part
	close(d.work)
	<-d.done
	if d.err != nil {
		return d.err
	}
	return err
}

// decoding is the other goroutine of eachGroup.
type decoding struct {
	work   chan []spanGroup
	done   chan struct{} // closed after the last of work
	err    error         // the first, valid when done
	failed atomic.Bool
}

func (d *decoding) run(read func(int64, GroupRow) error) {
	defer close(d.done)
	for part := range d.work {
		for i := range part {
			if d.err != nil {
				break
			}
			if d.err = read(part[i].span, part[i].row); d.err != nil {
				d.failed.Store(true)
			}
		}
	}
}

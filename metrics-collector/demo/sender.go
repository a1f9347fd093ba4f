package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// point is a measurement on the wire.
type point struct {
	Name      string            `json:"name"`
	Type      string            `json:"type"`
	Value     float64           `json:"value"`
	Labels    map[string]string `json:"labels,omitempty"`
	Timestamp string            `json:"timestamp"`
	Project   string            `json:"project,omitempty"`
}

// sender gathers points and posts them in full batches.
type sender struct {
	url, key, project string

	mu     sync.Mutex
	points []point
	sent   int
}

var client = &http.Client{Timeout: 30 * time.Second}

func (s *sender) add(name, typ string, at time.Time, value float64, labels map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.points = append(s.points, point{name, typ, value, labels, at.UTC().Format("2006-01-02T15:04:05.000Z"), s.project})
}

const maxBatch = 1000

// flush posts what was gathered; all tells whether a part of a batch goes too.
func (s *sender) flush(ctx context.Context, all bool) error {
	for {
		s.mu.Lock()
		n := min(len(s.points), maxBatch)
		if n == 0 || n < maxBatch && !all {
			s.mu.Unlock()
			return nil
		}
		batch := s.points[:n]
		s.points = append([]point(nil), s.points[n:]...)
		s.mu.Unlock()
		if err := s.post(ctx, batch); err != nil {
			return err
		}
		s.sent += n
	}
}

func (s *sender) post(ctx context.Context, batch []point) error {
	body, err := json.Marshal(batch)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/metrics", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-API-Key", s.key)
	r.Header.Set("Content-Type", "application/json")
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
	if res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%s: %s", res.Status, text)
	}
	return nil
}

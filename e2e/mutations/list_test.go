package main

import "testing"

// TestTheListFollowsTheSources: what each entry takes out is still where it says.
func TestTheListFollowsTheSources(t *testing.T) {
	for _, m := range mutations {
		if _, err := m.overlay("../..", t.TempDir()); err != nil {
			t.Errorf("%s, %s: %v", m.row, m.what, err)
		}
	}
}

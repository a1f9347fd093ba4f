package lru_test

import (
	"testing"

	"github.com/monlight/monlight/browser-relay/internal/lru"
)

func TestTheLeastRecentlyUsedGoesFirst(t *testing.T) {
	c := lru.New[string, int](10)
	c.Put("a", 1, 4)
	c.Put("b", 2, 4)
	c.Get("a")
	c.Put("c", 3, 4)
	if _, ok := c.Get("b"); ok {
		t.Error("b is still there, though a was used after it")
	}
	if v, ok := c.Get("a"); !ok || v != 1 {
		t.Errorf("a = %d, %v, want 1, true", v, ok)
	}
	if c.Used() != 8 {
		t.Errorf("used = %d, want 8", c.Used())
	}
}

func TestReplacingAValueReplacesItsCost(t *testing.T) {
	c := lru.New[string, int](10)
	c.Put("a", 1, 9)
	c.Put("a", 2, 3)
	if v, _ := c.Get("a"); v != 2 || c.Used() != 3 {
		t.Errorf("a = %d of cost %d, want 2 of cost 3", v, c.Used())
	}
}

func TestWhatIsTooLargeIsNotKept(t *testing.T) {
	c := lru.New[string, int](10)
	c.Put("a", 1, 5)
	c.Put("a", 2, 11)
	if _, ok := c.Get("a"); ok || c.Used() != 0 {
		t.Errorf("a is kept, used = %d, want nothing", c.Used())
	}
}

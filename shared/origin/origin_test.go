package origin_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/shared/errs"
	"github.com/monlight/monlight/shared/origin"
)

func TestAllows(t *testing.T) {
	l := origin.List{"https://shop.example", "https://*.shop.example", "http://localhost:*", "app://-"}
	for o, want := range map[string]bool{
		"https://shop.example": true, "https://a.shop.example": true, "https://a.b.shop.example": true, "http://localhost:5173": true, "app://-": true,
		"https://shop.example:8443": false, "http://shop.example": false, "https://evil.example": false, "https://.shop.example": false,
		"https://x@y.shop.example": false, "https://evil.example/.shop.example": false, "https://shop.example.evil.example": false, "": false,
	} {
		if got := l.Allows(o); got != want {
			t.Errorf("Allows(%q) = %v", o, got)
		}
	}
	if !(origin.List{origin.Any}).Allows("https://any.example") {
		t.Error("the star does not allow everything")
	}
}

func TestValidate(t *testing.T) {
	for entry, ok := range map[string]bool{
		"https://shop.example": true, "*": true, "null": true, "https://*.shop.example:8443": true, "capacitor://localhost": true,
		"shop.example": false, "https://shop.example/": false, "https://*.*.example": false, "https://Shop.example": false,
		"https://shop example": false, "://x": false, "https://u@h": false, "ht tp://x": false, "https://" + strings.Repeat("a", 300): false,
	} {
		err := (origin.List{entry}).Validate()
		if (err == nil) != ok || err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", entry, err)
		}
	}
	if (make(origin.List, origin.MaxOrigins+1)).Validate() == nil {
		t.Error("a list may be as long as it likes")
	}
}

func TestParse(t *testing.T) {
	got := origin.Parse(" https://a.example/,https://b.example\n\nhttps://a.example ")
	if diff := cmp.Diff(origin.List{"https://a.example", "https://b.example"}, got); diff != "" {
		t.Error(diff)
	}
}

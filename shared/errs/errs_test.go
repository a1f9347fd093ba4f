package errs_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/monlight/monlight/shared/errs"
)

func TestKindIsFoundThroughWrapping(t *testing.T) {
	for err, want := range map[error]errs.Kind{
		errs.New(errs.NotFound, "error %d not found", 42):                                      errs.NotFound,
		fmt.Errorf("load: %w", errs.Wrap(errs.Conflict, io.EOF, "taken")):                      errs.Conflict,
		errors.Join(io.EOF, errs.RetryIn(errs.Unavailable, time.Second, "full")):               errs.Unavailable,
		errs.Wrap(errs.Invalid, errs.New(errs.NotFound, "inner"), "the outer kind is the one"): errs.Invalid,
		io.EOF: errs.Internal,
	} {
		if got := errs.KindOf(err); got != want {
			t.Errorf("KindOf(%v) = %v, want %v", err, got, want)
		}
	}
}

func TestTextAndCause(t *testing.T) {
	err := errs.Wrap(errs.Invalid, io.EOF, "body is %s", "short")
	if err.Error() != "body is short: EOF" || !errors.Is(err, io.EOF) {
		t.Errorf("%q, is EOF: %v", err, errors.Is(err, io.EOF))
	}
	e, ok := errors.AsType[*errs.Error](errs.RetryIn(errs.RateLimited, time.Minute, "slow down"))
	if !ok || e.Text != "slow down" || e.RetryAfter != time.Minute || e.Error() != "slow down" {
		t.Errorf("RetryIn = %+v", e)
	}
}

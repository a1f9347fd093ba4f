// Command go reports one error and one message by sentry-go and prints the IDs
// of the events that the SDK sends. With "load" it goes on until its input ends.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/getsentry/sentry-go"
)

var errNoAddress = errors.New("no address")

func shipOrder(number int) error {
	err := fmt.Errorf("cannot ship order %d: %w", number, errNoAddress)
	sentry.CaptureException(err)
	return err
}

func main() {
	err := sentry.Init(sentry.ClientOptions{
		Dsn: os.Getenv("SENTRY_DSN"), Release: "shop@1.4.2", Environment: "staging",
		BeforeSend: func(e *sentry.Event, _ *sentry.EventHint) *sentry.Event {
			fmt.Println("sent", e.EventID)
			return e
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	if mode == "load" {
		load()
	} else {
		sentry.ConfigureScope(func(s *sentry.Scope) {
			s.SetUser(sentry.User{ID: "42", Email: "jane@shop.example"})
			s.SetTag("plan", "business")
			s.AddBreadcrumb(&sentry.Breadcrumb{Category: "cart", Message: "opened the cart", Level: sentry.LevelInfo}, 100)
		})
		sentry.CaptureMessage("stock is low")
		if mode == "huge" { // more than an event may have
			sentry.CaptureMessage("huge " + strings.Repeat("x", 2<<20))
		}
		_ = shipOrder(7)
	}
	sentry.Flush(5 * time.Second)
}

func load() {
	end := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(end)
	}()
	for n := 0; ; n++ {
		select {
		case <-end:
			return
		case <-time.After(4 * time.Millisecond):
			sentry.CaptureMessage(fmt.Sprint("load ", n%7))
		}
	}
}

package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

const testKey = "unit-test-key-2f9d41"

// childVariable makes the test's file run the program instead of the tests.
const childVariable = "LOG_VIEWER_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){service: main})
}

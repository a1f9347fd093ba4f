// Command docs builds the documentation site: static files from the Markdown in
// docs/, the settings that the built services print, and the OpenAPI documents.
//
//	go run . ROOT BIN OUT
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: docs ROOT BIN OUT: the repository, the folder of the built services, where to write")
		os.Exit(2)
	}
	n, err := build(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d pages in %s; open %s/index.html\n", n, os.Args[3], os.Args[3])
}

// Command contract writes the OpenAPI document of the HTTP API into a file, and once
// more in version 3.0 into another, for generators that read no newer one.
//
//	contract FILE [FILE-3.0]
package main

import (
	"fmt"
	"os"

	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write() error {
	doc, older, err := httpapi.Contract()
	if err != nil {
		return err
	}
	if len(os.Args) > 2 {
		if err := os.WriteFile(os.Args[2], older, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(os.Args[1], doc, 0o644)
}

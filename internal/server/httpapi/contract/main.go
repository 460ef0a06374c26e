// Command contract writes the OpenAPI document of the HTTP API into a file.
//
//	contract FILE
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
	doc, _, err := httpapi.Contract()
	if err != nil {
		return err
	}
	return os.WriteFile(os.Args[1], doc, 0o644)
}

// Command lockstep keeps what runs in lockstep with what Git says.
package main

import (
	"os"

	"github.com/lockstep-dev/lockstep/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }

// Command figures prints eight numbers about the style of this repository. They
// are a report and fail nothing; see [repo.Figures].
package main

import (
	"fmt"
	"os"

	"github.com/lockstep-dev/lockstep/test/repo"
)

func main() {
	tree, err := repo.Load(os.DirFS("."))
	if err != nil {
		fmt.Fprintln(os.Stderr, "figures: run it from the root of the repository:", err)
		os.Exit(1)
	}
	repo.Measure(tree).Print(os.Stdout)
}

package demo

import (
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// slack is by how much a budget may be exceeded here: other packages are tested on
// the same machine at the same time.
const slack = 4

type stopwatches map[string]time.Time

// begin NAME starts a stopwatch.
func (s stopwatches) begin(_ *testscript.TestScript, _ bool, args []string) { s[args[0]] = time.Now() }

// within NAME BUDGET fails if more time has passed than that.
func (s stopwatches) within(ts *testscript.TestScript, _ bool, args []string) {
	budget, err := time.ParseDuration(args[1])
	ts.Check(err)
	took := time.Since(s[args[0]])
	ts.Logf("%s: %s of %s", args[0], took.Round(10*time.Millisecond), budget)
	if took > slack*budget {
		ts.Fatalf("%s since %q; the budget is %s, %d times that here", took, args[0], budget, slack)
	}
}

// await FILE waits until a file is there.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s is not there", args[0])
		}
	}
}

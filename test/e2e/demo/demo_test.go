// Package demo runs the demo as a newcomer would: start it, ship a commit, break
// something, go back, stop, go on, delete.
package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-dev/lockstep/internal/cli"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lockstep": func() { os.Exit(cli.Main(os.Args[1:])) },
	})
}

func TestDemo(t *testing.T) {
	binary := cluster.Binary(t)
	watches := stopwatches{}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("LOCKSTEP_DEVCLUSTER", binary)
			e.Setenv("KUBECONFIG", filepath.Join(e.WorkDir, "lockstep-demo", "kubeconfig"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, ".config"))
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, ".cache"))
			e.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"replace":    replace,
			"eventually": func(ts *testscript.TestScript, _ bool, args []string) { eventually(ts, args) },
			"await":      await,
			"stopwatch":  watches.begin,
			"within":     watches.within,
			"source":     source,
			"opens":      opens,
			"recorded":   recorded,
		},
	})
}

const patience = 30 * time.Second

// replace FILE OLD NEW edits a file as a person would.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	data, err := os.ReadFile(file)
	ts.Check(err)
	if !strings.Contains(string(data), args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(file, []byte(strings.ReplaceAll(string(data), args[1], args[2])), 0o644))
}

// eventually TEXT COMMAND… runs COMMAND until it prints TEXT.
func eventually(ts *testscript.TestScript, args []string) {
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		_ = ts.Exec(args[1], args[2:]...) // what it prints decides
		out := ts.ReadFile("stdout")
		if strings.Contains(out, args[0]) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%q is not printed by %s:\n%s", args[0], strings.Join(args[1:], " "), out)
		}
	}
}

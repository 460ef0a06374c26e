// Package engine holds the end-to-end scripts of the engine: a Git repository
// kept live on a real Kubernetes API, by the real binary.
//
// Each script in testdata is one promise of the documentation. The commands that
// they use beside those of testscript are described in README.md beside this
// file. All scripts share one cluster and one server, each has a namespace and
// repositories of its own.
package engine

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/world"
)

var update = flag.Bool("update", false, "rewrite the wanted output in the scripts")

func TestMain(m *testing.M) {
	// Scripts wait most of the time; more of them than there are cores go on at
	// once. A -parallel on the command line still wins.
	_ = flag.Set("test.parallel", "6") // the flag is always there
	cluster.Main(m)
}

func TestScripts(t *testing.T) {
	w := world.New(t)
	server := w.Serve(world.ServeOptions{Args: []string{"--render-timeout", "10s", "--exec-credential-commands", "print-token"}, Env: []string{"PATH=" + pluginDir(t) + ":" + os.Getenv("PATH")}})
	git := newGit(t)
	testscript.Run(t, testscript.Params{
		Dir:             "testdata",
		UpdateScripts:   *update,
		ContinueOnError: true,
		Setup: func(e *testscript.Env) error {
			s := newScene(t, e, w, server, git)
			e.Values[sceneKey{}] = s
			return nil
		},
		Cmds: commands,
	})
}

// pluginDir holds a credential plugin that prints the token it is given.
func pluginDir(t *testing.T) string {
	dir := t.TempDir()
	script := "#!/bin/sh\n" +
		`printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$TOKEN"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "print-token"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

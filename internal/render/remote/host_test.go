package remote

import (
	"testing"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

func testHost() *host {
	req, _ := core.Record(core.Request{Path: "a", Tree: memory.NewTree(map[string]string{
		"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": "x", "a/out": memory.Symlink("../../etc"), "b/y.yaml": "y",
	})})
	req.Namespaced = func(lockstep.GroupKind) (bool, bool) { return true, true }
	h := newHost(req, noFetch)
	h.Input(&worker.Peer{})
	return h
}

// TestFilesAreSentOnce sends what a worker has seen by hash alone, and everything
// anew to another one and after a while.
func TestFilesAreSentOnce(t *testing.T) {
	h := testHost()
	var one, other worker.Peer
	first, second, fresh := len(h.Input(&one)), len(h.Input(&one)), len(h.Input(&other))
	if second >= first || fresh != first {
		t.Errorf("%d bytes, then %d, and %d to another worker", first, second, fresh)
	}
	one.Known.(*known).size = keepBytes + 1
	if again := len(h.Input(&one)); again != first {
		t.Errorf("%d bytes when the worker forgets, %d the first time", again, first)
	}
}

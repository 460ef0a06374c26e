package history

import (
	"bytes"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/internal/cli/audit"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/internal/store/storetest"
	"github.com/lockstep-dev/lockstep/internal/store/witness"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

// TestWitness: what is cut off the end of a chain shows, also to a server that was
// started since, and removing what is old does not look like it.
func TestWitness(t *testing.T) {
	c := cluster.Start(t)
	ns, core, ctx := c.Namespace(t), c.Client(t).CoreV1(), t.Context()
	file := filepath.Join(t.TempDir(), "lockstep.db")
	s, other := opened(t, file), opened(t, filepath.Join(t.TempDir(), "lockstep.db"))
	w := witness.New(core, ns)
	now := time.Now()
	look := func(w *witness.Witness, s store.Store) store.Head {
		t.Helper()
		h, err := w.Look(ctx, s, now)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	add := func(s store.Store, at time.Time) store.Head {
		t.Helper()
		h, err := s.Append(ctx, storetest.Call(at, storetest.Shop, "because"))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	remembered := func(s store.Store) store.Head {
		t.Helper()
		chain, err := s.ChainName(ctx)
		if err != nil || len(chain) != 16 {
			t.Fatalf("the chain is %q, %v", chain, err)
		}
		h, err := witness.New(core, ns).Remembered(ctx, chain)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}

	look(w, s)
	if _, err := core.ConfigMaps(ns).Get(ctx, witness.ConfigMap, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("an empty chain is remembered: %v", err)
	}
	first := add(s, now.Add(-48*time.Hour))
	if got := look(w, s); got != first || remembered(s) != first {
		t.Errorf("%s and %s are remembered, want %s", got, remembered(s), first)
	}
	version := func() string {
		t.Helper()
		m, err := core.ConfigMaps(ns).Get(ctx, witness.ConfigMap, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return m.ResourceVersion
	}
	before := version()
	if look(w, s); version() != before {
		t.Error("nothing was appended, and something was written")
	}
	// Two chains do not know each other.
	if foreign := add(other, now); look(witness.New(core, ns), other) != foreign || remembered(other) != foreign || remembered(s) != first {
		t.Errorf("%s and %s are remembered", remembered(other), remembered(s))
	}
	// What is old is removed, and with it the entry that is remembered.
	add(s, now)
	if out, err := s.Retain(ctx, store.Policy{store.KindCall: time.Hour}, now); err != nil || out.Entries != 1 {
		t.Fatalf("%+v %v", out, err)
	}
	kept := look(witness.New(core, ns), s)
	if kept.Seq != 3 || remembered(s) != kept {
		t.Errorf("after retention %s is remembered", remembered(s))
	}

	raw, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, cut := range []string{`DELETE FROM entries WHERE seq > 2`, `UPDATE chain SET seq = 2, hash = (SELECT hash FROM entries WHERE seq = 2)`} {
		if _, err := raw.Exec(cut); err != nil {
			t.Fatal(err)
		}
	}
	tampered := func(when string) {
		t.Helper()
		for who, w := range map[string]*witness.Witness{"the same server": w, "one that was started since": witness.New(core, ns)} {
			if _, err := w.Look(ctx, s, now); !errors.Is(err, witness.ErrTampered) {
				t.Errorf("%s: %s says %v", when, who, err)
			}
		}
		if remembered(s) != kept {
			t.Errorf("%s: what is remembered became %s", when, remembered(s))
		}
	}
	tampered("cut off")
	out, err := verifyCommand(t, c.Kubeconfig, ns, file)
	if fault.KindOf(err) != fault.KindConflict || !strings.Contains(out, "its end was cut off") {
		t.Errorf("audit verify says %q, %v", out, err)
	}
	add(s, now)
	add(s, now)
	tampered("cut off and grown again")
	out, err = verifyCommand(t, c.Kubeconfig, ns, file)
	if fault.KindOf(err) != fault.KindConflict || !strings.Contains(out, "rewritten") {
		t.Errorf("audit verify says %q, %v", out, err)
	}

	body := []byte(`{"data":{"` + chainOf(t, s) + `":"99:beef"}}`)
	if _, err := core.ConfigMaps(ns).Patch(ctx, witness.ConfigMap, types.MergePatchType, body, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Look(ctx, s, now); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("a head that is none is taken: %v", err)
	}
}

func opened(t *testing.T, file string) *db.DB {
	t.Helper()
	s, err := db.Open(t.Context(), file, db.Migrated)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func chainOf(t testing.TB, s store.Store) string {
	t.Helper()
	name, err := s.ChainName(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// verifyCommand is lockstep audit verify, with a kubeconfig.
func verifyCommand(t *testing.T, kubeconfig, namespace, file string) (string, error) {
	t.Helper()
	e := env.New("test")
	var out, note bytes.Buffer
	e.IO.Out, e.IO.Err, e.Kubeconfig = &out, &note, kubeconfig
	cmd := audit.New(e)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{"verify", "--store", file, "--system-namespace", namespace})
	err := cmd.ExecuteContext(t.Context())
	return out.String() + note.String(), err
}

// remembers waits until the server has remembered something of its chain.
func (s *scene) remembers(d store.Store) store.Head {
	s.T.Helper()
	var h store.Head
	chain := chainOf(s.T, d)
	s.Eventually("the end is remembered", within, func() (bool, string) {
		var err error
		h, err = witness.New(s.Cluster.Client(s.T).CoreV1(), s.Namespace).Remembered(s.T.Context(), chain)
		return err == nil && h.Seq > 0, "nothing is remembered"
	})
	return h
}

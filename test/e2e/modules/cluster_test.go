package modules

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/world"
)

const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: none
  resources: {requests: {storage: 1Gi}}
`

// TestCluster: on a cluster, too, what may lose data waits for a person who names it,
// and what was said once counts once.
func TestCluster(t *testing.T) {
	w := world.New(t)
	repo, url := w.Repo("app")
	s := &scene{World: w, server: w.Serve(world.ServeOptions{})}
	push := func(files map[string]string) string {
		t.Helper()
		files["settings.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
		hash, err := repo.Commit("main", "change the app", files)
		if err != nil {
			t.Fatal(err)
		}
		if s.source != nil {
			w.Poke(s.source)
		}
		return hash
	}
	with := func() map[string]string { return map[string]string{"claim.yaml": claim} }
	first := push(with())
	s.source = w.Source("app", url)
	s.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "app"},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "app"}},
	})
	applied := func(commit string) {
		t.Helper()
		s.Eventually("applied", within, func() (bool, string) {
			x := s.stack("app")
			return x.Status.Revision == commit && x.Status.Plan == nil, x.Status.Revision
		})
	}
	there := func() bool {
		err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: "data"}, &corev1.PersistentVolumeClaim{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return err == nil
	}
	applied(first)

	gone := push(map[string]string{})
	p := s.held("app", "loss")
	name := "PersistentVolumeClaim/" + s.Namespace + "/data"
	if c := meta.FindStatusCondition(s.stack("app").Status.Conditions, v1alpha1.ConditionReady); !strings.Contains(c.Message, "--accept-loss "+name) || !there() {
		t.Errorf("it says %q, and the claim is there: %v", c.Message, there())
	}
	unit := s.Namespace + "/app"
	s.lockstep(0, "reject", unit, "--plan", p.Digest, "--reason", "ask ana first", "-o", "json")
	s.held("app", "rejected")
	moved := "sha256:" + strings.Repeat("0", 64)
	if out := s.lockstep(6, "approve", unit, "--plan", moved, "--reason", "nobody uses it", "--accept-loss", name); !strings.Contains(out, "moved") {
		t.Errorf("another digest is refused with %q", out)
	}
	s.lockstep(6, "approve", unit, "--plan", p.Digest, "--reason", "nobody uses it")
	out := s.lockstep(0, "approve", unit, "--plan", p.Digest, "--reason", "nobody uses it", "--accept-loss", name, "-o", "json")
	if !json.Valid([]byte(out)) || !strings.Contains(out, p.Digest) {
		t.Errorf("approve prints %q", out)
	}
	applied(gone)
	if n := len(s.stack("app").Status.Consumed); n != 1 {
		t.Errorf("%d approvals are used up", n)
	}
	s.Eventually("the claim goes", within, func() (bool, string) { return !there(), "it is there" })

	applied(push(with()))
	push(map[string]string{})
	if again := s.held("app", "loss"); again.Digest == p.Digest {
		s.Eventually("it counts once", within, func() (bool, string) {
			c := meta.FindStatusCondition(s.stack("app").Status.Conditions, v1alpha1.ConditionReady)
			return strings.Contains(c.Message, "was used already"), c.Message
		})
	}
	if !there() {
		t.Error("the approval opened a second plan")
	}
}

// lockstep runs a command straight to the cluster and returns what it printed; of one
// that ends well that is the output alone.
func (s *scene) lockstep(want int, args ...string) string {
	s.T.Helper()
	cmd := exec.Command(world.Binary(s.T), append(args, "--kubeconfig", s.Cluster.Kubeconfig)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the exit code says it
	if got := cmd.ProcessState.ExitCode(); got != want {
		s.T.Fatalf("lockstep %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, want, out.String(), errs.String())
	}
	if want == 0 {
		return out.String()
	}
	return out.String() + errs.String()
}

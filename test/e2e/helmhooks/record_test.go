package helmhooks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestReleaseRecord has the real Helm read what Lockstep wrote of its releases.
func TestReleaseRecord(t *testing.T) {
	w := world.New(t)
	w.Serve(world.ServeOptions{})
	repo, url := w.Repo("record")
	s := newOurSide(t, w, repo, url, "record")
	helm := helmReader(t, w, s.namespace)
	commit := func(template string) string {
		t.Helper()
		files := filesOf(template)
		files["templates/NOTES.txt"] = "Thanks for {{ .Values.colour }}.\n"
		files["values.yaml"] = "colour: grey\nsize: 1\n"
		hash, err := s.repo.Commit("main", "change", files)
		if err != nil {
			t.Fatal(err)
		}
		s.poke(t, &v1alpha1.Source{ObjectMeta: metav1.ObjectMeta{Namespace: s.stack.Namespace, Name: "shop"}}, v1alpha1.AnnotationReconcileAt)
		return hash
	}
	recorded := func(status string) {
		t.Helper()
		before := s.get(t).Status.HelmRecord
		t.Logf("the record before: %+v", before)
		s.await(t, func(x *v1alpha1.Stack) (bool, bool) {
			r := x.Status.HelmRecord
			return r != nil && r.Release == x.Status.Release && r.Status == status, true
		})
	}
	has := func(what, out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("helm %s does not say %q:\n%s", what, want, out)
			}
		}
	}

	first := commit(one + job("pre", "hook=pre-install,pre-upgrade", "weight=3"))
	create(t, w, &v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.stack.Namespace, Name: s.stack.Name},
		Spec: v1alpha1.StackSpec{
			Source: v1alpha1.StackSource{Name: "shop"},
			Helm:   &v1alpha1.HelmRender{ReleaseRecord: true, Values: jsonOf(`{"colour":"teal"}`)},
		},
	})
	if !s.await(t, released(first, 0)) {
		t.Fatalf("the install failed: %+v", s.get(t).Status)
	}
	recorded("deployed")
	second := commit(two + job("pre", "hook=pre-install,pre-upgrade", "weight=3"))
	if !s.await(t, released(second, 1)) {
		t.Fatalf("the upgrade failed: %+v", s.get(t).Status)
	}
	recorded("deployed")

	has("list", helm("list"), "shop", "\t2 ", "deployed", "shop-1.0.0")
	history := helm("history", "shop")
	has("history", history, "superseded", "Install complete: commit "+first[:12], "Upgrade complete: commit "+second[:12])
	if n := strings.Count(history, "deployed"); n != 1 {
		t.Errorf("%d records are deployed:\n%s", n, history)
	}
	has("get manifest", helm("get", "manifest", "shop"), "# Source: shop/templates/all.yaml", "name: x-main", "key: two")
	has("get manifest 1", helm("get", "manifest", "shop", "--revision", "1"), "key: one")
	has("get values", helm("get", "values", "shop"), "colour: teal")
	has("get values --all", helm("get", "values", "shop", "--all"), "colour: teal", "size: 1")
	has("get hooks", helm("get", "hooks", "shop"), "# Source: shop/templates/all.yaml", "name: x-pre")
	has("get notes", helm("get", "notes", "shop"), "Thanks for teal.")
	has("get metadata", helm("get", "metadata", "shop"), "REVISION: 2", "STATUS: deployed")
	has("status", helm("status", "shop"), "STATUS: deployed", "REVISION: 2")

	// Nothing is written again, and the records are nobody's to prune.
	before := records(t, w, s.namespace)
	s.poke(t, &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: s.stack.Namespace, Name: s.stack.Name}}, v1alpha1.AnnotationReconcileAt)
	s.took()
	after := records(t, w, s.namespace)
	if len(before) != 2 || len(after) != 2 || before[0].ResourceVersion != after[0].ResourceVersion || before[1].ResourceVersion != after[1].ResourceVersion {
		t.Errorf("a pass that changes nothing wrote records: %d before, %d after", len(before), len(after))
	}

	third := commit(one + bad("pre", "hook=pre-install,pre-upgrade"))
	if s.await(t, released(third, 2)) {
		t.Fatal("the release with a bad hook went well")
	}
	recorded("failed")
	history = helm("history", "shop")
	has("history", history, "failed", "Upgrade failed: ")
	if n := strings.Count(history, "deployed"); n != 1 {
		t.Errorf("after the failure %d records are deployed:\n%s", n, history)
	}

	if err := w.Client.Delete(t.Context(), &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: s.stack.Namespace, Name: s.stack.Name}}); err != nil {
		t.Fatal(err)
	}
	s.await(t, func(x *v1alpha1.Stack) (bool, bool) { return x == nil, true })
	if left := records(t, w, s.namespace); len(left) > 0 {
		t.Errorf("%d records are left", len(left))
	}
	if out := helm("list"); strings.Contains(out, "shop") {
		t.Errorf("helm still lists it:\n%s", out)
	}
}

func jsonOf(text string) *apiextensionsv1.JSON { return &apiextensionsv1.JSON{Raw: []byte(text)} }

func records(t *testing.T, w *world.World, namespace string) []corev1.Secret {
	t.Helper()
	list := &corev1.SecretList{}
	if err := w.Client.List(t.Context(), list, client.InNamespace(namespace), client.MatchingLabels{"owner": "helm"}); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// helmReader returns the real Helm for a namespace.
func helmReader(t *testing.T, w *world.World, namespace string) func(args ...string) string {
	t.Helper()
	bin, home := filepath.Join(t.TempDir(), "helm"), t.TempDir()
	if out, err := exec.Command("../../tools/build.sh", "helm", bin).CombinedOutput(); err != nil {
		t.Fatalf("building helm: %v\n%s", err, out)
	}
	return func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), bin, append(args, "--namespace", namespace)...)
		cmd.Env = append(os.Environ(), "HELM_CONFIG_HOME="+home, "HELM_CACHE_HOME="+home, "HELM_DATA_HOME="+home, "KUBECONFIG="+w.Cluster.Kubeconfig)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		t.Logf("helm %s\n%s", strings.Join(args, " "), out)
		return string(out)
	}
}

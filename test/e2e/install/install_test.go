// Package install tries what deploy/install puts on a cluster: the manifests as
// our own render gives them, and the server with no other permissions than they
// grant.
package install

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/world"
)

const (
	manifests = "../../../deploy/install"
	system    = "lockstep-system"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// setUp installs the kustomization on a fresh World's cluster. The Deployment is
// simulated there; what it would run is started by the tests.
func setUp(t *testing.T) *world.World {
	t.Helper()
	w := world.New(t)
	cmd := exec.Command(world.Binary(t), "render", manifests)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lockstep render %s: %v\n%s", manifests, err, stderr.String())
	}
	apply(t, w, string(out))
	return w
}

func apply(t *testing.T, w *world.World, docs string) {
	t.Helper()
	for _, u := range parse(t, docs) {
		err := w.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("install"), client.ForceOwnership)
		if err != nil {
			t.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
		}
	}
}

// remove deletes what apply made, also after the test's own time.
func remove(t *testing.T, w *world.World, docs string) {
	t.Helper()
	for _, u := range parse(t, docs) {
		if err := w.Client.Delete(context.Background(), u); err != nil {
			t.Errorf("%s %s: %v", u.GetKind(), u.GetName(), err)
		}
	}
}

func parse(t *testing.T, docs string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for doc := range strings.SplitSeq(docs, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatalf("%v in:\n%s", err, doc)
		}
		if len(u.Object) > 0 {
			out = append(out, u)
		}
	}
	return out
}

// read returns a file that lies beside the kustomization and is no part of it.
func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(manifests, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// token returns a token of the service account that the Deployment runs as.
func token(t *testing.T, w *world.World) string {
	t.Helper()
	cmd := exec.Command(w.Cluster.Binary, "token", "--dir", w.Cluster.Dir, system+"/lockstep")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return strings.TrimSpace(string(out))
}

// kubeconfig returns a file with that token and nothing else.
func kubeconfig(t *testing.T, w *world.World) string {
	t.Helper()
	admin := w.Cluster.Config(t)
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters["a"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: authority(t, w)}
	cfg.AuthInfos["a"] = &clientcmdapi.AuthInfo{Token: token(t, w)}
	cfg.Contexts["a"] = &clientcmdapi.Context{Cluster: "a", AuthInfo: "a"}
	cfg.CurrentContext = "a"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*cfg, file); err != nil {
		t.Fatal(err)
	}
	return file
}

func authority(t *testing.T, w *world.World) []byte {
	t.Helper()
	cfg := w.Cluster.Config(t)
	if len(cfg.CAData) > 0 {
		return cfg.CAData
	}
	raw, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestManifests holds that the API takes everything, pod security included.
func TestManifests(t *testing.T) {
	w := setUp(t)
	w.Eventually("the Deployment is available", 30*time.Second, func() (bool, string) {
		d := &appsv1.Deployment{}
		if err := w.Client.Get(t.Context(), client.ObjectKey{Namespace: system, Name: "lockstep"}, d); err != nil {
			return false, err.Error()
		}
		return d.Status.AvailableReplicas == 2, fmt.Sprintf("%+v", d.Status)
	})
	w.Eventually("the Service finds its pod", 30*time.Second, func() (bool, string) {
		svc, pods := &corev1.Service{}, &corev1.PodList{}
		if err := w.Client.Get(t.Context(), client.ObjectKey{Namespace: system, Name: "lockstep"}, svc); err != nil {
			return false, err.Error()
		}
		if err := w.Client.List(t.Context(), pods, client.InNamespace(system), client.MatchingLabels(svc.Spec.Selector)); err != nil {
			return false, err.Error()
		}
		return len(pods.Items) == 2, fmt.Sprintf("%d pods", len(pods.Items))
	})
}

// TestRolesAreNarrow holds what must never slip in: with any of these the server
// could do everything, whatever the rest says.
func TestRolesAreNarrow(t *testing.T) {
	w := setUp(t)
	roles := &rbacv1.ClusterRoleList{}
	if err := w.Client.List(t.Context(), roles, client.MatchingLabels{"app.kubernetes.io/name": "lockstep"}); err != nil {
		t.Fatal(err)
	}
	// Three of the server, and five for people, which nobody has yet.
	if len(roles.Items) != 8 {
		t.Fatalf("%d cluster roles, want 8", len(roles.Items))
	}
	bindings := &rbacv1.ClusterRoleBindingList{}
	if err := w.Client.List(t.Context(), bindings, client.MatchingLabels{"app.kubernetes.io/name": "lockstep"}); err != nil {
		t.Fatal(err)
	}
	bound := map[string]bool{}
	for _, b := range bindings.Items {
		bound[b.RoleRef.Name] = true
	}
	for _, role := range roles.Items {
		if !bound[role.Name] {
			continue
		}
		for _, rule := range role.Rules {
			for _, verb := range rule.Verbs {
				if rule.Resources[0] == "*" && !readOnly[verb] || dangerous[verb] {
					t.Errorf("%s grants %q on %v for the whole cluster", role.Name, verb, rule.Resources)
				}
			}
		}
	}
}

var (
	readOnly  = map[string]bool{"get": true, "list": true, "watch": true}
	dangerous = map[string]bool{"*": true, "impersonate": true, "bind": true, "escalate": true}
)

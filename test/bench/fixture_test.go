package bench

import (
	"fmt"
	"math/rand"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

func app(i int) string { return fmt.Sprintf("app-%05d", i) }

// filler is 1.9 KB of text that compresses badly, different for each object and
// the same in every run.
func filler(i int) string {
	r := rand.New(rand.NewSource(int64(i)))
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 1900)
	for j := range b {
		b[j] = letters[r.Intn(len(letters))]
	}
	return string(b)
}

// configMap is one Stack's only object, as it stands in Git.
func configMap(i int, rev string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata:
  name: %[1]s
  labels:
    app: %[1]s
    tier: bench
data:
  app: %[1]s
  rev: %[2]q
  text: %[3]s
`, app(i), rev, filler(i))
}

// files is the repository's content for n Stacks at one revision.
func files(n int, rev string) map[string]string {
	out := make(map[string]string, n)
	for i := range n {
		out["apps/"+app(i)+"/configmap.yaml"] = configMap(i, rev)
	}
	return out
}

func newStack(namespace string, i int) *v1alpha1.Stack {
	return &v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app(i)},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "bench", Path: "apps/" + app(i)}},
	}
}

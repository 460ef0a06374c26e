package bench

import (
	"fmt"
	"math/rand"
	"strings"
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

// object is one file of a Stack's directory, and where the API has it.
type object struct{ file, yaml, api, resource, name string }

// shape makes the objects of the i-th Stack.
type shape func(i int, rev string) []object

// cm is one ConfigMap.
func cm(i int, rev string) []object {
	return []object{{"configmap.yaml", configMap(i, rev), "/api/v1", "configmaps", app(i)}}
}

// five is what a small application is made of; no pods are asked for, so that
// what is measured is the deploying.
func five(i int, rev string) []object {
	in := func(text string) string {
		return strings.ReplaceAll(strings.ReplaceAll(text, "NAME", app(i)), "REV", rev)
	}
	return []object{
		{"account.yaml", in(account), "/api/v1", "serviceaccounts", app(i)},
		cm(i, rev)[0],
		{"service.yaml", in(service), "/api/v1", "services", app(i)},
		{"deployment.yaml", in(deployment), "/apis/apps/v1", "deployments", app(i)},
		{"ingress.yaml", in(ingress), "/apis/networking.k8s.io/v1", "ingresses", app(i)},
	}
}

const (
	account = `apiVersion: v1
kind: ServiceAccount
metadata: {name: NAME, labels: {app: NAME, tier: bench}}
`
	service = `apiVersion: v1
kind: Service
metadata: {name: NAME, labels: {app: NAME, tier: bench}}
spec:
  selector: {app: NAME}
  ports:
  - {name: http, port: 80, targetPort: http}
  - {name: metrics, port: 9797, targetPort: metrics}
`
	deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {app: NAME, tier: bench}}
spec:
  replicas: 0
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      serviceAccountName: NAME
      containers:
      - name: app
        image: ghcr.io/stefanprodan/podinfo:6.7.0
        ports:
        - {name: http, containerPort: 9898}
        - {name: metrics, containerPort: 9797}
        env:
        - {name: REVISION, value: "REV"}
        - {name: COLOUR, value: "#34577c"}
        readinessProbe: {httpGet: {path: /readyz, port: http}, initialDelaySeconds: 5}
        livenessProbe: {httpGet: {path: /healthz, port: http}, initialDelaySeconds: 5}
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
`
	ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME, labels: {app: NAME, tier: bench}}
spec:
  rules:
  - host: NAME.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: NAME, port: {name: http}}}}]}
`
)

// files is the repository's content for n Stacks at one revision.
func files(s shape, n int, rev string) map[string]string {
	out := make(map[string]string, n)
	for i := range n {
		for _, o := range s(i, rev) {
			out["apps/"+app(i)+"/"+o.file] = o.yaml
		}
	}
	return out
}

func newStack(namespace string, i int) *v1alpha1.Stack {
	return &v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app(i)},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "bench", Path: "apps/" + app(i)}},
	}
}

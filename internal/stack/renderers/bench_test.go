package renderers

import (
	"context"
	"fmt"
	"testing"

	corerender "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

func benchTree() lockstep.Tree {
	files := map[string]string{
		"base/kustomization.yaml":    "resources: [deploy.yaml, service.yaml, config.yaml]\n",
		"base/config.yaml":           cm("settings"),
		"base/service.yaml":          "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n",
		"base/deploy.yaml":           "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: nginx}]}\n",
		"overlay/kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\nimages: [{name: nginx, newTag: '1.29'}]\npatches: [{path: replicas.yaml}]\n",
		"overlay/replicas.yaml":      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 5}\n",
		"chart/Chart.yaml":           chartYAML, "chart/values.yaml": "replicas: 2\n",
		"chart/templates/_h.tpl": "{{ define \"l\" }}app: {{ .Release.Name }}{{ end }}",
	}
	for i := range 6 {
		files[fmt.Sprintf("chart/templates/c%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%d\n  labels: { {{ include \"l\" . }} }\ndata: {a: {{ .Values.x | quote }}}\n", i)
	}
	return memory.NewTree(files)
}

func BenchmarkRender(b *testing.B) {
	tree := benchTree()
	r := all(b, worker.Limits{})
	for _, p := range []string{"base", "overlay", "chart"} {
		req := corerender.Request{Path: p, Tree: tree, Release: "web", Namespace: "web"}
		n := 0
		render := func(b *testing.B, f func(context.Context, corerender.Request) (corerender.Result, error)) {
			for b.Loop() {
				n++
				recorded, _ := corerender.Record(req)
				if p == "chart" {
					recorded.Helm = &corerender.HelmSpec{Values: fmt.Appendf(nil, "x: v%d", n)}
				}
				if _, err := f(context.Background(), recorded); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(p+"/here", func(b *testing.B) { render(b, inProcess.Render) })
		b.Run(p+"/worker", func(b *testing.B) { render(b, r.Render) })
	}
}

// BenchmarkCold is the first render of a process, with a worker of its own.
func BenchmarkCold(b *testing.B) {
	tree := benchTree()
	for _, p := range []string{"overlay", "chart"} {
		b.Run(p, func(b *testing.B) {
			for b.Loop() {
				r := all(b, worker.Limits{})
				if _, err := r.Render(context.Background(), corerender.Request{Path: p, Tree: tree, Release: "web"}); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}

package helm

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/core/render"
)

// BenchmarkRender is a render of a chart that was seen before with values that
// were not, which is what a change of a values file costs.
func BenchmarkRender(b *testing.B) {
	small := map[string]string{"app/Chart.yaml": chartYAML, "app/templates/x.yaml": configMap(".Values.x")}
	large := map[string]string{"app/Chart.yaml": chartYAML, "app/values.yaml": "labels: {a: b}\nports: [80, 443]\n",
		"app/templates/_h.tpl": "{{ define \"labels\" }}\n{{- range $k, $v := .Values.labels }}\n    {{ $k }}: {{ $v | quote }}\n{{- end }}{{ end }}"}
	one := "apiVersion: v1\nkind: Service\nmetadata:\n  name: s%d-%d\n  labels: {{- include \"labels\" . }}\nspec:\n  # " + strings.Repeat("x", 400) + "\n  ports:\n  {{- range .Values.ports }}\n  - {port: {{ . }}, name: \"p{{ . }}\"}\n  {{- end }}\n---\n"
	for f := range 20 { // 20 files of 2 KB
		text := ""
		for d := range 3 {
			text += fmt.Sprintf(one, f, d)
		}
		large[fmt.Sprintf("app/templates/s%d.yaml", f)] = text
	}
	for name, files := range map[string]map[string]string{"small": small, "40KB": large} {
		b.Run(name, func(b *testing.B) {
			r := New()
			req := request(files, render.HelmSpec{})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				req.Helm.Values = fmt.Appendf(nil, "x: %d\n", i)
				if _, err := r.Render(context.Background(), req, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

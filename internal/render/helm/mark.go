package helm

import (
	"context"
	"path"
	"strconv"
	"strings"
	"text/template"

	chart "helm.sh/helm/v4/pkg/chart/v2"

	progress "github.com/lockstep-dev/lockstep/internal/render"
)

// markFunction is called at the beginning of each template.
const markFunction = "lockstepRendering"

// mark has every template of c that the engine runs say so first: the engine does
// not tell which one it is at, and a render that has to be killed cannot be asked.
// The call writes nothing and is on the template's first line, so that neither
// output nor line numbers change.
func (a *assembler) mark(c *chart.Chart) {
	for _, t := range c.Templates {
		if strings.HasPrefix(path.Base(t.Name), "_") {
			continue // is only included
		}
		call := "{{" + markFunction + " " + strconv.Quote(a.origins[t]) + "}}"
		t.Data = append([]byte(call), t.Data...)
	}
	for _, sub := range c.Dependencies() {
		a.mark(sub)
	}
}

// functions are those that differ from Helm's.
func functions(ctx context.Context) template.FuncMap {
	all := limits(ctx)
	all[markFunction] = func(origin string) string {
		progress.Doing(ctx, "the template", origin)
		return ""
	}
	return all
}

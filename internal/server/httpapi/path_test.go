package httpapi

import (
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// TestPathParameters holds that what a path names reaches the operation: one that
// does not would act on nothing in particular, which is everything.
func TestPathParameters(t *testing.T) {
	inBraces := regexp.MustCompile(`\{([a-zA-Z]+)(\.\.\.)?\}`)
	for path, item := range register(http.NewServeMux(), &Deps{}).OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, m := range inBraces.FindAllStringSubmatch(path, -1) {
				if !slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "path" && p.Name == m[1] }) {
					t.Errorf("%s does not get {%s} of %s: does its input embed a type that is not exported?", op.OperationID, m[1], path)
				}
			}
		}
	}
}

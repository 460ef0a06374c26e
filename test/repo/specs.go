package repo

import (
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

const (
	conditionsFile = "api/v1alpha1/conditions.go"
	whyFields      = "a field that is on no page is found by reading the code, which is what pages are there to spare"
	whyReasons     = "people look up the reason that kubectl shows them"
)

// Specs wants the page of each kind, docs/spec/<kind>.md, to have a row for every
// field of its definition with the field's default in it, and for every reason
// that can stand in its Ready condition; and no row for what does not exist.
func Specs(t *Tree) []Problem {
	faults := slices.DeleteFunc(slices.Collect(maps.Keys(kinds())), func(reason string) bool {
		// Usage is said by the command line alone, the others by the HTTP API.
		spoken := []fault.Kind{fault.KindUsage, fault.KindUnauthenticated, fault.KindTooMany, fault.KindTooLarge}
		return slices.ContainsFunc(spoken, func(k fault.Kind) bool { return reason == k.String() })
	})
	slices.Sort(faults)
	return specs(t, faults)
}

func specs(t *Tree, faults []string) []Problem {
	var out []Problem
	own := reasonConstants(t)
	explained := map[string]bool{}
	for _, file := range t.Paths(".yaml") {
		if path.Dir(file) != "deploy/crds" {
			continue
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(t.Text[file], crd); err != nil {
			out = append(out, Problem{file, "is no definition: " + err.Error(), whyFields})
			continue
		}
		page := "docs/spec/" + crd.Spec.Names.Singular + ".md"
		text, ok := t.Text[page]
		if !ok {
			out = append(out, Problem{page, "does not exist", whyFields})
			continue
		}
		out = append(out, fieldProblems(page, string(text), fieldsOf(crd))...)
		reasons := rowsOf(section(string(text), "conditions"))
		for r := range reasons {
			explained[r] = true
		}
		out = append(out, reasonProblems(page, reasons, faults, own)...)
	}
	for _, r := range own {
		if !explained[r] {
			out = append(out, Problem{conditionsFile, fmt.Sprintf("has the reason %s, which no page under docs/spec explains", r), whyReasons})
		}
	}
	return out
}

func fieldProblems(page, text string, fields map[string]string) []Problem {
	var out []Problem
	rows := rowsOf(text)
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		row, ok := rows[f]
		if !ok {
			out = append(out, Problem{page, fmt.Sprintf("has no row for the field %s", f), whyFields})
			continue
		}
		if d := fields[f]; d != "" && !strings.Contains(row, "`"+d+"`") {
			out = append(out, Problem{page, fmt.Sprintf("does not say that the default of %s is %s", f, d), whyFields})
		}
	}
	for _, f := range slices.Sorted(maps.Keys(rows)) {
		if _, ok := fields[f]; !ok && (strings.HasPrefix(f, "spec.") || strings.HasPrefix(f, "status.")) {
			out = append(out, Problem{page, fmt.Sprintf("has a row for %s, which does not exist", f), whyFields})
		}
	}
	return out
}

func reasonProblems(page string, said map[string]string, faults, own []string) []Problem {
	var out []Problem
	for _, r := range faults {
		if _, ok := said[r]; !ok {
			out = append(out, Problem{page, fmt.Sprintf("does not explain the reason %s", r), whyReasons})
		}
	}
	for _, r := range slices.Sorted(maps.Keys(said)) {
		if !slices.Contains(faults, r) && !slices.Contains(own, r) {
			out = append(out, Problem{page, fmt.Sprintf("explains the reason %s, which does not exist", r), whyReasons})
		}
	}
	return out
}

var (
	tableRow = regexp.MustCompile("(?m)^\\| *(`[^|]*?) *\\|(.*)$")
	coded    = regexp.MustCompile("`([^`]+)`")
)

// rowsOf returns the rest of each table row by what its first cell has in code;
// a row may be about several things.
func rowsOf(text string) map[string]string {
	out := map[string]string{}
	for _, row := range tableRow.FindAllStringSubmatch(text, -1) {
		for _, name := range coded.FindAllStringSubmatch(row[1], -1) {
			out[name[1]] = row[2]
		}
	}
	return out
}

// section returns what stands below a heading of the second level, up to the
// next, without its tables of other headings.
func section(text, slug string) string {
	for part := range strings.SplitSeq("\n"+text, "\n## ") {
		title, body, _ := strings.Cut(part, "\n")
		if strings.EqualFold(strings.TrimSpace(title), slug) {
			return body
		}
	}
	return ""
}

// fieldsOf returns the default ("" for none) of every field of spec and status.
func fieldsOf(crd *apiextensionsv1.CustomResourceDefinition) map[string]string {
	out := map[string]string{}
	for _, v := range crd.Spec.Versions {
		if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
			continue
		}
		for _, part := range []string{"spec", "status"} {
			walkFields(v.Schema.OpenAPIV3Schema.Properties[part], part, out)
		}
	}
	return out
}

func walkFields(s apiextensionsv1.JSONSchemaProps, at string, out map[string]string) {
	for name, p := range s.Properties {
		field := at + "." + name
		out[field] = defaultOf(p)
		if name == "conditions" {
			continue // every kind of every project has the same
		}
		walkFields(p, field, out)
		if p.Items != nil && p.Items.Schema != nil {
			walkFields(*p.Items.Schema, field+"[]", out)
		}
	}
}

// defaultOf returns a scalar default as people write it.
func defaultOf(p apiextensionsv1.JSONSchemaProps) string {
	if p.Default == nil || p.Type == "object" {
		return ""
	}
	return strings.Trim(string(p.Default.Raw), `"`)
}

// reasonConstants returns the values of the constants Reason… beside the
// conditions.
func reasonConstants(t *Tree) []string {
	var out []string
	for _, f := range t.Go {
		if f.Path != conditionsFile {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Names) != 1 || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Reason") {
				return true
			}
			if lit, ok := v.Values[0].(*ast.BasicLit); ok {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					out = append(out, s)
				}
			}
			return true
		})
	}
	return out
}

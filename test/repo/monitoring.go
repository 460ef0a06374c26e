package repo

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// monitoring is where dashboards and alerts are.
const monitoring = "deploy/monitoring"

// panels are the types of panels that today's Grafana has. graph, singlestat and
// table-old are gone from it, and a dashboard that uses them comes up empty.
var panels = []string{"row", "stat", "timeseries", "table", "state-timeline", "gauge", "bargauge", "heatmap", "text"}

// dashboard is what is checked of one.
type dashboard struct {
	UID           string `json:"uid"`
	Title         string `json:"title"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	} `json:"templating"`
	Panels []struct {
		ID          int `json:"id"`
		Type, Title string
		Description string
		Datasource  struct{ UID string } `json:"datasource"`
		Targets     []struct {
			Expr       string
			Datasource struct{ UID string } `json:"datasource"`
		}
	} `json:"panels"`
}

// Dashboards wants each to load in any Grafana, to be found again after an
// upgrade, and to ask for metrics that there are.
func Dashboards(t *Tree) []Problem {
	const why = "a dashboard that shows nothing is found out in the night in which it is needed"
	known := metrics(t)
	var out []Problem
	for _, p := range t.Paths(".json") {
		if path.Dir(p) != monitoring+"/dashboards" {
			continue
		}
		bad := func(format string, args ...any) { out = append(out, Problem{p, fmt.Sprintf(format, args...), why}) }
		var d dashboard
		if err := json.Unmarshal(t.Text[p], &d); err != nil {
			bad("is not JSON: %v", err)
			continue
		}
		if d.UID+".json" != path.Base(p) || d.Title == "" || d.SchemaVersion < 36 {
			bad("has uid %q, title %q and schema %d; the uid is the file's name, so that links keep leading to it", d.UID, d.Title, d.SchemaVersion)
		}
		if len(d.Templating.List) == 0 || d.Templating.List[0].Name != "datasource" || d.Templating.List[0].Type != "datasource" {
			bad("does not begin with the variable datasource: everybody's Prometheus has another name")
		}
		for _, v := range d.Templating.List {
			out = append(out, unknown(p, v.Definition, known)...)
		}
		ids := map[int]bool{}
		for _, panel := range d.Panels {
			if !slices.Contains(panels, panel.Type) {
				bad("panel %q is a %s, which Grafana has no more", panel.Title, panel.Type)
			}
			if ids[panel.ID] || panel.Title == "" {
				bad("panel %q has an id that another has, or no title", panel.Title)
			}
			ids[panel.ID] = true
			if panel.Type != "row" && (panel.Description == "" || len(panel.Targets) == 0 || panel.Datasource.UID != "${datasource}") {
				bad("panel %q lacks a description, a query or the variable datasource", panel.Title)
			}
			for _, q := range panel.Targets {
				if q.Datasource.UID != "${datasource}" {
					bad("a query of panel %q is bound to %q", panel.Title, q.Datasource.UID)
				}
				out = append(out, unknown(p, q.Expr, known)...)
			}
		}
	}
	return out
}

// ruleFile is a file of Prometheus' rules.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Record, Alert, Expr, For string
			Labels, Annotations      map[string]string
		}
	}
}

// Alerts wants each alert to be about metrics that there are, to say how bad it
// is and where to read on, to be tested, and to be the same for the operator.
func Alerts(t *Tree) []Problem {
	const file, page = monitoring + "/rules.yaml", "docs/guides/troubleshooting.md"
	if t.Text[file] == nil {
		return nil
	}
	var rules ruleFile
	if err := yaml.Unmarshal(t.Text[file], &rules); err != nil {
		return []Problem{{file, "cannot be read: " + err.Error(), "Prometheus would not start with it"}}
	}
	var out []Problem
	bad := func(why, format string, args ...any) {
		out = append(out, Problem{file, fmt.Sprintf(format, args...), why})
	}
	known := metrics(t)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				known[r.Record] = true
			}
		}
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			out = append(out, unknown(file, r.Expr, known)...)
			if r.Alert == "" {
				continue
			}
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.For == "" {
				bad("who is woken must know how bad it is and what it is about", "alert %s lacks a severity, a summary, a description or a time", r.Alert)
			}
			_, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "/"+page+"#")
			if !slices.Contains(slugs(t.Text[page]), anchor) || anchor != strings.ToLower(r.Alert) {
				bad("who is woken must find what to do", "alert %s leads to %q, and %s has no such heading", r.Alert, r.Annotations["runbook_url"], page)
			}
			if !strings.Contains(string(t.Text[monitoring+"/rules_test.yaml"]), "alertname: "+r.Alert+"\n") {
				bad("an alert that never fires is noticed too late", "alert %s is not tested in rules_test.yaml", r.Alert)
			}
		}
	}
	var plain, wrapped struct{ Groups any }
	var operator struct{ Spec struct{ Groups any } }
	err := yaml.Unmarshal(t.Text[monitoring+"/prometheusrule.yaml"], &operator)
	_ = yaml.Unmarshal(t.Text[file], &plain) // read above
	wrapped.Groups = operator.Spec.Groups
	if err != nil || !reflect.DeepEqual(plain, wrapped) {
		bad("who uses the operator would have other alerts than are tested", "prometheusrule.yaml does not have the groups of rules.yaml")
	}
	return out
}

var inQuery = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// libraries are metrics of libraries that dashboards use.
var libraries = []string{"process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds", "go_goroutines", "go_memstats_heap_inuse_bytes"}

// unknown lists what a query asks for and nobody registers.
func unknown(where, query string, known map[string]bool) []Problem {
	var out []Problem
	for _, name := range inQuery.FindAllString(query, -1) {
		if !strings.HasPrefix(name, "lockstep") && !strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "go_") {
			continue
		}
		base := name
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			base = strings.TrimSuffix(base, suffix)
		}
		if !known[name] && !known[base] && !slices.Contains(libraries, name) {
			out = append(out, Problem{where, "asks for the metric " + name + ", which nobody registers", "a query that can never match says that all is well"})
		}
	}
	return out
}

// metrics are the names of metrics that the product's code has.
func metrics(t *Tree) map[string]bool {
	out := map[string]bool{}
	for _, f := range t.Written() {
		if supportsTests(f.Dir) || within(f.Dir, "test") {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if name, err := strconv.Unquote(lit.Value); err == nil && metricName.MatchString(name) {
				out[name] = true
			}
			return true
		})
	}
	return out
}

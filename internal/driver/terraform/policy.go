package terraform

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// What runs commands of the configuration's choosing on the machine of the tool, by
// type of resource, data source or action. Any provider may do so; these are made for
// it. This is a policy, not a sandbox.
var runners = []string{"external", "local_command", "shell_script", "shell_sensitive_script", "shell_script_resource", "command", "terracurl_request", "ansible_playbook"}

// readers are functions that read files of the machine.
var readers = []string{"file", "filebase64", "filebase64sha256", "filebase64sha512", "filemd5", "filesha1", "filesha256", "filesha512", "fileexists", "fileset", "templatefile"}

// elsewhere are provisioners that act on another machine.
var elsewhere = []string{"remote-exec", "file"}

func (r *reading) problem(line int, what string) {
	r.problems = append(r.problems, problem{r.place(line), what})
}

// resource is one thing that a provider looks after.
func (r *reading) resource(b *hclsyntax.Block) {
	kind := label(b, 0)
	prefix, _, _ := strings.Cut(kind, "_")
	provider := ""
	if a := b.Body.Attributes["provider"]; a != nil {
		provider = r.text(a.Expr)
	}
	r.fact("uses", prefix, provider)
	if slices.Contains(runners, kind) {
		r.problem(b.TypeRange.Start.Line, fmt.Sprintf("%s %q runs a command", b.Type, kind))
	}
	if b.Type == "data" && (kind == "local_file" || kind == "local_sensitive_file") {
		if a := b.Body.Attributes["filename"]; a != nil {
			r.outside(a.Expr, a.SrcRange.Start.Line, "data "+`"`+kind+`"`)
		}
	}
	r.provisioners(b.Body)
}

func (r *reading) provisioners(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		if b.Type != "provisioner" {
			continue
		}
		if kind := label(b, 0); !slices.Contains(elsewhere, kind) {
			r.problem(b.TypeRange.Start.Line, fmt.Sprintf("provisioner %q runs a command", kind))
		}
		if a := b.Body.Attributes["source"]; a != nil {
			r.outside(a.Expr, a.SrcRange.Start.Line, `provisioner "file"`)
		}
	}
}

// noExec finds how providers are told to get their credentials from a command.
func (r *reading) noExec(body *hclsyntax.Body, in string) {
	for _, b := range body.Blocks {
		if b.Type == "exec" || b.Type == "dynamic" && label(b, 0) == "exec" {
			r.problem(b.TypeRange.Start.Line, "exec in a "+in+" block runs a command")
		}
		r.noExec(b.Body, in)
	}
	for name, a := range body.Attributes {
		if name == "exec" || name == "credential_process" {
			r.problem(a.SrcRange.Start.Line, name+" in a "+in+" block runs a command")
		}
		_ = hclsyntax.VisitAll(a.Expr, func(n hclsyntax.Node) hcl.Diagnostics {
			if o, ok := n.(*hclsyntax.ObjectConsExpr); ok {
				for _, item := range o.Items {
					if hcl.ExprAsKeyword(item.KeyExpr) == "exec" {
						r.problem(item.KeyExpr.Range().Start.Line, "exec in a "+in+" block runs a command")
					}
				}
			}
			return nil
		})
	}
}

// functions finds functions that read files outside of the source.
func (r *reading) functions(body *hclsyntax.Body) {
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok || len(call.Args) == 0 || !slices.Contains(readers, strings.TrimPrefix(call.Name, "core::")) {
			return nil
		}
		r.outside(call.Args[0], call.NameRange.Start.Line, call.Name+"()")
		return nil
	})
}

// outside notes an expression for a path that, as far as it is said, leads out of the
// source.
func (r *reading) outside(e hclsyntax.Expression, line int, who string) {
	said := r.written(e)
	if strings.HasPrefix(said, "/") || strings.HasPrefix(said, "~") || climbs(r.dir, said) {
		r.problem(line, who+" reads "+fmt.Sprintf("%q", said)+", which is not in the source")
	}
}

// unsaid stands for what only running the tool tells.
const unsaid = "\x00"

// written is the path that an expression says, with the module's own directory left
// out, as far as it can be told by reading.
func (r *reading) written(e hclsyntax.Expression) string {
	if s := constantText(e); s != "" {
		return s
	}
	switch e := e.(type) {
	case *hclsyntax.TemplateWrapExpr:
		return r.written(e.Wrapped)
	case *hclsyntax.ParenthesesExpr:
		return r.written(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		switch r.text(e) {
		case "path.module", "path.root", "path.cwd":
			return "."
		}
	case *hclsyntax.TemplateExpr:
		var b strings.Builder
		for _, p := range e.Parts {
			b.WriteString(r.written(p))
		}
		return b.String()
	}
	return unsaid
}

func climbs(dir, said string) bool {
	before, _, _ := strings.Cut(said, unsaid)
	full := path.Join(dir, before)
	return full == ".." || strings.HasPrefix(full, "../")
}

// policyJSON is the same for JSON syntax.
func (r *reading) policyJSON(root map[string]any) {
	for _, kind := range []string{"resource", "data", "ephemeral", "action"} {
		labelled(root[kind], 2, func(l []string, body map[string]any) {
			if slices.Contains(runners, l[0]) {
				r.problem(r.line(l[0]), fmt.Sprintf("%s %q runs a command", kind, l[0]))
			}
			labelled(body["provisioner"], 1, func(p []string, _ map[string]any) {
				if !slices.Contains(elsewhere, p[0]) {
					r.problem(r.line(p[0]), fmt.Sprintf("provisioner %q runs a command", p[0]))
				}
			})
		})
	}
	labelled(root["removed"], 0, func(_ []string, body map[string]any) {
		labelled(body["provisioner"], 1, func(p []string, _ map[string]any) {
			if !slices.Contains(elsewhere, p[0]) {
				r.problem(r.line(p[0]), fmt.Sprintf("provisioner %q runs a command", p[0]))
			}
		})
	})
	labelled(root["check"], 1, func(_ []string, body map[string]any) {
		labelled(body["data"], 2, func(l []string, _ map[string]any) {
			if slices.Contains(runners, l[0]) {
				r.problem(r.line(l[0]), fmt.Sprintf("data %q runs a command", l[0]))
			}
		})
	})
	labelled(root["provider"], 1, func(l []string, body map[string]any) {
		if mentions(body, "exec") || mentions(body, "credential_process") {
			r.problem(r.line("exec"), "exec in a provider block runs a command")
		}
	})
	labelled(root["terraform"], 0, func(_ []string, body map[string]any) {
		labelled(body["encryption"], 0, func(_ []string, e map[string]any) {
			for _, kind := range []string{"key_provider", "method"} {
				labelled(e[kind], 2, func(l []string, _ map[string]any) {
					if l[0] == "external" {
						r.problem(r.line("external"), kind+` "external" runs a command`)
					}
				})
			}
		})
	})
	r.templates(root)
}

// mentions says whether a key is anywhere in a value.
func mentions(v any, key string) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, below := range v {
			if k == key || mentions(below, key) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return mentions(e, key) })
	}
	return false
}

// templates reads the texts of JSON syntax, which are templates.
func (r *reading) templates(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, below := range v {
			r.templates(below)
		}
	case []any:
		for _, below := range v {
			r.templates(below)
		}
	case string:
		if !strings.Contains(v, "${") && !strings.Contains(v, "%{") {
			return
		}
		e, diags := hclsyntax.ParseTemplate([]byte(v), r.file, hcl.InitialPos)
		if diags.HasErrors() {
			return // the tool says so
		}
		inner := &reading{configuration: r.configuration, file: r.file, dir: r.dir, src: []byte(v)}
		line := r.line(v)
		_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
			call, ok := n.(*hclsyntax.FunctionCallExpr)
			if ok && len(call.Args) > 0 && slices.Contains(readers, strings.TrimPrefix(call.Name, "core::")) {
				inner.outside(call.Args[0], line, call.Name+"()")
			}
			return nil
		})
	}
}

// policy refuses what the job does not allow.
func (c *configuration) policy(job driver.Job) error {
	if job.Local {
		return nil
	}
	var errs []error
	for _, p := range c.problems {
		errs = append(errs, fault.Denied("%s, which this Stack's policy forbids", p.what).At("%s", p.place).
			WithHint("nothing was run; allow it with spec.terraform.localExec if the repository is trusted that far"))
	}
	for name := range c.files {
		if binary(name) {
			errs = append(errs, fault.Denied("a provider that comes with the repository is not used").At("%s", name).WithHint("serve it from a mirror of providers"))
		}
	}
	return fault.Join(errs...)
}

// binary says whether a file lies where the tools would look for a provider.
func binary(name string) bool {
	return strings.Contains("/"+name, "/terraform.d/plugins/") || strings.HasPrefix(path.Base(name), "terraform-provider-") || strings.HasPrefix(path.Base(name), "terraform-provisioner-")
}

func placeAt(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

// checkFetched holds the modules that init fetched against the policy: a repository
// that names one is as dangerous as what it names.
func (c *configuration) checkFetched(w *work) error {
	if w.job.Local {
		return nil
	}
	data, err := os.ReadFile(w.at(dataDir, "modules", "modules.json"))
	if err != nil {
		return nil // no modules
	}
	var list struct {
		Modules []struct{ Key, Source, Dir string }
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return fault.Internal(err)
	}
	var errs []error
	for _, m := range list.Modules {
		dir := m.Dir
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(w.module(), dir)
		}
		if rel, err := filepath.Rel(w.at(dataDir), dir); err != nil || strings.HasPrefix(rel, "..") {
			continue // of the source, and read already
		}
		errs = append(errs, w.checkModule(m.Key, dir))
	}
	return fault.Join(errs...)
}

func (w *work) checkModule(key, dir string) error {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !isSource(p) && !binary(p) {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		files["module."+key+"/"+filepath.ToSlash(rel)] = data
		return err
	})
	if err != nil {
		return fault.Internal(err)
	}
	conf := &configuration{files: files, seen: map[string]bool{}}
	for name := range files {
		if dir := path.Dir(name); isSource(name) {
			conf.module(dir)
		}
	}
	// What does not parse, or names what is not there, is the tool's to say: a fetched
	// module may hold examples that nobody uses.
	return conf.policy(w.job)
}

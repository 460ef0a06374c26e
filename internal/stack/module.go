package stack

import (
	"context"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// KindTerraform is what status.renderer says of a root module.
const KindTerraform render.Kind = "terraform"

// Collected is what a root module is made of.
type Collected struct {
	// Files by path from the root of the Source.
	Files map[string][]byte
	// OwnBackend says that the module configures where its state is kept.
	OwnBackend bool
}

// Collector reads a root module out of a tree: its directory, the local modules that it
// uses, and include, which are relative to the root of the Source.
type Collector func(tree lockstep.Tree, dir string, include []string) (Collected, error)

// Module is a Stack's root module with everything that its spec names.
type Module struct {
	// Job lacks ID and Backend.
	Job driver.Job
	// Key is the content key: equal keys mean that the same would be asked of the tool.
	Key      string
	Reads    render.Reads
	Revision lockstep.Revision
	// Kept: the state is Lockstep's to keep.
	Kept bool
	// Group shares a limit of runs: the credentials that the run works with.
	Group string
}

// Module resolves and collects the root module of s. What was read so far is in Reads
// also where it fails.
func (e Engine) Module(ctx context.Context, s *v1alpha1.Stack, collect Collector) (Module, error) {
	var m Module
	snap, err := e.Lookup.Snapshot(ctx, SourceOf(s), s.Spec.Source.Revision)
	if err != nil {
		return m, err
	}
	m.Revision = snap.Revision()
	dir, err := lockstep.CleanPath(s.Spec.Source.Path)
	if err != nil {
		return m, fault.Invalid("path %q leads out of the source", s.Spec.Source.Path).WithHint("spec.source.path is relative to the root of the repository")
	}
	m.Job, err = e.job(ctx, s, dir)
	if err != nil {
		return m, err
	}
	include, err := below(dir, s.Spec.Terraform.Include, "include")
	if err != nil {
		return m, err
	}
	req, rec := render.Record(render.Request{Path: dir, Tree: snap})
	got, err := collect(req.Tree, dir, slices.Concat(include, m.Job.VarFiles))
	m.Reads = rec.Reads()
	if err != nil {
		return m, err
	}
	m.Job.Files = got.Files
	m.Kept = keptHere(s.Spec.Terraform.State, got.OwnBackend)
	m.Group = groupOf(s)
	m.Key = m.Reads.Key(m.params(e.Key))
	return m, nil
}

func keptHere(state string, own bool) bool {
	switch state {
	case "own":
		return false
	case "lockstep":
		return true
	}
	return !own
}

// groupOf names the credentials of s: all that work with the same share a limit.
func groupOf(s *v1alpha1.Stack) string {
	var names []string
	for _, f := range s.Spec.Terraform.EnvFrom {
		if f.Kind == "Secret" {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return s.Namespace + "/" + strings.Join(names, ",")
}

// below makes paths of a spec relative to the root of the Source.
func below(dir string, paths []string, field string) ([]string, error) {
	out := make([]string, 0, len(paths))
	for _, p := range paths {
		full, absolute := strings.CutPrefix(p, "/")
		if !absolute {
			full = path.Join(dir, p)
		}
		clean, err := lockstep.CleanPath(full)
		if err != nil {
			return nil, fault.Invalid("spec.terraform.%s: %q leads out of the source", field, p)
		}
		out = append(out, clean)
	}
	return out, nil
}

func (e Engine) job(ctx context.Context, s *v1alpha1.Stack, dir string) (driver.Job, error) {
	t := s.Spec.Terraform
	j := driver.Job{
		Unit: UnitOf(s), Dir: dir,
		Tool:      driver.Tool{Name: t.Tool, Version: t.Version, SHA256: t.SHA256},
		Workspace: t.Workspace, Targets: t.Targets, Parallelism: int(t.Parallelism),
		LockTimeoutSeconds: int(t.LockTimeout.Seconds()), Local: t.LocalExec,
	}
	if j.Tool.Name == "" {
		j.Tool.Name = "tofu"
	}
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	var err error
	j.VarFiles, err = below(dir, t.VarFiles, "varFiles")
	note(err)
	j.Variables, err = e.variables(ctx, s)
	note(err)
	j.Env, err = e.named(ctx, s, t.EnvFrom)
	note(err)
	for _, k := range slices.Sorted(maps.Keys(t.Env)) {
		j.Env = append(j.Env, driver.Variable{Name: k, Value: json.RawMessage(t.Env[k])})
	}
	j.BackendConfig, err = e.named(ctx, s, t.BackendConfigFrom)
	note(err)
	return j, fault.Join(errs...)
}

// variables are those of varsFrom, then inputs, then vars: later ones win.
func (e Engine) variables(ctx context.Context, s *v1alpha1.Stack) ([]driver.Variable, error) {
	out, err := e.named(ctx, s, s.Spec.Terraform.VarsFrom)
	errs := []error{err}
	for i, v := range out {
		out[i].Value = structured(string(v.Value))
	}
	ins, err := inputs(ctx, e.Lookup, s)
	errs = append(errs, err)
	for _, in := range ins {
		out = append(out, driver.Variable{Name: in.as, Value: in.Value, Secret: in.Sensitive})
	}
	if raw := s.Spec.Terraform.Vars; raw != nil {
		var vars map[string]json.RawMessage
		if err := json.Unmarshal(raw.Raw, &vars); err != nil {
			errs = append(errs, fault.Invalid("spec.terraform.vars is no map of names to values").Because(err))
		}
		for _, k := range slices.Sorted(maps.Keys(vars)) {
			out = append(out, driver.Variable{Name: k, Value: vars[k]})
		}
	}
	return out, fault.Join(errs...)
}

// structured turns text that is a JSON array or object into one: a key of a Secret can
// hold text only, and a variable of type string is seldom meant to hold a list.
func structured(s string) json.RawMessage {
	if t := strings.TrimSpace(s); (strings.HasPrefix(t, "[") || strings.HasPrefix(t, "{")) && json.Valid([]byte(t)) {
		return json.RawMessage(t)
	}
	return text(s)
}

// named reads the keys of Secrets and ConfigMaps as text.
func (e Engine) named(ctx context.Context, s *v1alpha1.Stack, from []v1alpha1.SubstituteFrom) ([]driver.Variable, error) {
	var out []driver.Variable
	var errs []error
	for _, f := range from {
		data, err := keys(ctx, e.Lookup, f.Kind, s.Namespace, f.Name)
		errs = append(errs, optional(err, f.Optional))
		for _, k := range sortedKeys(data) {
			out = append(out, driver.Variable{Name: k, Value: json.RawMessage(strings.TrimSuffix(string(data[k]), "\n")), Secret: f.Kind == "Secret"})
		}
	}
	return out, fault.Join(errs...)
}

func text(s string) json.RawMessage {
	b, _ := json.Marshal(s) // a string always marshals
	return b
}

// params are what the content key covers besides what was read. Values are keyed: the
// key is written where many may read it.
func (m Module) params(secret []byte) []byte {
	j := m.Job
	hide := func(vs []driver.Variable) []driver.Variable {
		out := slices.Clone(vs)
		for i, v := range out {
			out[i].Value = text(render.Keyed(secret, v.Value))
		}
		return out
	}
	j.Files, j.Unit = nil, lockstep.Unit{}
	// How long to wait and how many at once changes nothing of what is asked for.
	j.LockTimeoutSeconds, j.Parallelism = 0, 0
	j.Variables, j.Env, j.BackendConfig = hide(j.Variables), hide(j.Env), hide(j.BackendConfig)
	b, err := json.Marshal(struct {
		Module string
		Job    driver.Job
		Kept   bool
	}{"1", j, m.Kept})
	if err != nil {
		panic("stack: a job does not marshal: " + err.Error())
	}
	return b
}

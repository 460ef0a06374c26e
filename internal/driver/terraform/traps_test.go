package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

// TestDriftIsJudgedFromThePlan: Terraform's exit code says that something differs where
// nothing does, right after an apply of a password that is a sensitive output.
func TestDriftIsJudgedFromThePlan(t *testing.T) {
	each(t, func(r *rig) {
		const text = "resource \"random_password\" \"p\" {\n  length = 20\n}\noutput \"p\" {\n  value = random_password.p.result\n  sensitive = true\n}\n"
		r.up(r.job(map[string]string{"main.tf": text}))
		p := r.plan(r.job(map[string]string{"main.tf": text}), driver.IntentDrift)
		if len(p.Set.Drift) != 0 || !p.Set.Empty() {
			r.t.Errorf("%+v", p.Set)
		}
	})
}

func TestOutputsAlone(t *testing.T) {
	each(t, func(r *rig) {
		r.up(r.job(map[string]string{"main.tf": "output \"a\" {\n  value = 1\n}\n"}))
		p := r.plan(r.job(map[string]string{"main.tf": "output \"a\" {\n  value = 2\n}\n"}), driver.IntentApply)
		if len(p.Set.Changes) != 0 || p.Set.Empty() || len(p.Set.Outputs) != 1 || p.Set.Outputs[0].To != "2" {
			r.t.Errorf("%+v", p.Set)
		}
	})
}

const protected = `
resource "fakecloud_database" "main" {
  name   = %q
  engine = "postgres"
  lifecycle {
    prevent_destroy = true
  }
}
`

// TestPreventDestroy: where the block is there the tool gives up, and says what it would
// have done; where the block was removed, its protection went with it.
func TestPreventDestroy(t *testing.T) {
	each(t, func(r *rig) {
		r.up(r.module(fmt.Sprintf(protected, "main")))
		p, err := r.Plan(r.ctx(), r.module(fmt.Sprintf(protected, "other")), driver.IntentApply, silent)
		if err == nil || !p.Set.Errored || p.Artifact != nil {
			r.t.Fatalf("%v, %+v", err, p.Set)
		}
		if !errors.Is(err, fault.KindInvalid) && !errors.Is(err, fault.KindUnavailable) || !strings.Contains(err.Error(), "infra/main.tf:") {
			r.t.Errorf("the error does not say where: %v", err)
		}
		if d := p.Set.Destroys(); len(d) != 1 || d[0].Action != change.Replace {
			r.t.Errorf("it does not show what it would have destroyed: %+v", p.Set.Changes)
		}
		if _, err := r.Apply(r.ctx(), r.module(""), p, silent); err == nil {
			r.t.Error("a plan that broke off was carried out")
		}
		gone := r.plan(r.module(""), driver.IntentApply)
		if d := gone.Set.Destroys(); len(d) != 1 || d[0].Reason != "delete_because_no_resource_config" {
			r.t.Errorf("%+v", gone.Set.Changes)
		}
	})
}

func TestForget(t *testing.T) {
	each(t, func(r *rig) {
		r.up(r.module(database))
		p := r.plan(r.module("removed {\n  from = fakecloud_database.main\n  lifecycle {\n    destroy = false\n  }\n}\n"), driver.IntentApply)
		if len(p.Set.Changes) != 1 || p.Set.Changes[0].Action != change.Forget {
			r.t.Fatalf("%+v", p.Set.Changes)
		}
		a := r.apply(r.module(""), p)
		if len(a.Outcomes) != 1 || a.Outcomes[0].Result != lockstep.Done || len(r.cloud.Objects(r.t)) != 1 || a.Resources != 0 {
			r.t.Errorf("%+v, %d objects", a, len(r.cloud.Objects(r.t)))
		}
	})
}

// TestSwappedState: the state is another one than that which was planned on.
func TestSwappedState(t *testing.T) {
	each(t, func(r *rig) {
		r.up(r.module(database))
		job := r.module(strings.Replace(database, "size   = 1", "size   = 2", 1))
		p := r.plan(job, driver.IntentApply)
		data, err := os.ReadFile(r.state)
		if err != nil {
			r.t.Fatal(err)
		}
		swapped := strings.Replace(string(data), p.Set.State.Lineage, "00000000-1111-2222-3333-444444444444", 1)
		if err := os.WriteFile(r.state, []byte(swapped), 0o600); err != nil {
			r.t.Fatal(err)
		}
		_, err = r.Apply(r.ctx(), job, p, silent)
		if !errors.Is(err, fault.KindConflict) || !strings.Contains(err.Error(), "exchanged") {
			r.t.Errorf("got %v", err)
		}
	})
}

// TestSecretsNowhere plants secrets wherever they can come from and looks for them
// wherever they could go.
func TestSecretsNowhere(t *testing.T) {
	planted := []string{"planted-in-variable", "planted-in-file-variable", "planted-in-env", "planted-in-attribute"}
	each(t, func(r *rig) {
		text := `
variable "one" {
  type = string
}
variable "marked" {
  type      = string
  sensitive = true
}
resource "fakecloud_database" "main" {
  name     = "main"
  engine   = "postgres"
  password = var.one
}
resource "fakecloud_database" "breaks" {
  name      = "breaks"
  engine    = "postgres"
  password  = "planted-in-attribute"
  tags      = { note = "unmarked ${var.one}" }
  fail_on   = "create"
  fail_with = "the cloud says: no, not with planted-in-attribute nor ${var.one} nor planted-in-env"
}
output "marked" {
  value     = var.marked
  sensitive = true
}
`
		job := r.module(text)
		job.Files["infra/values.tfvars"] = []byte("marked = \"planted-in-file-variable\"\n")
		job.VarFiles = []string{"infra/values.tfvars"}
		job.Variables = []driver.Variable{{Name: "one", Value: json.RawMessage(`"planted-in-variable"`), Secret: true}}
		job.Env = append(job.Env, driver.Variable{Name: "CLOUD_TOKEN", Value: json.RawMessage("planted-in-env"), Secret: true})
		var told events
		p, err := r.Plan(r.ctx(), job, driver.IntentApply, told.tell)
		if err != nil {
			r.t.Fatal(err)
		}
		a, err := r.Apply(r.ctx(), job, p, told.tell)
		if err == nil || !strings.Contains(err.Error(), "the cloud says: no") {
			r.t.Fatalf("the plan did not fail as it should: %v", err)
		}
		var seen strings.Builder
		fmt.Fprintf(&seen, "%+v\n%+v\n%v\n%s\n", p.Set, told.list(), err, p.Artifact)
		for _, f := range fault.All(err) {
			fmt.Fprintf(&seen, "%s %s %v\n", f.What, f.Hint, f.Unwrap())
		}
		for _, o := range a.Outcomes {
			fmt.Fprintf(&seen, "%+v\n", o)
		}
		for _, s := range planted {
			if strings.Contains(seen.String(), s) {
				r.t.Errorf("%q is seen: %s", s, around(seen.String(), s))
			}
			if files := plain(r.t, r.dir, s); len(files) > 0 {
				r.t.Errorf("%q lies in %v", s, files)
			}
		}
		if out, ok := p.Outputs["marked"]; ok && !out.Sensitive {
			r.t.Error("the output lost its mark")
		}
		for _, dir := range []string{r.dir, filepath.Join(r.dir, "runs", job.ID), filepath.Join(r.dir, "work", "shop", "network")} {
			if s, err := os.Stat(dir); err != nil || s.Mode().Perm() != 0o700 {
				r.t.Errorf("%s: %v, %v", dir, s.Mode(), err)
			}
		}
	})
}

func around(text, s string) string {
	i := strings.Index(text, s)
	return text[max(0, i-80):min(len(text), i+80)]
}

// TestEnvironment: the tool sees what the job gives it, and nothing of ours.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "planted-in-server")
	t.Setenv("KUBECONFIG", "/planted/kubeconfig")
	each(t, func(r *rig) {
		out := filepath.Join(r.t.TempDir(), "env")
		job := r.module("resource \"terraform_data\" \"look\" {\n  provisioner \"local-exec\" {\n    command = \"env | sort > '" + out + "'\"\n  }\n}\n")
		job.Local = true
		job.Env = append(job.Env, driver.Variable{Name: "GIVEN", Value: json.RawMessage("yes")})
		r.up(job)
		data, err := os.ReadFile(out)
		if err != nil {
			r.t.Fatal(err)
		}
		var names []string
		for line := range strings.Lines(string(data)) {
			name, _, _ := strings.Cut(line, "=")
			names = append(names, name)
		}
		for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "KUBECONFIG", "LOCKSTEP_TOFU"} {
			if slices.Contains(names, name) {
				r.t.Errorf("the tool sees %s", name)
			}
		}
		if !slices.Contains(names, "GIVEN") {
			r.t.Errorf("the tool does not see what the job gives: %v", names)
		}
	})
}

func TestInitOnce(t *testing.T) {
	each(t, func(r *rig) {
		inits := func(job driver.Job) (n int) {
			var told events
			if _, err := r.Plan(r.ctx(), job, driver.IntentApply, told.tell); err != nil {
				r.t.Fatal(err)
			}
			for _, e := range told.list() {
				if e.Phase == "init" && e.Moment == "done" {
					n++
				}
			}
			return n
		}
		if n := inits(r.module(database)); n != 1 {
			r.t.Errorf("at first: %d", n)
		}
		if n := inits(r.module(strings.Replace(database, "size   = 1", "size   = 7", 1))); n != 0 {
			r.t.Errorf("after a commit that asks for nothing new: %d", n)
		}
		if n := inits(r.module(database + "resource \"random_id\" \"x\" {\n  byte_length = 4\n}\n")); n != 1 {
			r.t.Errorf("after a commit that uses another provider: %d", n)
		}
	})
}

func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		why  string
		job  func(r *rig) driver.Job
		kind fault.Kind
		says []string
	}{
		"Syntax": {
			"The place is one in the Source, and nothing was run.",
			func(r *rig) driver.Job {
				return r.module("resource \"fakecloud_database\" \"x\" {\n  name = \n}\n")
			},
			fault.KindInvalid, []string{"infra/main.tf:2"},
		},
		"Reference": {
			"What only the tool finds has its place too; only a commit helps.",
			func(r *rig) driver.Job { return r.module("output \"x\" {\n  value = var.nobody\n}\n") },
			fault.KindInvalid, []string{"infra/main.tf:2", "nobody"},
		},
		"Provider": {
			"The mirror does not have it.",
			func(r *rig) driver.Job {
				return r.job(map[string]string{"main.tf": "terraform {\n  required_providers {\n    nobody = {\n      source = \"nobody/nothing\"\n    }\n  }\n}\n"})
			},
			fault.KindUnavailable, []string{"nobody/nothing"},
		},
		"Binary": {
			"What was wanted, where it was looked for, and what is there.",
			func(r *rig) driver.Job {
				job := r.module(database)
				job.Tool.Version = "0.1.2"
				return job
			},
			fault.KindNotFound, []string{"0.1.2", "found"},
		},
		"Checksum": {
			"Another binary under the same name.",
			func(r *rig) driver.Job {
				job := r.module(database)
				job.Tool.SHA256 = strings.Repeat("0", 64)
				return job
			},
			fault.KindDenied, []string{"checksum", strings.Repeat("0", 64)},
		},
		"Provisioner": {
			"Forbidden, and said before anything runs.",
			func(r *rig) driver.Job { return r.job(map[string]string{"main.tf": tofutest.FailingProvisioner("x")}) },
			fault.KindDenied, []string{"infra/main.tf:7", "local-exec"},
		},
		"NoBackend": {
			"The state would be gone with the directory.",
			func(r *rig) driver.Job {
				job := r.module(database)
				delete(job.Files, "infra/backend.tf")
				return job
			},
			fault.KindInvalid, []string{"where its state is kept"},
		},
		"VarFile": {
			"A file that is not there.",
			func(r *rig) driver.Job {
				job := r.module(database)
				job.VarFiles = []string{"infra/none.tfvars"}
				return job
			},
			fault.KindNotFound, []string{"infra/none.tfvars"},
		},
		"Environment": {
			"What would change how the tool is run.",
			func(r *rig) driver.Job {
				job := r.module(database)
				job.Env = append(job.Env, driver.Variable{Name: "TF_CLI_ARGS_plan", Value: json.RawMessage("-target=x")})
				return job
			},
			fault.KindInvalid, []string{"TF_CLI_ARGS_plan"},
		},
		"Escape": {
			"A path that leads out.",
			func(r *rig) driver.Job {
				job := r.module(database)
				job.Files["../outside"] = nil
				return job
			},
			fault.KindInvalid, []string{"../outside"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(r *rig) {
				_, err := r.Plan(r.ctx(), tt.job(r), driver.IntentApply, silent)
				if err == nil || !errors.Is(err, tt.kind) {
					r.t.Fatalf("%s\ngot %v, want kind %s", tt.why, err, tt.kind)
				}
				said := err.Error()
				for _, f := range fault.All(err) {
					said += " " + f.Hint
				}
				for _, s := range tt.says {
					if !strings.Contains(said, s) {
						r.t.Errorf("%s\n%q is not in %s", tt.why, s, said)
					}
				}
			})
		})
	}
}

func TestFailingProvisioner(t *testing.T) {
	each(t, func(r *rig) {
		job := r.job(map[string]string{"main.tf": tofutest.FailingProvisioner("no such luck")})
		job.Local = true
		a, err := r.Apply(r.ctx(), job, r.plan(job, driver.IntentApply), silent)
		if err == nil || !strings.Contains(err.Error(), "no such luck") {
			r.t.Errorf("got %v", err)
		}
		got := map[string]lockstep.Result{}
		for _, o := range a.Outcomes {
			got[o.Address] = o.Result
		}
		if got["terraform_data.before"] != lockstep.Done || got["terraform_data.runs"] != lockstep.Failed {
			r.t.Errorf("%v", got)
		}
	})
}

func TestWorkspaceAndBackendConfig(t *testing.T) {
	each(t, func(r *rig) {
		job := r.module(database + "output \"workspace\" {\n  value = terraform.workspace\n}\n")
		job.Files["infra/backend.tf"] = []byte("terraform {\n  backend \"local\" {\n    path = \"/nonexistent/state\"\n  }\n}\n")
		job.BackendConfig = []driver.Variable{{Name: "path", Value: json.RawMessage(r.state)}, {Name: "workspace_dir", Value: json.RawMessage(filepath.Dir(r.state)), Secret: true}}
		job.Workspace = "blue"
		a := r.up(job)
		if string(a.Outputs["workspace"].Value) != `"blue"` {
			r.t.Errorf("%s", a.Outputs["workspace"].Value)
		}
		if files := plain(r.t, r.dir, filepath.Dir(r.state)); len(files) > 0 {
			r.t.Errorf("what was secret of the backend lies in %v", files)
		}
	})
}

package tofutest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

// TestTraps holds what the tools do although one would not expect it. The driver is
// built on these; a version that behaves otherwise shows here first.
func TestTraps(t *testing.T) {
	traps := map[string]struct {
		why  string
		test func(w *work)
		main string
	}{
		"RefreshOnlyExitCode": {
			why: "terraform 1.11 says with exit code 2 that there is drift where there is none; so what counts is resource_drift.",
			main: tofutest.Require("random") + `
resource "random_password" "a" {
  length = 12
}
output "a" {
  value     = random_password.a.result
  sensitive = true
}
`,
			test: func(w *work) {
				w.must("apply", "-auto-approve")
				code := 0
				if w.tool.Name == "terraform" && strings.HasPrefix(w.tool.Version, "1.11.") {
					code = 2
				}
				r := w.plan(code, "-refresh-only")
				if drift := w.drift(); drift != nil || !strings.Contains(r.Stdout, "No changes") {
					w.t.Errorf("drift %v in\n%s", drift, r.Stdout)
				}
				if _, there := w.shown()["resource_changes"]; there {
					w.t.Error("the plan has resource_changes; a refresh-only plan had none")
				}
			},
		},
		"OutputOnly": {
			why:  "A plan that changes an output and nothing else is a change: exit code 2 and no resource in it.",
			main: "output \"a\" {\n  value = \"old\"\n}\n",
			test: func(w *work) {
				w.must("apply", "-auto-approve")
				w.write("main.tf", "output \"a\" {\n  value = \"new\"\n}\n")
				w.plan(2)
				if got := w.actions(); got != nil {
					w.t.Errorf("it does %v", got)
				}
				if got := string(w.shown()["output_changes"]); !strings.Contains(got, `"after":"new"`) {
					w.t.Errorf("output_changes: %s", got)
				}
			},
		},
		"SecretsInPlans": {
			why:  "The JSON of a plan has every secret in clear, and only beside it what is one: masking is ours to do, before the bytes get anywhere.",
			main: tofutest.Require("fakecloud") + "variable \"p\" {\n  sensitive = true\n  default = \"open-sesame\"\n}\nresource \"fakecloud_database\" \"a\" {\n  name = \"a\"\n  engine = \"x\"\n  password = var.p\n}\noutput \"p\" {\n  value = var.p\n  sensitive = true\n}\n",
			test: func(w *work) {
				if said := w.plan(2).All(); strings.Contains(said, "open-sesame") {
					w.t.Errorf("the plan for people shows it:\n%s", said)
				}
				shown := w.shown()
				for _, key := range []string{"variables", "planned_values", "resource_changes", "output_changes"} {
					if !strings.Contains(string(shown[key]), "open-sesame") {
						w.t.Errorf("%s no longer has it: %s", key, shown[key])
					}
				}
				marks, _ := json.Marshal(w.changes("resource_changes")[0].Change.AfterSensitive)
				if !strings.Contains(string(marks), `"password":true`) {
					w.t.Errorf("after_sensitive is %s", marks)
				}
				w.must("apply", "plan.out")
				if !strings.Contains(w.must("state", "pull").Stdout, "open-sesame") {
					w.t.Error("the state no longer has it")
				}
			},
		},
		"SecretsInErrors": {
			why:  "What a provider says in an error is passed on as it is, secrets included, on the screen and in the JSON stream.",
			main: tofutest.Require("fakecloud") + "variable \"p\" {\n  sensitive = true\n  default = \"open-sesame\"\n}\nresource \"fakecloud_database\" \"a\" {\n  name = \"a\"\n  engine = \"x\"\n  fail_on = \"create\"\n  fail_with = \"login with ${var.p} failed\"\n}\n",
			test: func(w *work) {
				r := w.run("apply", "-auto-approve", "-json")
				if r.Code != 1 || !strings.Contains(r.Stdout, "login with open-sesame failed") {
					w.t.Errorf("exit code %d\n%s", r.Code, r.All())
				}
			},
		},
		"SecretsInProvisioners": {
			why:  "A command in the configuration has the environment of the tool, the credentials of the backend included. What prevents it is not to start the tool with them, or not to allow the command.",
			main: "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"echo got $TF_HTTP_PASSWORD\"\n  }\n}\n",
			test: func(w *work) {
				w.env = append(w.env, "TF_HTTP_PASSWORD=backend-secret")
				if r := w.must("apply", "-auto-approve"); !strings.Contains(r.All(), "got backend-secret") {
					w.t.Errorf("it no longer has:\n%s", r.All())
				}
			},
		},
		"PreventDestroy": {
			why:  "A plan that must not be is written nevertheless, and says so itself: to be shown, never applied.",
			main: guarded("one"),
			test: func(w *work) {
				w.must("apply", "-auto-approve")
				w.write("main.tf", guarded("two"))
				w.plan(1)
				if diff := cmp.Diff([]string{"terraform_data.a delete create"}, w.actions()); diff != "" {
					w.t.Errorf("(-want +got):\n%s", diff)
				}
				if got := string(w.shown()["errored"]); got != "true" {
					w.t.Errorf("errored is %q", got)
				}
				if r := w.run("apply", "plan.out"); r.Code != 1 {
					w.t.Errorf("it was applied:\n%s", r.All())
				}
			},
		},
		"BlockGone": {
			why:  "Who deletes the block deletes its prevent_destroy with it: the plan deletes, and nothing in it says that this was forbidden.",
			main: guarded("one"),
			test: func(w *work) {
				w.must("apply", "-auto-approve")
				w.write("main.tf", "")
				w.plan(2)
				got := w.changes("resource_changes")
				if len(got) != 1 || !slices.Equal(got[0].Change.Actions, []string{"delete"}) || got[0].Reason != "delete_because_no_resource_config" {
					w.t.Errorf("it does %+v", got)
				}
			},
		},
		"Forget": {
			why:  "The way out of it: the state forgets the object, and the object stays.",
			main: tofutest.Require("fakecloud") + "resource \"fakecloud_database\" \"a\" {\n  name = \"a\"\n  engine = \"x\"\n}\n",
			test: func(w *work) {
				w.must("apply", "-auto-approve")
				w.write("main.tf", tofutest.Require("fakecloud")+"removed {\n  from = fakecloud_database.a\n  lifecycle {\n    destroy = false\n  }\n}\n")
				w.plan(2)
				if diff := cmp.Diff([]string{"fakecloud_database.a forget"}, w.actions()); diff != "" {
					w.t.Errorf("(-want +got):\n%s", diff)
				}
				w.must("apply", "plan.out")
				w.cloud.Find(w.t, "fakecloud_database", "a")
				if left := w.must("state", "list").Stdout; left != "" {
					w.t.Errorf("the state still has %s", left)
				}
			},
		},
		"StalePlan": {
			why:  "A saved plan is for one serial of the state; what was applied in between makes it worthless, and the lock is given back.",
			main: "variable \"a\" {\n  default = \"one\"\n}\nresource \"terraform_data\" \"a\" {\n  input = var.a\n}\n",
			test: func(w *work) {
				w.plan(2)
				w.must("apply", "-auto-approve", "-var", "a=two")
				if r := w.run("apply", "plan.out"); r.Code != 1 || !strings.Contains(r.All(), "Saved plan is stale") {
					w.t.Errorf("exit code %d\n%s", r.Code, r.All())
				}
				w.must("apply", "-auto-approve")
			},
		},
		"PlanHasAll": {
			why:  "A saved plan has the configuration in it: it is applied without any file of it, from the providers alone. So it also has all secrets in it.",
			main: tofutest.Require("random") + "resource \"random_pet\" \"a\" {}\n",
			test: func(w *work) {
				w.plan(2)
				if err := os.Remove(filepath.Join(w.dir, "main.tf")); err != nil {
					w.t.Fatal(err)
				}
				w.must("apply", "plan.out")
			},
		},
		"Applyable": {
			why:  "Only terraform says whether a plan can be applied; for tofu it follows from errored and from what is in it.",
			main: "resource \"terraform_data\" \"a\" {}\n",
			test: func(w *work) {
				w.plan(2)
				shown := w.shown()
				if _, says := shown["applyable"]; says != (w.tool.Name == "terraform") {
					w.t.Errorf("applyable is %s", shown["applyable"])
				}
				if _, says := shown["errored"]; !says {
					w.t.Error("it does not say whether it is errored")
				}
			},
		},
		"LookupOfTheMissing": {
			why:  "Drift can make a plan fail: a data source asks for what somebody deleted. The errored plan still says what drifted.",
			main: tofutest.Require("fakecloud") + "resource \"fakecloud_network\" \"a\" {\n  name = \"a\"\n  cidr = \"10.0.0.0/8\"\n}\ndata \"fakecloud_network\" \"a\" {\n  name = \"a\"\n  depends_on = [fakecloud_network.a]\n}\n",
			test: func(w *work) {
				w.must("apply", "-auto-approve")
				w.cloud.Remove(w.t, "network-a-1")
				w.plan(1, "-refresh-only")
				if diff := cmp.Diff([]string{"fakecloud_network.a delete"}, w.drift()); diff != "" {
					w.t.Errorf("(-want +got):\n%s", diff)
				}
				if got := string(w.shown()["errored"]); got != "true" {
					w.t.Errorf("errored is %q", got)
				}
				w.plan(2)
			},
		},
	}
	tools := tofutest.Tools(t)
	for name, c := range traps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tools.Each(t, func(t *testing.T, tool *tofutest.Tool) {
				t.Parallel()
				defer func() {
					if t.Failed() {
						t.Log(c.why)
					}
				}()
				w := newWork(t, tool, c.main)
				c.test(w)
			})
		})
	}
}

// TestOffline holds that nothing is asked but the mirror: a provider that it does
// not have is an error at once.
func TestOffline(t *testing.T) {
	asked := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	defer asked.Close()
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		dir := tofutest.Write(t, t.TempDir(), map[string]string{"main.tf": "resource \"aws_vpc\" \"a\" {}\n"})
		r := tool.Run(t, dir, []string{"HTTPS_PROXY=" + asked.URL, "HTTP_PROXY=" + asked.URL}, "init", "-no-color")
		if r.Code != 1 || !strings.Contains(r.All(), "hashicorp/aws") {
			t.Errorf("exit code %d\n%s", r.Code, r.All())
		}
	})
}

// TestMany holds that the large fixture is what it says.
func TestMany(t *testing.T) {
	w := newWork(t, tofutest.Tools(t).Tofu, tofutest.Many(110, "a"))
	w.plan(2)
	if got := len(w.actions()); got != 110 {
		t.Errorf("it makes %d", got)
	}
	w.must("apply", "plan.out")
	if got := strings.TrimSpace(w.must("output", "count").Stdout); got != "110" {
		t.Errorf("it counts %s", got)
	}
	w.write("main.tf", tofutest.Many(110, "b"))
	w.plan(2)
	for _, c := range w.changes("resource_changes") {
		if !slices.Equal(c.Change.Actions, []string{"update"}) {
			t.Errorf("%s: %v", c.Address, c.Change.Actions)
		}
	}
}

// TestFailingProvisioner holds that what was made before the failure is kept.
func TestFailingProvisioner(t *testing.T) {
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		w := newWork(t, tool, tofutest.FailingProvisioner("no such host"))
		if r := w.run("apply", "-auto-approve"); r.Code != 1 || !strings.Contains(r.All(), "no such host") {
			t.Errorf("exit code %d\n%s", r.Code, r.All())
		}
		if diff := cmp.Diff("terraform_data.before\nterraform_data.runs\n", w.must("state", "list").Stdout); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
	})
}

func guarded(trigger string) string {
	return "resource \"terraform_data\" \"a\" {\n  triggers_replace = \"" + trigger + "\"\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n"
}

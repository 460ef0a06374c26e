package tofutest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

// work is a configuration in a folder of its own with a cloud of its own.
type work struct {
	t     *testing.T
	tool  *tofutest.Tool
	dir   string
	env   []string
	cloud *tofutest.Cloud
}

// change is of the JSON of a plan what the tests look at.
type change struct {
	Address string `json:"address"`
	Reason  string `json:"action_reason"`
	Change  struct {
		Actions        []string `json:"actions"`
		Before         any      `json:"before"`
		After          any      `json:"after"`
		AfterSensitive any      `json:"after_sensitive"`
	} `json:"change"`
}

var sorted cmp.Option = cmpopts.SortSlices(strings.Compare)

// newWork initialises it, with its state in a file.
func newWork(t *testing.T, tool *tofutest.Tool, config string) *work {
	t.Helper()
	w := &work{t: t, tool: tool, dir: t.TempDir(), cloud: tofutest.NewCloud(t)}
	w.env = append(w.cloud.Env(), "TF_CLI_ARGS_plan=-no-color", "TF_CLI_ARGS_apply=-no-color", "TF_CLI_ARGS_destroy=-no-color")
	w.write("main.tf", config)
	w.must("init", "-no-color")
	return w
}

// newRemote initialises it, with its state in b.
func newRemote(t *testing.T, tool *tofutest.Tool, b *backend, config string) *work {
	t.Helper()
	w := &work{t: t, tool: tool, dir: t.TempDir(), cloud: tofutest.NewCloud(t)}
	w.env = append(w.cloud.Env(), b.env()...)
	w.write("main.tf", config)
	w.write("zz_override.tf", override)
	w.must("init", "-no-color")
	return w
}

func (w *work) write(name, text string) {
	w.t.Helper()
	tofutest.Write(w.t, w.dir, map[string]string{name: text})
}

func (w *work) run(args ...string) tofutest.Result {
	w.t.Helper()
	return w.tool.Run(w.t, w.dir, w.env, args...)
}

func (w *work) must(args ...string) tofutest.Result {
	w.t.Helper()
	return w.tool.Must(w.t, w.dir, w.env, args...)
}

// plan saves a plan to plan.out and compares the exit code.
func (w *work) plan(code int, args ...string) tofutest.Result {
	w.t.Helper()
	r := w.run(append([]string{"plan", "-detailed-exitcode", "-out=plan.out"}, args...)...)
	if r.Code != code {
		w.t.Fatalf("plan %s: exit code %d, want %d\n%s", strings.Join(args, " "), r.Code, code, r.All())
	}
	return r
}

// shown is the JSON of the saved plan.
func (w *work) shown() map[string]json.RawMessage {
	w.t.Helper()
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(w.must("show", "-json", "plan.out").Stdout), &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *work) changes(key string) []change {
	w.t.Helper()
	raw := w.shown()[key]
	if raw == nil {
		return nil
	}
	var out []change
	if err := json.Unmarshal(raw, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// actions are what the saved plan does, drift what it says that happened.
func (w *work) actions() []string { return brief(w.changes("resource_changes")) }
func (w *work) drift() []string   { return brief(w.changes("resource_drift")) }

func brief(changes []change) []string {
	var out []string
	for _, c := range changes {
		if !slices.Equal(c.Change.Actions, []string{"no-op"}) {
			out = append(out, c.Address+" "+strings.Join(c.Change.Actions, " "))
		}
	}
	return out
}

package terraform

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/drivertest"
	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

func TestConformance(t *testing.T) {
	tools := tofutest.Tools(t)
	tools.Each(t, func(t *testing.T, tool *tofutest.Tool) {
		t.Parallel()
		// What is fetched is shared, as it is in a server.
		dir := t.TempDir()
		drivertest.RunPlanner(t, func(t *testing.T) drivertest.Workshop {
			r := newRig(t, tools, tool)
			r.dir = dir
			return &workshop{rig: r, tools: tools, server: newStateServer(t)}
		})
	})
}

// workshop has databases for things, and the state on a server.
type workshop struct {
	*rig
	tools  *tofutest.Set
	server *stateServer
}

func (w *workshop) Connect(t testing.TB) driver.Planner { return open(t, w.dir, w.tools, w.tool) }

func (w *workshop) Job(t testing.TB, id string, want drivertest.Things) driver.Job {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(want.Values)) {
		fmt.Fprintf(&b, "resource \"fakecloud_database\" %q {\n  name = %q\n  engine = \"postgres\"\n  tags = { value = %q }\n}\n", name, name, want.Values[name])
	}
	if want.Secret != "" {
		b.WriteString("variable \"secret\" {\n  type = string\n}\nresource \"fakecloud_database\" \"vault\" {\n  name = \"vault\"\n  engine = \"postgres\"\n  password = var.secret\n}\noutput \"secret\" {\n  value = var.secret\n  sensitive = true\n}\n")
	}
	job := w.module(b.String())
	delete(job.Files, "infra/backend.tf")
	// The test's name, because runs of one promise are not those of another.
	job.ID = strings.NewReplacer("/", "-").Replace(t.Name()) + "-" + id
	job.Unit.Name = strings.ToLower(strings.NewReplacer("/", "-").Replace(t.Name()))
	job.Backend = w.server.backend()
	if want.Secret != "" {
		value, err := json.Marshal(want.Secret)
		if err != nil {
			t.Fatal(err)
		}
		job.Variables = []driver.Variable{{Name: "secret", Value: value, Secret: true}}
	}
	return job
}

func (w *workshop) find(t testing.TB, name string) (tofutest.Object, bool) {
	for _, o := range w.cloud.Objects(t) {
		if o.Name == name {
			return o, true
		}
	}
	return tofutest.Object{}, false
}

func (w *workshop) Get(t testing.TB, name string) (string, bool) {
	o, ok := w.find(t, name)
	value, _ := o.Attributes["tag:value"].(string)
	return value, ok
}

func (w *workshop) Edit(t testing.TB, name, value string) {
	o, ok := w.find(t, name)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	w.cloud.Edit(t, o.ID, func(o *tofutest.Object) { o.Attributes["tag:value"] = value })
}

func (w *workshop) Delete(t testing.TB, name string) {
	o, ok := w.find(t, name)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	w.cloud.Remove(t, o.ID)
}

func (w *workshop) Lock(_ testing.TB, who string) (string, func()) { return w.server.hold(who) }

package terraform

import (
	"testing"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const database = `
resource "fakecloud_database" "main" {
  name   = "main"
  engine = "postgres"
  size   = 1
}
output "id" {
  value = fakecloud_database.main.id
}
`

func TestLifecycle(t *testing.T) {
	each(t, func(r *rig) {
		job := r.module(database)
		p := r.plan(job, driver.IntentApply)
		if len(p.Set.Changes) != 1 || p.Set.Changes[0].Action != change.Create || p.Digest != p.Set.Digest() || p.ToolVersion != r.tool.Version {
			r.t.Fatalf("%+v", p.Set)
		}
		if len(r.cloud.Objects(r.t)) != 0 {
			r.t.Fatal("a plan made something")
		}
		var told events
		a, err := r.Apply(r.ctx(), job, p, told.tell)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(a.Outcomes) != 1 || a.Outcomes[0].Result != lockstep.Done || a.Resources != 1 || string(a.Outputs["id"].Value) == "" || a.State.Serial == 0 {
			r.t.Errorf("%+v", a)
		}
		moments := map[string]bool{}
		for _, e := range told.list() {
			moments[e.Phase+" "+e.Moment+" "+e.Address] = true
		}
		if !moments["apply start fakecloud_database.main"] || !moments["apply done fakecloud_database.main"] {
			r.t.Errorf("told %+v", told.list())
		}
		again := r.plan(r.module(database), driver.IntentApply)
		if !again.Set.Empty() || again.Resources != 1 || again.Set.State != a.State {
			r.t.Errorf("%+v, state %+v", again.Set, a.State)
		}
		out, err := r.Outputs(r.ctx(), r.module(database))
		if err != nil || string(out["id"].Value) != string(a.Outputs["id"].Value) {
			r.t.Errorf("%v, %v", out, err)
		}
	})
}

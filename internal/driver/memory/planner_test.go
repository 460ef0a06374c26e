package memory

import (
	"encoding/json"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/drivertest"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestPlannerConformance(t *testing.T) {
	drivertest.RunPlanner(t, func(*testing.T) drivertest.Workshop { return workshop{NewShop()} })
}

type workshop struct{ shop *Shop }

func (w workshop) Connect(testing.TB) driver.Planner { return PlanIn(w.shop) }

func (w workshop) Job(t testing.TB, id string, want drivertest.Things) driver.Job {
	t.Helper()
	things, err := json.Marshal(want.Values)
	if err != nil {
		t.Fatal(err)
	}
	job := driver.Job{ID: id, Unit: lockstep.Unit{Namespace: "shop", Name: "network"}, Dir: "infra", Files: map[string][]byte{"infra/" + ThingsFile: things}}
	if want.Secret != "" {
		value, err := json.Marshal(want.Secret)
		if err != nil {
			t.Fatal(err)
		}
		job.Variables = []driver.Variable{{Name: "secret", Value: value, Secret: true}}
	}
	return job
}

func (w workshop) Get(_ testing.TB, name string) (string, bool) { return w.shop.Get(name) }
func (w workshop) Edit(_ testing.TB, name, value string)        { w.shop.Edit(name, value) }
func (w workshop) Delete(_ testing.TB, name string)             { w.shop.Delete(name) }
func (w workshop) Lock(_ testing.TB, who string) (string, func()) {
	return "lock-1", w.shop.Lock("lock-1", who)
}

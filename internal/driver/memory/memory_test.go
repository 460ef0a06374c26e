package memory_test

import (
	"testing"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/drivertest"
	"github.com/lockstep-dev/lockstep/internal/driver/memory"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestConformance(t *testing.T) {
	drivertest.Run(t, func(*testing.T) drivertest.Place { return place{memory.NewWorld()} })
}

// place lets the suite into a World.
type place struct{ *memory.World }

func (p place) Connect(_ testing.TB, onChange func(driver.Change)) driver.Driver {
	return memory.Connect(p.World, onChange)
}

func (p place) Namespace() string { return "web" }

func (p place) Create(_ testing.TB, tree map[string]any) { p.World.Create(tree) }

func (p place) Edit(_ testing.TB, key lockstep.Key, change func(map[string]any)) {
	p.World.Edit(key, "somebody", change)
}

func (p place) Delete(_ testing.TB, key lockstep.Key) { p.World.Delete(key) }

func (p place) Get(_ testing.TB, key lockstep.Key) map[string]any { return p.World.Get(key) }

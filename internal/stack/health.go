package stack

import (
	"fmt"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/health"
)

// HealthOf compiles the health rules of a Stack; nil if it has none. Mistakes are
// faults that name the rule and the column.
func HealthOf(s *v1alpha1.Stack) (*health.Rules, error) {
	entries := make([]health.Entry, 0, len(s.Spec.Health))
	for i, h := range s.Spec.Health {
		e := health.Entry{
			Group: h.Group, Kinds: []string{h.Kind}, Namespace: h.Namespace, Name: h.Name,
			Lua: h.Lua, Ignore: h.Ignore, Place: fmt.Sprintf("spec.health[%d]", i),
		}
		for _, c := range h.CEL {
			e.CEL = append(e.CEL, health.Rule{When: c.When, Status: c.Status, Message: c.Message})
		}
		entries = append(entries, e)
	}
	return health.Compile(entries, time.Now)
}

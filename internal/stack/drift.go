package stack

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// maxValue bounds one value in a status.
const maxValue = 128

// DriftRecord is drift as the API has it, values cut.
func DriftRecord(r lockstep.Drift) v1alpha1.DriftRecord {
	out := v1alpha1.DriftRecord{
		Object: r.Object.String(), Field: cut(r.Field), Git: cut(r.Git), Live: cut(r.Live),
		Manager: r.Manager, Operation: r.Operation, Subresource: r.Subresource,
		FirstSeen: metav1.NewTime(r.FirstSeen.Truncate(time.Second)), State: string(r.State), Healed: int32(r.Healed), Next: r.Next,
	}
	if !r.Until.IsZero() {
		until := metav1.NewTime(r.Until.Truncate(time.Second))
		out.Until = &until
	}
	return out
}

func cut(s string) string {
	if len(s) <= maxValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxValue], "") + "…"
}

// DriftRecorded reads a status back: by it a new server knows since when, and
// whom it was fighting with.
func DriftRecorded(d *v1alpha1.StackDrift) []lockstep.Drift {
	if d == nil {
		return nil
	}
	var out []lockstep.Drift
	for _, r := range d.Records {
		key, err := lockstep.ParseKey(r.Object)
		if err != nil {
			continue
		}
		x := lockstep.Drift{Object: key, Field: r.Field, FirstSeen: r.FirstSeen.Time, State: lockstep.DriftState(r.State), Healed: int(r.Healed), Next: r.Next}
		if r.Until != nil {
			x.Until = r.Until.Time
		}
		out = append(out, x)
	}
	return out
}

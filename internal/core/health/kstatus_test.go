package health

import (
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestAgreesWithKstatus: what `kubectl wait` and Flux call ready is ready here,
// but for the listed exceptions; an exception that is none any more fails too.
func TestAgreesWithKstatus(t *testing.T) {
	words := map[lockstep.HealthStatus]status.Status{
		lockstep.Healthy: status.CurrentStatus, lockstep.Progressing: status.InProgressStatus,
		lockstep.Terminating: status.TerminatingStatus, lockstep.Degraded: status.FailedStatus,
	}
	for name, tc := range samples {
		t.Run(name, func(t *testing.T) {
			object := parse(t, tc.object)
			theirs, err := status.Compute(&unstructured.Unstructured{Object: object})
			if err != nil {
				t.Fatal(err)
			}
			ours := Of(object)
			agree := words[ours.Status] == theirs.Status
			if agree != (tc.kstatus == "") {
				t.Errorf("ours %s, kstatus %s (%s); listed exception: %q", ours.Status, theirs.Status, theirs.Message, tc.kstatus)
			}
		})
	}
}

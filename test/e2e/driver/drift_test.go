package driver_test

import (
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestDefaultingIsNoDrift applies objects that the API completes, rewrites
// (1000m, 0.5Gi) and whose controllers write to them.
func TestDefaultingIsNoDrift(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	objects := []lockstep.Object{p.object(t, web), p.object(t, service)}
	for _, o := range objects {
		x.must(lockstep.Create, o)
	}
	eventually(t, "the Deployment to be healthy", func() bool { return x.live(objects[0]).Health.Status == lockstep.Healthy })
	for _, o := range objects {
		if l := x.live(o); len(l.Drift) != 0 {
			t.Errorf("%s: %+v", o.Key(), l.Drift)
		}
	}
	if x.heard(objects[0].Key()) == 0 {
		t.Error("nobody was told that the Deployment became healthy")
	}
}

// TestScaleByHand scales as kubectl does, through the subresource.
func TestScaleByHand(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, web)
	x.must(lockstep.Create, o)
	scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: p.namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 4}}
	_, err := p.Client(t).AppsV1().Deployments(p.namespace).UpdateScale(t.Context(), "web", scale, metav1.UpdateOptions{FieldManager: "kubectl"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "drift", func() bool { return len(x.live(o).Drift) == 1 })
	if c := x.live(o).Drift[0]; c != (lockstep.FieldChange{Path: "spec.replicas", From: "4", To: "1", Manager: "kubectl", Operation: "Update", Subresource: "scale"}) {
		t.Errorf("drift: %+v", c)
	}
	x.must(lockstep.Update, o)
	if l := x.live(o); len(l.Drift) != 0 {
		t.Errorf("drift after healing: %+v", l.Drift)
	}
}

// TestAutoscalerIsLeftAlone leaves replicas out of Git, as a Stack with an
// autoscaler does.
func TestAutoscalerIsLeftAlone(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, web)
	delete(o.Tree["spec"].(map[string]any), "replicas")
	x.must(lockstep.Create, o)
	rv := x.live(o).ResourceVersion
	scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: p.namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 4}}
	_, err := p.Client(t).AppsV1().Deployments(p.namespace).UpdateScale(t.Context(), "web", scale, metav1.UpdateOptions{FieldManager: "horizontal-pod-autoscaler"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change", func() bool { return x.live(o).ResourceVersion != rv })
	if l := x.live(o); len(l.Drift) != 0 {
		t.Errorf("drift: %+v", l.Drift)
	}
	x.apply(lockstep.Update, o)
	if got := p.Get(t, o.Key())["spec"].(map[string]any)["replicas"]; got != int64(4) {
		t.Errorf("replicas are %v after an apply, want the autoscaler's 4", got)
	}
}

// TestRolloutRestart is what people do by hand all day; it is nobody's drift.
func TestRolloutRestart(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, web)
	x.must(lockstep.Create, o)
	rv := x.live(o).ResourceVersion
	patch := `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"` + time.Now().Format(time.RFC3339) + `"}}}}}`
	_, err := p.Client(t).AppsV1().Deployments(p.namespace).Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-rollout"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change", func() bool { return x.live(o).ResourceVersion != rv })
	if l := x.live(o); len(l.Drift) != 0 {
		t.Errorf("drift: %+v", l.Drift)
	}
	x.apply(lockstep.Update, o)
	tree := p.Get(t, o.Key())
	template := tree["spec"].(map[string]any)["template"].(map[string]any)["metadata"].(map[string]any)
	if a, _ := template["annotations"].(map[string]any); a["kubectl.kubernetes.io/restartedAt"] == nil {
		t.Error("an apply undid the restart")
	}
}

// TestTornLabel takes the label away, so that the watch loses the object.
func TestTornLabel(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, settings)
	x.must(lockstep.Create, o)
	p.Edit(t, o.Key(), func(tree map[string]any) {
		delete(tree["metadata"].(map[string]any)["labels"].(map[string]any), "lockstep.dev/stack")
	})
	eventually(t, "it to be missing", func() bool { return x.live(o).UID == "" })
	x.must(lockstep.Create, o)
	if l := x.live(o); !l.Managed || l.Unit != x.unit {
		t.Errorf("got %+v", l)
	}
}

// TestTornAnnotation takes the unit's name away; the label still says it.
func TestTornAnnotation(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, settings)
	x.must(lockstep.Create, o)
	rv := x.live(o).ResourceVersion
	p.Edit(t, o.Key(), func(tree map[string]any) {
		delete(tree["metadata"].(map[string]any)["annotations"].(map[string]any), "lockstep.dev/unit")
	})
	eventually(t, "the change", func() bool { return x.live(o).ResourceVersion != rv })
	x.Close()
	x = connect(t, p)
	if l := x.live(o); l.Unit != x.unit {
		t.Errorf("after a restart it belongs to %q", l.Unit)
	}
}

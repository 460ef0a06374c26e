package stack

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestActorIsOfTheStacksNamespace(t *testing.T) {
	s := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	s.Spec.ServiceAccount = "deployer"
	s.Spec.Target.Namespace = "kube-system"
	want := driver.Actor{Unit: lockstep.Unit{Namespace: "shop", Name: "web"}, ServiceAccount: "deployer", ServiceAccountNamespace: "shop"}
	if diff := cmp.Diff(want, ActorOf(s)); diff != "" {
		t.Errorf("whoever writes a Stack writes its target namespace, and must not reach the accounts there (-want +got):\n%s", diff)
	}
}

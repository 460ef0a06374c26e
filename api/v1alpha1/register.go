package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is lockstep.dev/v1alpha1.
var GroupVersion = schema.GroupVersion{Group: "lockstep.dev", Version: "v1alpha1"}

// AddToScheme registers the kinds of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&Source{}, &SourceList{},
		&Stack{}, &StackList{},
		&Target{}, &TargetList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

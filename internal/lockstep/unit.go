package lockstep

import (
	"fmt"
	"strings"
)

// Unit names one Stack on the management cluster: the unit of planning,
// approval, health, history and rollback.
type Unit struct {
	Namespace string
	Name      string
}

// String returns "namespace/name", as people type it.
func (u Unit) String() string { return u.Namespace + "/" + u.Name }

// ParseUnit reads "name" or "namespace/name"; a bare name is in namespace def.
func ParseUnit(s, def string) (Unit, error) {
	ns, name, found := strings.Cut(s, "/")
	if !found {
		ns, name = def, s
	}
	if ns == "" || name == "" || strings.Contains(name, "/") {
		return Unit{}, fmt.Errorf("%q is not a unit: want NAME or NAMESPACE/NAME", s)
	}
	return Unit{Namespace: ns, Name: name}, nil
}

// TargetRef names the Target that a unit runs on. The zero value is the cluster
// that holds the Stack itself.
type TargetRef struct {
	Namespace string
	Name      string
}

// IsLocal says whether the reference means the cluster that holds the Stack.
func (t TargetRef) IsLocal() bool { return t.Name == "" }

// String returns "namespace/name", or "in-cluster" for the local cluster.
func (t TargetRef) String() string {
	if t.IsLocal() {
		return "in-cluster"
	}
	return t.Namespace + "/" + t.Name
}

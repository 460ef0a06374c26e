package driver_test

import (
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: carts.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Cart, plural: carts, singular: cart, listKind: CartList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer}}}}
`

const cart = `
apiVersion: GROUP/v1
kind: Cart
metadata: {name: first, namespace: NS}
spec: {size: 3}
`

// TestDefinition applies a definition and, right after it, an object of its
// kind; then the definition goes, and with it everything.
func TestDefinition(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	// A group of its own, because definitions have no namespace.
	group := p.namespace + ".example"
	d := p.object(t, strings.ReplaceAll(definition, "GROUP", group))
	o := p.object(t, strings.ReplaceAll(cart, "GROUP", group))

	if l := x.observe(d, o); len(l.MissingKinds) != 1 {
		t.Errorf("missing kinds: %v", l.MissingKinds)
	}
	x.must(lockstep.Create, d)
	x.must(lockstep.Create, o)
	if l := x.live(o); !l.Managed || len(l.Drift) != 0 {
		t.Errorf("got %+v", l)
	}
	if out := x.apply(lockstep.Update, d); out.Result != lockstep.Unchanged {
		t.Errorf("the definition again: %s, %v", out.Result, out.Err)
	}

	x.must(lockstep.Delete, d)
	eventually(t, "the kind to be missing", func() bool {
		l := x.observe(o)
		return len(l.MissingKinds) == 1 && len(l.Objects) == 0
	})
	if out := x.apply(lockstep.Delete, o); out.Result != lockstep.Unchanged {
		t.Errorf("deleting an object whose kind went: %s, %v", out.Result, out.Err)
	}
}

// TestKindComes wakes who waits for a kind that somebody else defines.
func TestKindComes(t *testing.T) {
	p := newPlace(t)
	x, y := connect(t, p), connect(t, p)
	group := p.namespace + ".example"
	o := p.object(t, strings.ReplaceAll(cart, "GROUP", group))
	d := p.object(t, strings.ReplaceAll(definition, "GROUP", group))
	x.observe(o)
	kind := lockstep.Key{Group: group, Kind: "Cart"}
	eventually(t, "the watch of definitions", func() bool { return x.calls.take()["WATCH customresourcedefinitions"] > 0 })
	before := x.heard(kind)
	y.must(lockstep.Create, d)
	eventually(t, "the kind", func() bool { return x.heard(kind) > before && len(x.observe(o).MissingKinds) == 0 })
	x.must(lockstep.Create, o)
	y.must(lockstep.Delete, d)
}

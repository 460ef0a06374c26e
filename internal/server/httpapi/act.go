package httpapi

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// Act is something that somebody wants to do, as it is checked and recorded.
type Act struct {
	// Name of what is done, "reconcile"; Verb and Resource are what must be allowed.
	Name     string
	Verb     access.Verb
	Resource access.Resource
	Unit     lockstep.Unit
	Reason   string
	// Detail is what the record says beside, once it was tried; nil, or an answer of
	// nil, for what is kept of every call.
	Detail func() store.Detail
}

// act is the one way in which anything is changed: it finds out who asks, whether
// they may, does it, and has it recorded, a refusal and a failure as well.
func (d *Deps) act(ctx context.Context, a Act, do func(context.Context) error) error {
	p, err := who(ctx)
	if err != nil {
		return err
	}
	if a.Unit.Namespace == "" || a.Unit.Name == "" {
		// A question without a name is one about all there are.
		return fault.Internal(errors.New("an act without an object"))
	}
	if err = d.asks(ctx, p, access.Question{Verb: a.Verb, Resource: a.Resource, Unit: a.Unit}); err == nil {
		err = do(ctx)
	}
	if d.Record != nil {
		d.Record(ctx, p, a, err)
	}
	return err
}

// asks asks the rules. Without any nothing is allowed.
func (d *Deps) asks(ctx context.Context, p lockstep.Person, q access.Question) error {
	switch {
	case d.May != nil:
		return d.May(ctx, p, q)
	case d.Access != nil:
		return d.Access.Ask(ctx, p, q)
	}
	return fault.Denied("nobody is here to say what you may do")
}

// still returns who p is by now, or the error of not being signed in any more.
func (d *Deps) still(ctx context.Context, p lockstep.Person) (lockstep.Person, error) {
	if d.Still == nil {
		return p, nil
	}
	return d.Still(ctx)
}

// sees finds out who asks and what they may see.
func (d *Deps) sees(ctx context.Context) (lockstep.Person, board.Sight, error) {
	p, err := who(ctx)
	if err != nil {
		return p, nil, err
	}
	see, err := d.sightOf(ctx, p)
	return p, see, err
}

func (d *Deps) sightOf(ctx context.Context, p lockstep.Person) (board.Sight, error) {
	switch {
	case d.See != nil:
		return d.See(ctx, p)
	case d.Access != nil:
		return d.Access.Visible(ctx, p)
	}
	return nil, fault.Denied("nobody is here to say what you may see")
}

// object reads one object from memory.
func (d *Deps) object(ctx context.Context, u lockstep.Unit, into client.Object, noun string) error {
	err := d.Cache.Get(ctx, types.NamespacedName{Namespace: u.Namespace, Name: u.Name}, into)
	if apierrors.IsNotFound(err) {
		return missing(noun, u)
	}
	if err != nil {
		return fault.Unavailable("cannot be read just now").At("%s %s", noun, u).Because(err)
	}
	return nil
}

// missing is what somebody is told of an object that does not exist, and of one that
// they may not see: the two must not be told apart.
func missing(noun string, u lockstep.Unit) error {
	return fault.NotFound("does not exist, or you may not see it").At("%s %s", noun, u)
}

// stamp is a new value of a request.
func stamp() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// request asks for a pass by the annotation that everybody else uses, too.
func (d *Deps) request(ctx context.Context, obj client.Object, value string) error {
	return d.annotate(ctx, obj, v1alpha1.AnnotationReconcileAt, value)
}

// annotate asks for something by an annotation, as the server itself.
func (d *Deps) annotate(ctx context.Context, obj client.Object, key, value string) error {
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+key+`":"`+value+`"}}}`))
	if err := d.Write.Patch(ctx, obj.DeepCopyObject().(client.Object), patch, client.FieldOwner("lockstep-api")); err != nil {
		if apierrors.IsNotFound(err) {
			return fault.NotFound("is gone").Because(err)
		}
		return fault.Unavailable("Kubernetes did not take the request").Because(err).WithHint("try again")
	}
	return nil
}

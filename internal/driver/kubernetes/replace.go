package kubernetes

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// keepers are kinds whose deletion takes data with it. They are never deleted
// in order to be created again, whatever a Stack says.
var keepers = map[lockstep.GroupKind]string{
	{Kind: "PersistentVolumeClaim"}: "its volume may be deleted with it",
	{Kind: "PersistentVolume"}:      "its data may be deleted with it",
	{Kind: "Namespace"}:             "everything in it would be deleted with it",
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: "every object of its kind would be deleted with it",
}

// goneWithin bounds the wait for a deleted object to be gone.
const goneWithin = time.Minute

// refused deals with a 422: either the object itself is wrong, or it is fine
// and cannot become so in place.
func (c *Cluster) refused(ctx context.Context, w write, out *lockstep.Outcome, refusal error) error {
	live, err := c.read(ctx, w.as, w.at, w.key)
	if silence := c.silence(ctx, err, w.attempt("get")); silence != nil {
		return silence
	}
	if err != nil || live == nil {
		return c.explain(ctx, refusal, w.attempt("patch"))
	}
	if err := c.try(ctx, w); err != nil {
		if silence := c.silence(ctx, err, w.attempt("create")); silence != nil {
			return silence
		}
		return c.explain(ctx, refusal, w.attempt("patch"))
	}
	if other := newRecord(live); w.another(other) {
		return w.ownedByOther(other.unit)
	}
	what := "it cannot change in place: " + w.attempt("patch").quote(refusal)
	if why, keep := keepers[w.key.GroupKind()]; keep {
		return fault.Invalid("%s", what).Because(w.attempt("patch").cause(refusal)).
			WithHint("it is never replaced for you, because %s; undo the change, or move the data and delete it yourself", why)
	}
	if !w.step.Replace {
		return fault.Invalid("%s", what).Because(w.attempt("patch").cause(refusal)).
			WithHint("undo the change, or allow delete-and-create with the annotation %s: \"true\" or spec.sync.immutable: replace", v1alpha1.AnnotationReplace)
	}
	w.step.UID = newRecord(live).uid
	return c.replace(ctx, w, out)
}

// silence returns the fault of a question that was not answered, nil if it was.
// To report the refusal then would be to answer it ourselves, and end the tries
// for good.
func (c *Cluster) silence(ctx context.Context, err error, t attempt) error {
	if err == nil {
		return nil
	}
	f := c.explain(ctx, err, t)
	if fault.KindOf(f).Consequence().Retry != fault.Backoff {
		return nil
	}
	return f
}

// try asks the API whether it would take the object as a new one under another
// name. If it would, what it refused was the change.
func (c *Cluster) try(ctx context.Context, w write) error {
	body, err := w.trial()
	if err != nil {
		return err
	}
	_, err = send(ctx, c.request("POST", w.as, w.at.path(w.key.Namespace, "")).
		Param("dryRun", metav1.DryRunAll).
		Param("fieldManager", v1alpha1.FieldManager).
		Param("fieldValidation", w.validation()).
		Body(body))
	return err
}

// failed says whether the API blames itself.
func failed(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code == http.StatusInternalServerError
}

// misshapen explains a 500 to an apply. That is also what an apply gets for a
// field that the kind does not have or for a value of the wrong type; a create
// of the same object is told so properly.
func (c *Cluster) misshapen(ctx context.Context, w write, failure error) error {
	err := c.try(ctx, w)
	if apierrors.IsBadRequest(err) || apierrors.IsInvalid(err) {
		return c.explain(ctx, err, w.attempt("patch"))
	}
	return c.explain(ctx, failure, w.attempt("patch"))
}

// trial is the step's object under a name that nobody has.
func (w write) trial() ([]byte, error) {
	o := w.step.Desired.Clone()
	meta, _ := o.Tree["metadata"].(map[string]any)
	suffix := "-" + strings.ToLower(rand.Text()[:8])
	// A Service's name may have 63 characters.
	name := w.key.Name[:min(len(w.key.Name), 63-len(suffix))]
	meta["name"] = strings.TrimRight(name, "-.") + suffix
	for _, f := range serverMeta {
		delete(meta, f)
	}
	if w.key.GroupKind() == (lockstep.GroupKind{Kind: "Service"}) {
		withoutNodePorts(o.Tree)
	}
	return json.Marshal(o.Tree)
}

// withoutNodePorts leaves out ports of the nodes: the live Service holds them,
// so no other could have them.
func withoutNodePorts(tree map[string]any) {
	spec, _ := tree["spec"].(map[string]any)
	delete(spec, "healthCheckNodePort")
	ports, _ := spec["ports"].([]any)
	for _, p := range ports {
		if m, ok := p.(map[string]any); ok {
			delete(m, "nodePort")
		}
	}
}

// replace deletes the object, waits until it is gone, and creates it anew.
func (c *Cluster) replace(ctx context.Context, w write, out *lockstep.Outcome) (err error) {
	out.Verb = lockstep.Replace
	if why, keep := keepers[w.key.GroupKind()]; keep {
		return fault.Invalid("it is never replaced, because %s", why)
	}
	if w.body == nil {
		if w.body, err = w.encode(); err != nil {
			return err
		}
	}
	known := c.view.get(w.key)
	if w.another(known) {
		return w.ownedByOther(known.unit)
	}
	if known != nil && w.step.UID == "" {
		w.step.UID = known.uid
	}
	// After a crash between delete and create there is nothing left to delete,
	// or already the new object under a new uid; both are progress.
	err = c.delete(ctx, w, w.step.UID)
	if err != nil && !apierrors.IsNotFound(err) && !c.succeeded(ctx, w, err) {
		return c.explain(ctx, err, w.attempt("delete"))
	}
	if err := c.awaitGone(ctx, w); err != nil {
		return err
	}
	a, err := c.patch(ctx, w, byForce)
	if err != nil {
		return c.explain(ctx, err, w.attempt("patch"))
	}
	return c.accept(ctx, w, nil, a, out)
}

// succeeded says whether err means that the object that was to be deleted is gone
// and another has its name. An API may have other reasons for a conflict.
func (c *Cluster) succeeded(ctx context.Context, w write, err error) bool {
	if !apierrors.IsConflict(err) {
		return false
	}
	live, err := c.read(ctx, w.as, w.at, w.key)
	return err == nil && (live == nil || newRecord(live).uid != w.step.UID)
}

// delete asks for the deletion of the object with uid. A StatefulSet's pods
// stay, with their volumes, and the new one adopts them.
func (c *Cluster) delete(ctx context.Context, w write, uid string) error {
	how := metav1.DeletePropagationBackground
	if w.step.Verb != lockstep.Delete && w.key.GroupKind() == (lockstep.GroupKind{Group: "apps", Kind: "StatefulSet"}) {
		how = metav1.DeletePropagationOrphan
	}
	o := map[string]any{"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": how}
	if uid != "" {
		o["preconditions"] = map[string]any{"uid": uid}
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = send(ctx, c.request("DELETE", w.as, w.at.path(w.key.Namespace, w.key.Name)).Body(body))
	return err
}

// awaitGone waits until the object with the step's uid does not exist any more.
func (c *Cluster) awaitGone(ctx context.Context, w write) error {
	if w.step.UID == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, goneWithin)
	defer cancel()
	for {
		// The watch does not see an object without our label, so after each of its
		// changes, and now and then, the API is asked.
		r, moved := c.view.next(w.key)
		if r == nil || r.uid != w.step.UID {
			live, err := c.read(ctx, w.as, w.at, w.key)
			if err != nil {
				return c.explain(ctx, err, w.attempt("get"))
			}
			if live == nil || newRecord(live).uid != w.step.UID {
				return nil
			}
		}
		select {
		case <-moved:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return fault.Timeout("it is still being deleted").
				WithHint("a finalizer holds it: kubectl get %s -o jsonpath='{.metadata.finalizers}'", w.kubectl())
		}
	}
}

// kubectl names the object as kubectl takes it.
func (w write) kubectl() string {
	name := w.at.resource.Resource
	if w.at.resource.Group != "" {
		name += "." + w.at.resource.Group
	}
	name += "/" + w.key.Name
	if w.key.Namespace != "" {
		name += " -n " + w.key.Namespace
	}
	return name
}

// Package target keeps a connection to every Target and says whether it
// answers.
//
// A Target is asked once, when its spec or a credential changes and after it
// failed; from then on the watches of its Stacks tell. A quiet Target costs no
// request.
package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/transport"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/refs"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Probed is a driver that can be asked for its version.
type Probed interface {
	driver.Driver
	Version(ctx context.Context) (string, error)
}

// Dial turns a spec and the Secrets that it names into a driver and the address
// that it talks to.
type Dial func(ref lockstep.TargetRef, spec v1alpha1.KubernetesTarget, secret func(name string) (map[string][]byte, error), wrap transport.WrapperFunc) (d Probed, server string, err error)

// Reconciler connects Targets.
type Reconciler struct {
	Client      client.Client
	Refs        *refs.Store
	Connections *Connections
	Fleet       *fleet.Fleet
	Wake        func(lockstep.Unit)
	Dial        Dial
	Report      *report.Reporter
	// Gone is told of a Target that was deleted; may be nil.
	Gone func(lockstep.TargetRef)
	// Again has a Target looked at.
	Again func(lockstep.TargetRef)
	// Keeps says whether this replica writes the Target's status; nil for always.
	// Every replica connects.
	Keeps func(context.Context) bool

	retry retries
}

// Reconcile brings one connection in line with its Target's spec.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	ref := lockstep.TargetRef{Namespace: req.Namespace, Name: req.Name}
	user := refs.User{Kind: "Target", Namespace: req.Namespace, Name: req.Name}
	t := &v1alpha1.Target{}
	if err := r.Client.Get(ctx, req.NamespacedName, t); err != nil {
		if !apierrors.IsNotFound(err) {
			return reconcile.Result{}, err
		}
		r.Refs.Release(user)
		r.Connections.remove(ref)
		if r.Gone != nil {
			r.Gone(ref)
		}
		r.wake(ref)
		return reconcile.Result{}, nil
	}

	t = r.Report.Latest(t).(*v1alpha1.Target).DeepCopy()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	secrets := r.Refs.Begin(user)
	version, server, err := r.connect(ctx, ref, t, secrets)
	secrets.End()
	if r.Keeps != nil && !r.Keeps(ctx) {
		return reconcile.Result{RequeueAfter: r.retry.after(ref, err)}, nil
	}
	return r.report(ctx, t, version, server, err)
}

// connect makes the connection, or keeps the one there is when nothing that it
// was made from has changed and it still answers.
func (r *Reconciler) connect(ctx context.Context, ref lockstep.TargetRef, t *v1alpha1.Target, secrets *refs.Session) (version, server string, err error) {
	if t.Spec.Kubernetes == nil {
		return "", "", fault.Invalid("spec.kubernetes is missing")
	}
	seen := map[string]map[string][]byte{}
	if t.Spec.Suspend {
		err := fault.Blocked("it is suspended").WithHint("resume it: spec.suspend of the Target")
		r.fail(ref, err)
		return "", t.Status.Server, nil
	}
	way, pulse := newLine(func() { r.Again(ref) }), r.Connections.pulse(ref)
	d, server, err := r.Dial(ref, *t.Spec.Kubernetes, func(name string) (map[string][]byte, error) {
		data, err := secrets.Secret(ctx, t.Namespace, name)
		seen[name] = data
		return data, err
	}, func(next http.RoundTripper) http.RoundTripper { return way.wrap(pulse.Wrap(next)) })
	if err != nil {
		r.fail(ref, err)
		return "", server, err
	}
	next := connection{driver: d, line: way, pulse: pulse, version: fingerprint(t.Spec, seen)}
	old, same := r.Connections.same(ref, next.version)
	if same {
		next.close()
		next = old
	}
	probe, cancel := probing(ctx)
	defer cancel()
	version, err = next.driver.(Probed).Version(probe)
	if err != nil {
		next.close()
		r.fail(ref, err)
		return "", server, err
	}
	back := next.line.cleared()
	if !same {
		r.Connections.put(ref, next)
	}
	if back || !same {
		r.wake(ref)
	}
	return version, server, nil
}

// fail records why there is no connection. Its Stacks are told once, not at each
// probe.
func (r *Reconciler) fail(ref lockstep.TargetRef, err error) {
	if r.Connections.failed(ref, err) {
		r.wake(ref)
	}
}

func (r *Reconciler) wake(ref lockstep.TargetRef) {
	for _, u := range r.Fleet.On(ref) {
		r.Wake(u)
	}
}

func (r *Reconciler) report(ctx context.Context, t *v1alpha1.Target, version, server string, err error) (reconcile.Result, error) {
	before := t.DeepCopy()
	t.Status.ObservedGeneration = t.Generation
	t.Status.Server = server
	if version != "" {
		t.Status.Version = version
	}
	verdict := v1alpha1.Connected(version)
	switch {
	case err != nil:
		verdict = report.Fault(err)
	case t.Spec.Suspend:
		verdict = v1alpha1.Suspended()
	}
	v1alpha1.SetVerdict(&t.Status.Conditions, verdict, t.Generation, metav1.Now())
	return r.Report.Write(ctx, report.Written{Before: before, After: t, Verdict: verdict, Err: err, RetryMax: retryMax})
}

// fingerprint tells two connections apart without keeping their credentials.
func fingerprint(spec v1alpha1.TargetSpec, secrets map[string]map[string][]byte) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	// Encoding plain structs, strings and bytes into a hash cannot fail.
	_ = enc.Encode(spec)
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		_ = enc.Encode(name)
		_ = enc.Encode(secrets[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Package shelf keeps, in Secrets beside each Stack, what others read of it: what it
// hands on, and the plan that waits for a person.
//
// Both can be lost and are written anew: outputs by the next apply, a plan by planning
// again. No plan holds a secret; it is in a Secret because it says what a
// configuration looks like, which not everybody may read.
package shelf

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Types of the Secrets.
const (
	TypeOutputs corev1.SecretType = "lockstep.dev/outputs"
	TypePlan    corev1.SecretType = "lockstep.dev/plan"
)

// Store reads and writes the Secrets.
type Store struct{ core typed.SecretsGetter }

// New returns a Store on the cluster that holds the Stacks.
func New(core typed.SecretsGetter) *Store { return &Store{core: core} }

// HandOn makes the Secret of s hold outputs and nothing else. It goes with the Stack.
func (s *Store) HandOn(ctx context.Context, of *v1alpha1.Stack, outputs map[string]driver.Output) error {
	return s.write(ctx, of, stack.OutputsName(of.Name), TypeOutputs, stack.OutputsData(outputs))
}

// Plan is a proposal as it waits for a person.
type Plan struct {
	// Key is the content key of what it was made for.
	Key    string
	Digest string
	Set    change.Set
	// Cut: the set was too large to keep whole, and lacks fields.
	Cut      bool `json:",omitempty"`
	Findings []risk.Finding
	Commit   string
	Tool     string
	Planned  time.Time
	// Approved is the set that was let through and is being carried out; nil if none is.
	Approved *change.Set `json:",omitempty"`
	// Destroys: the Stack is being deleted.
	Destroys bool `json:",omitempty"`
}

// PlanName is the Secret, beside a Stack, that holds its plan.
func PlanName(stack string) string { return "lockstep-plan-" + stack }

const (
	planKey = "plan.json.gz"
	// maxPlan is what fits into a Secret with room for the rest of it.
	maxPlan = 900 << 10
	// maxUnpacked bounds what a plan may be once it is unpacked.
	maxUnpacked = 64 << 20
)

// Keep writes the plan of s.
func (s *Store) Keep(ctx context.Context, of *v1alpha1.Stack, p Plan) error {
	raw, err := pack(p)
	if err != nil {
		return fault.Internal(err)
	}
	return s.write(ctx, of, PlanName(of.Name), TypePlan, map[string][]byte{planKey: raw})
}

// Kept reads the plan of u; false if there is none.
func (s *Store) Kept(ctx context.Context, u lockstep.Unit) (Plan, bool, error) {
	got, err := s.core.Secrets(u.Namespace).Get(ctx, PlanName(u.Name), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return Plan{}, false, nil
	}
	if err != nil {
		return Plan{}, false, fault.Unavailable("Secret %s/%s with the plan cannot be read", u.Namespace, PlanName(u.Name)).Because(err)
	}
	if got.Type != TypePlan {
		return Plan{}, false, nil // somebody else's
	}
	return Read(u, got.Data)
}

// Read returns the plan of u that the Secret of it holds.
func Read(u lockstep.Unit, data map[string][]byte) (Plan, bool, error) {
	p, err := unpack(data[planKey])
	if err != nil {
		return Plan{}, false, fault.Invalid("Secret %s/%s holds no plan", u.Namespace, PlanName(u.Name)).Because(err).
			WithHint("remove it; the plan is made anew by: lockstep reconcile %s", u)
	}
	return p, true, nil
}

// pack makes p small enough. Whole resources are for rules, which have judged.
func pack(p Plan) ([]byte, error) {
	p.Set.Changes, p.Set.Drift = bare(p.Set.Changes), bare(p.Set.Drift)
	raw, err := packed(p)
	if err != nil || len(raw) <= maxPlan {
		return raw, err
	}
	p.Cut = true
	for i := range p.Set.Changes {
		p.Set.Changes[i].Fields = nil
	}
	p.Set.Drift, p.Approved = nil, nil
	return packed(p)
}

func bare(cs []change.Change) []change.Change {
	out := slices.Clone(cs)
	for i := range out {
		out[i].Before, out[i].After = nil, nil
	}
	return out
}

func packed(p Plan) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpack(raw []byte) (Plan, error) {
	var p Plan
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return p, err
	}
	return p, json.NewDecoder(io.LimitReader(r, maxUnpacked)).Decode(&p)
}

func (s *Store) write(ctx context.Context, of *v1alpha1.Stack, name string, kind corev1.SecretType, data map[string][]byte) error {
	want := applycore.Secret(name, of.Namespace).
		WithType(kind).WithData(data).
		WithLabels(map[string]string{v1alpha1.LabelOf: of.Name}).
		WithOwnerReferences(applymeta.OwnerReference().
			WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind("Stack").WithName(of.Name).WithUID(of.UID).
			WithController(true).WithBlockOwnerDeletion(false))
	_, err := s.core.Secrets(of.Namespace).Apply(ctx, want, metav1.ApplyOptions{FieldManager: v1alpha1.FieldManager, Force: true})
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return fault.Denied("Secret %s/%s may not be written", of.Namespace, name).Because(err).
			WithHint("let the server's account create and patch secrets in namespace %s (deploy/install)", of.Namespace)
	case apierrors.IsInvalid(err):
		return fault.Invalid("Secret %s/%s is refused: %s", of.Namespace, name, places(err)).
			WithHint("a Secret of that name and another type has to be removed first")
	}
	return fault.Unavailable("Secret %s/%s cannot be written", of.Namespace, name).Because(err)
}

// places are the fields that the API speaks of, without the values that it may repeat.
func places(err error) string {
	st, ok := err.(apierrors.APIStatus)
	if !ok || st.Status().Details == nil {
		return "see the server's log"
	}
	var fields []string
	for _, c := range st.Status().Details.Causes {
		fields = append(fields, c.Field)
	}
	slices.Sort(fields)
	return "in " + strings.Join(slices.Compact(fields), ", ")
}

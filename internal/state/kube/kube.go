// Package kube is a state.Vault in Secrets of the server's own namespace.
//
// A state has one Secret for its head, and each version one for every [partSize]
// bytes of it. All are labelled, and none is found by anything but its name or its
// label. What is in the parts is sealed before it comes here; the head is not, and
// has no value of a state in it.
//
// A write of a state is one create for each part, one update of the head, and one
// delete for each part of the version that is kept no longer.
package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/state"
)

// The names by which what is kept is found.
const (
	// Type is that of all Secrets here.
	Type = "lockstep.dev/state"
	// LabelState has the hash of the state that a Secret belongs to, LabelPart says
	// what it is of it: head or part.
	LabelState = "lockstep.dev/state"
	LabelPart  = "lockstep.dev/state-part"

	annotationUnit      = "lockstep.dev/state-of"
	annotationWorkspace = "lockstep.dev/state-workspace"
	annotationID        = "lockstep.dev/state-version"
	annotationIndex     = "lockstep.dev/state-index"

	head  = "head"
	part  = "part"
	field = "data"
)

const (
	// partSize leaves room for metadata under the 1 MiB that a Secret may have.
	partSize = 1000 * 1000
	// atOnce bounds how many parts are on their way at once.
	atOnce = 4
	page   = 200
)

// Vault is safe for concurrent use.
type Vault struct {
	core      typed.CoreV1Interface
	secrets   typed.SecretInterface
	namespace string
}

// New returns a Vault in a namespace. It asks nothing.
func New(core typed.CoreV1Interface, namespace string) *Vault {
	return &Vault{core: core, secrets: core.Secrets(namespace), namespace: namespace}
}

// Head is state.Vault's.
func (v *Vault) Head(ctx context.Context, k state.Key) (state.Head, state.Mark, error) {
	s, err := v.secrets.Get(ctx, state.HeadName(k), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return state.Head{}, "", nil
	}
	if err != nil {
		return state.Head{}, "", v.failed("read", state.HeadName(k), err)
	}
	h, err := state.DecodeHead(k, s.Data[field])
	return h, state.Mark(s.ResourceVersion), err
}

// Put is state.Vault's.
func (v *Vault) Put(ctx context.Context, k state.Key, h state.Head, m state.Mark) (state.Mark, error) {
	raw, err := h.Encode()
	if err != nil {
		return "", err
	}
	s := v.secret(k, state.HeadName(k), head, raw)
	s.ResourceVersion = string(m)
	if m == "" {
		s, err = v.secrets.Create(ctx, s, metav1.CreateOptions{})
	} else {
		s, err = v.secrets.Update(ctx, s, metav1.UpdateOptions{})
	}
	switch {
	case err == nil:
		return state.Mark(s.ResourceVersion), nil
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), m != "" && apierrors.IsNotFound(err):
		return "", fault.Conflict("somebody else was faster").Because(errors.Join(state.ErrMoved, err))
	}
	return "", v.failed("written", state.HeadName(k), err)
}

func (v *Vault) secret(k state.Key, name, kind string, data []byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: v.namespace,
			Labels:      map[string]string{"app.kubernetes.io/name": "lockstep", LabelState: k.Hash(), LabelPart: kind},
			Annotations: map[string]string{annotationUnit: k.Unit.String(), annotationWorkspace: k.Workspace},
		},
		Type: Type,
		Data: map[string][]byte{field: data},
	}
}

// Heads is state.Vault's.
func (v *Vault) Heads(ctx context.Context) ([]state.Head, error) {
	var out []state.Head
	var errs []error
	o := metav1.ListOptions{LabelSelector: LabelPart + "=" + head, Limit: page}
	for {
		l, err := v.secrets.List(ctx, o)
		if err != nil {
			return nil, v.failed("listed", "", err)
		}
		for i := range l.Items {
			h, err := state.DecodeHead(keyOf(&l.Items[i].ObjectMeta), l.Items[i].Data[field])
			if err != nil {
				errs = append(errs, err)
				continue
			}
			out = append(out, h)
		}
		if o.Continue = l.Continue; o.Continue == "" {
			break
		}
	}
	slices.SortFunc(out, func(a, b state.Head) int { return strings.Compare(a.Key().String(), b.Key().String()) })
	return out, fault.Join(errs...)
}

func keyOf(m *metav1.ObjectMeta) state.Key {
	namespace, name, _ := strings.Cut(m.Annotations[annotationUnit], "/")
	return state.Key{Unit: lockstep.Unit{Namespace: namespace, Name: name}, Workspace: m.Annotations[annotationWorkspace]}
}

func partName(k state.Key, id string, i int) string {
	return fmt.Sprintf("%s-%s-%d", state.HeadName(k), id, i)
}

// Keep is state.Vault's.
func (v *Vault) Keep(ctx context.Context, k state.Key, id string, sealed []byte) (int, error) {
	parts := slices.Collect(slices.Chunk(sealed, partSize))
	all, within := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for i, data := range parts {
		all.Go(func() error {
			s := v.secret(k, partName(k, id, i), part, data)
			s.Annotations[annotationID], s.Annotations[annotationIndex] = id, strconv.Itoa(i)
			s.Immutable = new(true)
			_, err := v.secrets.Create(within, s, metav1.CreateOptions{})
			// The ID is nobody else's: it is this very request, sent once more.
			if err == nil || apierrors.IsAlreadyExists(err) {
				return nil
			}
			return v.failed("written", s.Name, err)
		})
	}
	if err := all.Wait(); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = v.Drop(ctx, k, id, len(parts)) // else Parts finds it
		return 0, err
	}
	return len(parts), nil
}

// Fetch is state.Vault's.
func (v *Vault) Fetch(ctx context.Context, k state.Key, id string, parts int) ([]byte, error) {
	got := make([][]byte, parts)
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for i := range parts {
		all.Go(func() error {
			s, err := v.secrets.Get(ctx, partName(k, id, i), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return fault.NotFound("part %d of %d is not there", i+1, parts).At("Secret %s/%s", v.namespace, partName(k, id, i))
			}
			if err != nil {
				return v.failed("read", partName(k, id, i), err)
			}
			got[i] = s.Data[field]
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(got...), nil
}

// Drop is state.Vault's.
func (v *Vault) Drop(ctx context.Context, k state.Key, id string, parts int) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for i := range parts {
		all.Go(func() error {
			err := v.secrets.Delete(ctx, partName(k, id, i), metav1.DeleteOptions{})
			if err == nil || apierrors.IsNotFound(err) {
				return nil
			}
			return v.failed("removed", partName(k, id, i), err)
		})
	}
	return all.Wait()
}

// Parts is state.Vault's.
func (v *Vault) Parts(ctx context.Context) ([]state.Part, error) {
	var out []state.Part
	for o := (metav1.ListOptions{LabelSelector: LabelPart + "=" + part, Limit: 5 * page}); ; {
		l, err := v.names(ctx, o)
		if err != nil {
			return nil, err
		}
		for i := range l.Items {
			m := &l.Items[i].ObjectMeta
			n, err := strconv.Atoi(m.Annotations[annotationIndex])
			if err != nil || n < 0 || m.Annotations[annotationID] == "" {
				continue // somebody has changed it; it is not ours to remove
			}
			out = append(out, state.Part{Owner: m.Labels[LabelState], ID: m.Annotations[annotationID], Index: n, Made: m.CreationTimestamp.Time})
		}
		if o.Continue = l.Continue; o.Continue == "" {
			return out, nil
		}
	}
}

// Orphaned is state.Vault's.
func (v *Vault) Orphaned(ctx context.Context, k state.Key) (bool, error) {
	l, err := v.names(ctx, metav1.ListOptions{LabelSelector: LabelState + "=" + k.Hash() + "," + LabelPart + "=" + part, Limit: 1})
	if err != nil {
		return false, err
	}
	return len(l.Items) > 0, nil
}

// names lists Secrets without what is in them.
func (v *Vault) names(ctx context.Context, o metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	raw, err := v.core.RESTClient().Get().Namespace(v.namespace).Resource("secrets").
		Param("labelSelector", o.LabelSelector).Param("limit", strconv.FormatInt(o.Limit, 10)).Param("continue", o.Continue).
		SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").
		DoRaw(ctx)
	if err != nil {
		return nil, v.failed("listed", "", err)
	}
	l := &metav1.PartialObjectMetadataList{}
	if err := json.Unmarshal(raw, l); err != nil {
		return nil, fault.Unavailable("the Kubernetes API does not answer as it should").Because(err)
	}
	return l, nil
}

func (v *Vault) failed(what, name string, err error) error {
	where := v.namespace
	if name != "" {
		where += "/" + name
	}
	switch {
	case apierrors.IsForbidden(err):
		return fault.Denied("Secrets with states in namespace %q may not be %s", v.namespace, what).At("Secret %s", where).Because(err).
			WithHint("apply deploy/install, whose Role lockstep-state allows it; or a quota of the namespace is used up")
	case errors.Is(err, context.Canceled):
		return fault.Unavailable("nobody waited for it").At("Secret %s", where).Because(err)
	}
	return fault.Unavailable("Secrets with states cannot be %s just now", what).At("Secret %s", where).Because(err).
		WithHint("is the Kubernetes API up?")
}

package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// deployers are the field managers of tools that put whole objects on a cluster,
// as Lockstep does. When an object of theirs becomes ours, their fields become
// ours too, so that what Git does not have goes away. All other managers keep
// what they have: a person who scaled or labelled, a controller, a webhook.
var deployers = map[string]string{
	"kubectl-client-side-apply":     "kubectl apply",
	"kubectl":                       "kubectl apply --server-side",
	"kubectl-create":                "kubectl create; the whole object was written by hand",
	"kubectl-replace":               "kubectl replace, likewise",
	"kubectl-edit":                  "kubectl edit: a correction by hand to an object that is in Git now",
	"kubectl-last-applied":          "the annotation that kubectl apply --server-side keeps for going back",
	"before-first-apply":            "what the API calls everything from before managed fields were kept",
	"helm":                          "Helm 3 and 4",
	"Helm":                          "Helm 2, and tools that set Helm's old name",
	"argocd-controller":             "Argo CD with server-side apply",
	"argocd-application-controller": "Argo CD with client-side apply",
	"kustomize-controller":          "Flux",
	"helm-controller":               "Flux",
	"Terraform":                     "the Terraform provider for Kubernetes",
	"HashiCorp":                     "the same provider, older",
	"pulumi":                        "Pulumi",
}

// takeoverTries bounds how often a takeover starts anew because the object
// changed meanwhile.
const takeoverTries = 5

// claim applies to an object that is not known to be ours. It usually does not
// exist, and then this is one PATCH.
func (c *Cluster) claim(ctx context.Context, w write, out *lockstep.Outcome) (answer, error) {
	a, err := c.patch(ctx, w, asking)
	if apierrors.IsConflict(err) {
		return c.takeOver(ctx, w, out)
	}
	if err != nil || a.created {
		return a, err
	}
	ops, from := adopt(a.tree)
	if len(ops) == 0 {
		return a, nil
	}
	// It agreed with Git in every field that Git has, but somebody's tool still
	// owns it beside us.
	if _, err := c.jsonPatch(ctx, w.as, w.at, w.key, ops); err != nil {
		if apierrors.IsConflict(err) {
			return c.takeOver(ctx, w, out)
		}
		return answer{}, err
	}
	a, err = c.patch(ctx, w, byForce)
	out.Note = tookOver(from)
	return a, err
}

// takeOver makes the fields of other deployers ours and then applies by force.
func (c *Cluster) takeOver(ctx context.Context, w write, out *lockstep.Outcome) (answer, error) {
	var before map[string]any
	var from []string
	for try := 1; ; try++ {
		live, err := c.read(ctx, w.as, w.at, w.key)
		if err != nil {
			return answer{}, err
		}
		if live == nil {
			break // deleted meanwhile: the apply creates it
		}
		if other := newRecord(live); w.another(other) {
			return answer{}, w.ownedByOther(other.unit)
		}
		before = live
		var ops []operation
		if ops, from = adopt(live); len(ops) == 0 {
			break
		}
		_, err = c.jsonPatch(ctx, w.as, w.at, w.key, ops)
		if err == nil {
			break
		}
		if !apierrors.IsConflict(err) || try == takeoverTries {
			return answer{}, err
		}
	}
	a, err := c.patch(ctx, w, byForce)
	if err != nil {
		return answer{}, err
	}
	out.Note = tookOver(append(from, losers(before, a.tree)...))
	return a, nil
}

func tookOver(from []string) string {
	if len(from) == 0 {
		return ""
	}
	slices.Sort(from)
	return "took over from " + strings.Join(slices.Compact(from), ", ")
}

// adopt returns the patch that turns the fields of all deployers on an object
// into ours, and their names. The resource version in it makes the API refuse
// the patch if the object changed meanwhile.
func adopt(tree map[string]any) ([]operation, []string) {
	u := unstructured.Unstructured{Object: tree}
	entries := u.GetManagedFields()
	version := ""
	var rest []metav1.ManagedFieldsEntry
	var theirs []metav1.ManagedFieldsEntry
	var ours *metav1.ManagedFieldsEntry
	for _, e := range entries {
		switch {
		case e.Manager == v1alpha1.FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "":
			ours, version = e.DeepCopy(), e.APIVersion
		case deployers[e.Manager] != "" && e.Subresource == "":
			theirs = append(theirs, e)
		default:
			rest = append(rest, e)
		}
	}
	if len(theirs) == 0 {
		return nil, nil
	}
	if ours == nil {
		ours = theirs[0].DeepCopy()
		ours.Manager, ours.Operation = v1alpha1.FieldManager, metav1.ManagedFieldsOperationApply
		version = ours.APIVersion
	}
	var from []string
	for _, e := range theirs {
		from = append(from, e.Manager)
		// Field names of another API version mean nothing in ours; such fields are
		// left without an owner.
		if e.APIVersion == version {
			unite(ours, e)
		}
	}
	ops := []operation{
		{Op: "replace", Path: "/metadata/managedFields", Value: append(rest, *ours)},
		{Op: "replace", Path: "/metadata/resourceVersion", Value: u.GetResourceVersion()},
	}
	if _, ok := u.GetAnnotations()[v1alpha1.AnnotationDigest]; ok {
		// Until the apply that follows, fields are ours with values that are not. Should
		// it never come, nothing may say that this is what was applied.
		ops = append(ops, operation{Op: "remove", Path: "/metadata/annotations/" + strings.ReplaceAll(v1alpha1.AnnotationDigest, "/", "~1")})
	}
	return ops, from
}

// unite adds the fields of e to ours. Bytes that are no field set add nothing.
func unite(ours *metav1.ManagedFieldsEntry, e metav1.ManagedFieldsEntry) {
	a, b := &fieldpath.Set{}, &fieldpath.Set{}
	if ours.FieldsV1 != nil && a.FromJSON(bytes.NewReader(ours.FieldsV1.GetRawBytes())) != nil {
		return
	}
	if e.FieldsV1 == nil || b.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())) != nil {
		return
	}
	raw, err := a.Union(b).ToJSON()
	if err != nil {
		return
	}
	ours.FieldsV1 = metav1.NewFieldsV1(string(raw))
}

// losers returns the managers that owned more before a forced apply than after.
func losers(before, after map[string]any) []string {
	if before == nil {
		return nil
	}
	type id struct{ manager, operation, subresource string }
	sets := func(tree map[string]any) map[id]string {
		out := map[id]string{}
		u := unstructured.Unstructured{Object: tree}
		for _, e := range u.GetManagedFields() {
			raw, _ := json.Marshal(e.FieldsV1)
			out[id{e.Manager, string(e.Operation), e.Subresource}] = string(raw)
		}
		return out
	}
	had, has := sets(before), sets(after)
	var out []string
	for who, fields := range had {
		if who.manager != v1alpha1.FieldManager && has[who] != fields {
			out = append(out, who.manager)
		}
	}
	return out
}

package kubernetes

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// mostHeld bounds what is read to judge one namespace or kind.
const mostHeld = 100

// RiskFacts reads what the rules of package risk ask about beyond a plan. What cannot
// be read is judged by the worst case. It costs requests only for what goes and may
// keep data.
func (c *Cluster) RiskFacts(ctx context.Context, changes []risk.Change) risk.Facts {
	f := risk.Facts{Reclaim: map[lockstep.Key]string{}, Instances: map[string]int{}, Holds: map[string][]lockstep.Key{}}
	for _, x := range changes {
		if x.Verb != lockstep.Delete && x.Verb != lockstep.Replace {
			continue
		}
		switch x.Key.GroupKind() {
		case lockstep.GroupKind{Kind: "PersistentVolumeClaim"}:
			if policy := c.reclaim(ctx, x.Key); policy != "" {
				f.Reclaim[x.Key] = policy
			}
		case lockstep.GroupKind{Kind: "Namespace"}:
			if held, ok := c.holds(ctx, x.Key.Name); ok {
				f.Holds[x.Key.Name] = held
			}
		case lockstep.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
			if n, ok := c.instances(ctx, x.Key, changes); ok {
				f.Instances[x.Key.Name] = n
			}
		}
	}
	return f
}

// reclaim is the reclaim policy of the volume that a claim is bound to.
func (c *Cluster) reclaim(ctx context.Context, claim lockstep.Key) string {
	tree, err := c.Look(ctx, claim, "v1")
	if err != nil || tree == nil {
		return ""
	}
	name := textAt(tree, "spec", "volumeName")
	if name == "" {
		return ""
	}
	volume, err := c.Look(ctx, lockstep.Key{Kind: "PersistentVolume", Name: name}, "v1")
	if err != nil || volume == nil {
		return ""
	}
	return textAt(volume, "spec", "persistentVolumeReclaimPolicy")
}

// holds lists what keeps data in a namespace, as far as core kinds tell; ok is
// false where nobody can say.
func (c *Cluster) holds(ctx context.Context, namespace string) (keys []lockstep.Key, ok bool) {
	for _, kind := range []string{"PersistentVolumeClaim", "Secret"} {
		items, more, err := c.List(ctx, ListQuery{Kind: lockstep.GroupKind{Kind: kind}, Namespace: namespace, Limit: mostHeld})
		if err != nil || more {
			return nil, false
		}
		for _, o := range items {
			if typ := textAt(o, "type"); typ == "kubernetes.io/service-account-token" {
				continue
			}
			keys = append(keys, lockstep.Key{Kind: kind, Namespace: namespace, Name: textAt(o, "metadata", "name")})
		}
	}
	return keys, true
}

// instances counts the objects of a definition's kind, without those that go by the
// same plan: each of them is judged by itself.
func (c *Cluster) instances(ctx context.Context, definition lockstep.Key, changes []risk.Change) (n int, ok bool) {
	tree, err := c.Look(ctx, definition, "v1")
	if err != nil || tree == nil {
		return 0, false
	}
	kind := lockstep.GroupKind{Group: textAt(tree, "spec", "group"), Kind: textAt(tree, "spec", "names", "kind")}
	items, more, err := c.List(ctx, ListQuery{Kind: kind, Limit: mostHeld})
	if err != nil || more {
		return 0, false
	}
	going := map[lockstep.Key]bool{}
	for _, x := range changes {
		if x.Verb == lockstep.Delete {
			going[x.Key] = true
		}
	}
	for _, o := range items {
		if !going[lockstep.Object{Tree: o}.Key()] {
			n++
		}
	}
	return n, true
}

func textAt(tree map[string]any, path ...string) string {
	s, _, err := unstructured.NestedString(tree, path...)
	if err != nil {
		return "" // it is something else, and as good as not there
	}
	return s
}

package kubernetes

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

var (
	podResource        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	replicaSetResource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
)

// mostChildren bounds what one look reads.
const mostChildren = 100

// ask says in one line what the pods of a workload say; "" when nothing is wrong
// with them.
func (c *Cluster) ask(ctx context.Context, r *record, m *logs) (string, error) {
	if r.key == podKey(r.key) {
		return c.askPod(ctx, r, m)
	}
	owners := map[types.UID]bool{types.UID(r.uid): true}
	if r.worry.parent.Between != (lockstep.GroupKind{}) {
		if err := c.between(ctx, r, owners); err != nil {
			return "", err
		}
	}
	// Resource version 0 is answered from the API server's memory.
	list, err := c.dynamic.Resource(podResource).Namespace(r.key.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: r.worry.parent.Selector, ResourceVersion: "0", Limit: mostChildren,
	})
	if err != nil {
		return "", err
	}
	var pods []map[string]any
	for i := range list.Items {
		if owned(&list.Items[i], owners) {
			pods = append(pods, list.Items[i].Object)
		}
	}
	troubles := health.Troubles(pods)
	return health.Told(troubles, c.lastWords(ctx, troubles, m)), nil
}

// askPod adds the last words of a pod that is managed itself; the rest its own
// status says.
func (c *Cluster) askPod(ctx context.Context, r *record, m *logs) (string, error) {
	tree, err := c.get(ctx, identity{}, r.key, r.version)
	if err != nil || tree == nil {
		return "", err
	}
	line := c.lastWords(ctx, health.Troubles([]map[string]any{tree}), m)
	if line == "" {
		return "", nil
	}
	return fmt.Sprintf("its last words: %q", line), nil
}

// between adds the objects that stand between a workload and its pods.
func (c *Cluster) between(ctx context.Context, r *record, owners map[types.UID]bool) error {
	list, err := c.metadata.Resource(replicaSetResource).Namespace(r.key.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: r.worry.parent.Selector, ResourceVersion: "0", Limit: mostChildren,
	})
	if err != nil {
		return err
	}
	for i := range list.Items {
		if owned(&list.Items[i], owners) {
			owners[list.Items[i].UID] = true
		}
	}
	return nil
}

// owned says whether the controller of o is among owners. A selector alone proves
// nothing: two workloads may have the same.
func owned(o metav1.Object, owners map[types.UID]bool) bool {
	by := metav1.GetControllerOf(o)
	return by != nil && owners[by.UID]
}

// Bounds of reading a log.
const (
	logBytes = 4096
	logTries = 3 // for one workload; a node that does not answer will not soon
)

// lastWords returns the last line of the first container that crashed.
func (c *Cluster) lastWords(ctx context.Context, troubles []health.Trouble, m *logs) string {
	for _, t := range troubles {
		if t.Crash == nil {
			continue
		}
		if line, known := m.lines[t.Words]; known {
			return line
		}
		if m.tries >= logTries {
			return ""
		}
		m.tries++
		line, err := c.readLog(ctx, *t.Crash)
		if err != nil {
			c.log.Debug("the log of a crashed container cannot be read", "pod", t.Crash.Namespace+"/"+t.Crash.Pod, "error", err)
			return ""
		}
		m.tries = 0
		m.lines[t.Words] = health.LastWords(line)
		return m.lines[t.Words]
	}
	return ""
}

func (c *Cluster) readLog(ctx context.Context, crash health.Crash) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout/3)
	defer cancel()
	req := c.rest.Get().AbsPath("/api/v1/namespaces", crash.Namespace, "pods", crash.Pod, "log").
		Param("container", crash.Container).Param("tailLines", "1").Param("limitBytes", fmt.Sprint(logBytes))
	if crash.Previous {
		req = req.Param("previous", "true")
	}
	b, err := req.Do(ctx).Raw()
	return string(b), err
}

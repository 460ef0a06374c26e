package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/core/shard"
	"github.com/lockstep-dev/lockstep/internal/member"
)

// replicas says who serves, and how many Stacks each keeps.
func replicas(ctx context.Context, o *options, config *rest.Config, c *api.Client) Finding {
	f := Finding{Check: "replicas", Fix: "start a server: lockstep serve; one that keeps its leases elsewhere is looked for with LOCKSTEP_SYSTEM_NAMESPACE"}
	namespace := o.Env.Getenv("LOCKSTEP_SYSTEM_NAMESPACE")
	if namespace == "" {
		namespace = v1alpha1.SystemNamespace
	}
	client, err := coordination.NewForConfig(config)
	if err != nil {
		return broken("replicas", err)
	}
	leases, err := client.Leases(namespace).List(ctx, metav1.ListOptions{LabelSelector: member.Selector})
	if err != nil {
		f.OK, f.Message = true, fmt.Sprintf("the leases in namespace %q may not be read: %v", namespace, err)
		return f
	}
	stacks, err := c.Stacks(ctx, "")
	if err != nil {
		return broken("replicas", err)
	}
	var ids []shard.ID
	var silent []string
	views := map[string]bool{}
	for i := range leases.Items {
		l := member.LeaseOf(&leases.Items[i])
		ids = append(ids, l.ID)
		views[l.View.String()] = true
		if at := leases.Items[i].Spec.RenewTime; at != nil && o.Env.Now().Sub(at.Time) > l.For+maxSkew {
			silent = append(silent, fmt.Sprintf("%s has been silent for %s", l.ID, o.Env.Now().Sub(at.Time).Round(time.Second)))
		}
	}
	members := shard.NewView(ids...)
	keeps := map[shard.ID]int{}
	for i := range stacks.Items {
		keeps[members.Winner(shard.Item{Kind: "Stack", Namespace: stacks.Items[i].Namespace, Name: stacks.Items[i].Name})]++
	}
	parts := make([]string, 0, len(members))
	for _, id := range members {
		parts = append(parts, fmt.Sprintf("%s keeps %s", id, term.Count(keeps[id], "stack")))
	}
	f.OK = len(silent) == 0
	f.Message = fmt.Sprintf("%d: %s", len(members), strings.Join(append(parts, silent...), ", "))
	switch {
	case len(members) == 0:
		f.OK, f.Message = len(stacks.Items) == 0, fmt.Sprintf("none has a lease in namespace %q", namespace)
	case len(views) > 1:
		f.Message += "; they are about to agree on who is there"
	}
	return f
}

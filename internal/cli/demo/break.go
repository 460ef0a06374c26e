package demo

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// breakage is something that a colleague in a hurry would do.
type breakage struct {
	did   string // in words
	stack string
	do    func(context.Context, kubernetes.Interface) error
	// healed says whether it is undone; nil if Lockstep only reports it.
	healed func(context.Context, kubernetes.Interface) (bool, error)
}

var breaks = map[string]breakage{
	"drift":  {"mia scaled Deployment shop/checkout to 9", "shop/checkout", scale, scaledBack},
	"delete": {"mia deleted Service shop/checkout", "shop/checkout", deleteService, serviceBack},
	"report": {"mia changed the greeting in ConfigMap guestbook/settings", "guestbook/guestbook", greet, nil},
}

func newBreak(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "break drift|delete|report",
		Short: "Change something behind Git's back",
		Long: `Change something behind Git's back, as a colleague in a hurry would: as the user
mia, with what kubectl would send.

  drift   scale checkout to 9, and see it healed
  delete  delete the service of checkout, and see it healed
  report  change a setting of the guestbook, which only reports what others change

Lockstep hears of it from the API, not by polling.`,
		Example: `  lockstep demo break drift
  lockstep history shop/checkout

  lockstep demo break report
  lockstep diff guestbook/guestbook`,
		Args:              env.Exactly("drift|delete|report"),
		ValidArgsFunction: cobra.FixedCompletions([]string{"drift", "delete", "report"}, cobra.ShellCompDirectiveNoFileComp),
		RunE:              func(cmd *cobra.Command, args []string) error { return runBreak(cmd.Context(), o, args[0]) },
	}
}

func runBreak(ctx context.Context, o *options, how string) error {
	b, ok := breaks[how]
	if !ok {
		return fault.Usage("there is no way to break called %q", how).WithHint("drift, delete or report")
	}
	p, err := newPlace(o.Dir)
	if err != nil {
		return err
	}
	if _, err := p.load(); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.path("kubeconfig"))
	if err != nil {
		return fault.Unavailable("the demo in %s has no cluster yet", p.shown).WithHint("is it running? lockstep demo").Because(err)
	}
	config.Impersonate = rest.ImpersonationConfig{UserName: mia}
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fault.Internal(err)
	}
	start := o.Now()
	if err := b.do(ctx, c); err != nil {
		return fault.Unavailable("the demo's cluster does not do it: %v", err).WithHint("is the demo running, and is %s live? lockstep status", b.stack).Because(err)
	}
	o.IO.Printf("%s, by hand.\n", b.did)
	if b.healed == nil {
		o.IO.Notef("next: lockstep diff %s", b.stack)
		return nil
	}
	if o.awaitHealed(ctx, c, b) {
		o.IO.Printf("Lockstep put it back after %s.\n", term.Took(o.Now().Sub(start)))
		o.IO.Notef("next: lockstep history %s", b.stack)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	o.IO.Printf("It is not put back yet.\n")
	o.IO.Notef("next: lockstep explain %s", b.stack)
	return nil
}

const (
	// healTime is how long somebody watches for their change to be undone.
	healTime = 10 * time.Second
	healTick = 25 * time.Millisecond
)

func (o *options) awaitHealed(ctx context.Context, c kubernetes.Interface, b breakage) bool {
	for end := o.Now().Add(healTime); o.Now().Before(end); {
		if ok, err := b.healed(ctx, c); ok || err != nil {
			return ok
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(healTick):
		}
	}
	return false
}

// manager is the name that kubectl has the API server write beside changed fields.
const manager = "kubectl"

// tooMany is how many replicas mia thinks there should be.
const tooMany = 9

func scale(ctx context.Context, c kubernetes.Interface) error {
	_, err := c.AppsV1().Deployments("shop").Patch(ctx, "checkout", types.MergePatchType,
		[]byte(`{"spec":{"replicas":9}}`), metav1.PatchOptions{FieldManager: manager}, "scale")
	return err
}

func scaledBack(ctx context.Context, c kubernetes.Interface) (bool, error) {
	d, err := c.AppsV1().Deployments("shop").Get(ctx, "checkout", metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	return d.Spec.Replicas != nil && *d.Spec.Replicas != tooMany, nil
}

func deleteService(ctx context.Context, c kubernetes.Interface) error {
	return c.CoreV1().Services("shop").Delete(ctx, "checkout", metav1.DeleteOptions{})
}

func serviceBack(ctx context.Context, c kubernetes.Interface) (bool, error) {
	_, err := c.CoreV1().Services("shop").Get(ctx, "checkout", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func greet(ctx context.Context, c kubernetes.Interface) error {
	_, err := c.CoreV1().ConfigMaps("guestbook").Patch(ctx, "settings", types.MergePatchType,
		[]byte(`{"data":{"GREETING":"Sign or go"}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	return err
}

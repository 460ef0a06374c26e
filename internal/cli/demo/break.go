package demo

import (
	"context"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsv1 "k8s.io/client-go/kubernetes/typed/apps/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// breaks are what a colleague in a hurry would do.
var breaks = map[string]func(ctx context.Context, config *rest.Config) (did string, err error){
	"drift":  drift,
	"delete": deleteService,
}

func newBreak(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "break drift|delete",
		Short: "Change something behind Git's back, and see it healed",
		Long: `Change something behind Git's back, as a colleague in a hurry would.

  drift   scale the guestbook's web to 9
  delete  delete the guestbook's service web

Lockstep hears of it from the API, not by polling, and puts it back at once.`,
		Example: `  lockstep demo break drift
  lockstep history guestbook`,
		Args:              env.Exactly("drift|delete"),
		ValidArgsFunction: cobra.FixedCompletions([]string{"drift", "delete"}, cobra.ShellCompDirectiveNoFileComp),
		RunE:              func(cmd *cobra.Command, args []string) error { return runBreak(cmd.Context(), o, args[0]) },
	}
}

func runBreak(ctx context.Context, o *options, how string) error {
	f, ok := breaks[how]
	if !ok {
		return fault.Usage("there is no way to break called %q", how).WithHint("drift or delete")
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
	did, err := f(ctx, config)
	if err != nil {
		return fault.Unavailable("the demo's cluster does not do it: %v", err).WithHint("is the demo running, and is the guestbook live? lockstep status").Because(err)
	}
	o.IO.Printf("%s\n", did)
	o.IO.Notef("next: lockstep history guestbook")
	return nil
}

// manager is the name that the API server writes beside changed fields.
const manager = "demo-break"

func drift(ctx context.Context, config *rest.Config) (string, error) {
	apps, err := appsv1.NewForConfig(config)
	if err != nil {
		return "", err
	}
	_, err = apps.Deployments("guestbook").Patch(ctx, "web", types.MergePatchType,
		[]byte(`{"spec":{"replicas":9}}`), metav1.PatchOptions{FieldManager: manager})
	return "Scaled Deployment guestbook/web to 9, by hand.", err
}

func deleteService(ctx context.Context, config *rest.Config) (string, error) {
	core, err := corev1.NewForConfig(config)
	if err != nil {
		return "", err
	}
	return "Deleted Service guestbook/web, by hand.", core.Services("guestbook").Delete(ctx, "web", metav1.DeleteOptions{})
}

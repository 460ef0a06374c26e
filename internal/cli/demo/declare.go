package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/standing"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
)

// namespace is the one that commands mean where none is named.
const namespace = "shop"

// declare tells Lockstep what to keep live, and the cluster who may do what. What is
// there already is left as it is, but for the addresses of the Sources.
func (s *session) declare(ctx context.Context, config *rest.Config, git string) error {
	c, err := api.New(config)
	if err != nil {
		return err
	}
	for _, obj := range s.objects(git) {
		if err := c.Ensure(ctx, obj); err != nil {
			return err
		}
	}
	return admit(ctx, config)
}

// objects are the Sources and Stacks: those of a repository are in a namespace of
// its name.
func (s *session) objects(git string) []client.Object {
	var out []client.Object
	for _, name := range repositories {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
		secret := &corev1.Secret{ObjectMeta: named(name, "webhook"), StringData: map[string]string{"token": s.state.Secret}}
		secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		out = append(out, ns, secret, sourceOf(name, git))
	}
	report := stackOf("guestbook", "guestbook", "app", "web-team", "prod")
	report.Spec.Sync.Drift = v1alpha1.DriftReport
	cart := stackOf("shop", "cart", "apps/cart/overlays/prod", "cart-team", "prod")
	cart.Spec.DependsOn = []v1alpha1.Dependency{{Name: "cart-dev"}}
	dev := stackOf("shop", "cart-dev", "apps/cart/overlays/dev", "cart-team", "dev")
	dev.Spec.Target = v1alpha1.StackTarget{Namespace: "shop-dev", CreateNamespace: true}
	return append(out,
		stackOf("shop", "checkout", "apps/checkout", "checkout-team", "prod"),
		dev, cart,
		stackOf("shop", "uploads", "apps/uploads", "checkout-team", "prod"),
		stackOf("platform", "edge", "chart", "platform-team", "prod"),
		report,
	)
}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func sourceOf(name, git string) *v1alpha1.Source {
	src := &v1alpha1.Source{ObjectMeta: named(name, name)}
	src.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Source"))
	src.Spec.Git = &v1alpha1.GitSource{URL: fmt.Sprintf("%s/%s.git", git, name)}
	src.Spec.Webhook = &v1alpha1.Webhook{SecretRef: v1alpha1.KeyRef{Name: "webhook"}}
	return src
}

func stackOf(namespace, name, path, owner, environment string) *v1alpha1.Stack {
	s := &v1alpha1.Stack{ObjectMeta: named(namespace, name)}
	s.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Stack"))
	s.Labels = map[string]string{"owner": owner, "env": environment}
	s.Spec.Source = v1alpha1.StackSource{Name: namespace, Path: path}
	s.Spec.Target = v1alpha1.StackTarget{Namespace: namespace}
	return s
}

const (
	// stacksTime is how long the first releases may take before the demo goes on
	// without them.
	stacksTime = 60 * time.Second
	stacksTick = 100 * time.Millisecond
	// settled is how long nothing may move before that counts as the end.
	settled = 5 * time.Second
)

// firstReleases waits until every Stack is live, and again after what comes later.
// How it stands when that takes too long is said: a Stack that fails is a thing to
// look at, not an end.
func (s *session) firstReleases(ctx context.Context, config *rest.Config, git *gitServer) error {
	c, err := api.New(config)
	if err != nil {
		return err
	}
	if _, err = s.awaitStacks(ctx, c, ""); err != nil {
		return err
	}
	tip, err := git.catchUp(ctx, s)
	if err != nil {
		return err
	}
	list, err := s.awaitStacks(ctx, c, tip)
	if err != nil {
		return err
	}
	objects := 0
	for _, x := range list.Items {
		objects += int(x.Status.Objects)
	}
	n := term.Count(len(list.Items), "stack")
	words := strings.TrimLeft(strings.TrimPrefix(standing.Count(list.Items).Sentence(), n), ":, ")
	s.step(n, words, term.Count(objects, "object"))
	return nil
}

// awaitStacks waits until every Stack is ready, and those of the shop at the commit
// tip, if it is not "".
func (s *session) awaitStacks(ctx context.Context, c *api.Client, tip string) (*v1alpha1.StackList, error) {
	moved := s.Now()
	end := moved.Add(stacksTime)
	for {
		list, err := c.Stacks(ctx, "")
		if err != nil {
			return nil, err
		}
		counts := standing.Count(list.Items)
		if counts[standing.Progressing] > 0 {
			moved = s.Now()
		}
		done := counts[standing.Ready]+counts[standing.Paused]+counts[standing.Drifted] == len(list.Items)
		for _, x := range list.Items {
			done = done && (tip == "" || x.Namespace != "shop" || x.Name != "uploads" || x.Status.Revision == tip)
		}
		if done || s.Now().Sub(moved) > settled || s.Now().After(end) {
			return list, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(stacksTick):
		}
	}
}

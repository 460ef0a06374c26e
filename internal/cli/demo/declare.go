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

// namespace holds the demo's Sources and Stacks.
const namespace = "demo"

// declare tells Lockstep what to keep live. What is there already is left as it
// is, but for the addresses of the Sources.
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
	return nil
}

func (s *session) objects(git string) []client.Object {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	secret := &corev1.Secret{ObjectMeta: named("webhook"), StringData: map[string]string{"token": s.state.Secret}}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	out := []client.Object{ns, secret}
	for _, name := range repositories {
		out = append(out, sourceOf(name, git))
	}
	return append(out,
		stackOf("guestbook", "plain", "guestbook"),
		stackOf("shop-dev", "shop", "overlays/dev"),
		stackOf("shop-prod", "shop", "overlays/prod", "shop-dev"),
		stackOf("platform", "platform", "chart"),
	)
}

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func sourceOf(name, git string) *v1alpha1.Source {
	src := &v1alpha1.Source{ObjectMeta: named(name)}
	src.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Source"))
	src.Spec.Git = &v1alpha1.GitSource{URL: fmt.Sprintf("%s/%s.git", git, name)}
	src.Spec.Webhook = &v1alpha1.Webhook{SecretRef: v1alpha1.KeyRef{Name: "webhook"}}
	return src
}

func stackOf(name, source, path string, after ...string) *v1alpha1.Stack {
	s := &v1alpha1.Stack{ObjectMeta: named(name)}
	s.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Stack"))
	s.Spec.Source = v1alpha1.StackSource{Name: source, Path: path}
	s.Spec.Target = v1alpha1.StackTarget{Namespace: name, CreateNamespace: true}
	for _, a := range after {
		s.Spec.DependsOn = append(s.Spec.DependsOn, v1alpha1.Dependency{Name: a})
	}
	return s
}

const (
	// stacksTime is how long the first releases may take before the demo goes on
	// without them.
	stacksTime = 60 * time.Second
	stacksTick = 200 * time.Millisecond
	// settled is how long nothing may move before that counts as the end.
	settled = 5 * time.Second
)

// awaitStacks waits until every Stack is ready, and says how it stands when that
// takes too long: a Stack that fails is a thing to look at, not an end.
func (s *session) awaitStacks(ctx context.Context, config *rest.Config) error {
	c, err := api.New(config)
	if err != nil {
		return err
	}
	moved := s.Now()
	end := moved.Add(stacksTime)
	for {
		list, err := c.Stacks(ctx, namespace)
		if err != nil {
			return err
		}
		counts := standing.Count(list.Items)
		if counts[standing.Progressing] > 0 {
			moved = s.Now()
		}
		done := counts[standing.Ready]+counts[standing.Paused] == len(list.Items)
		if done || s.Now().Sub(moved) > settled || s.Now().After(end) {
			objects := 0
			for _, x := range list.Items {
				objects += int(x.Status.Objects)
			}
			words := strings.TrimLeft(strings.TrimPrefix(counts.Sentence(), term.Count(len(list.Items), "stack")), ":, ")
			s.step(term.Count(len(list.Items), "stack"), words, term.Count(objects, "object"))
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(stacksTick):
		}
	}
}

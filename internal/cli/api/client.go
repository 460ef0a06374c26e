// Package api is the CLI's way to the kinds of api/v1alpha1 on a cluster.
//
// It keeps no cache and asks no discovery: a command makes the two or three
// calls that it needs and is done. Every error is a fault that says what to do.
package api

import (
	"context"
	"fmt"
	"maps"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Client reads and marks Lockstep's kinds.
type Client struct {
	c      client.WithWatch
	server string
}

// New returns a Client of the cluster at config. It does not connect.
func New(config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	// The server has its own fairness; ours would only make people wait.
	config.QPS = -1
	// Warnings are for whoever writes the objects, not for who lists them.
	config.WarningHandler = rest.NoWarnings{}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme, apiextensionsv1.AddToScheme, authenticationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper()})
	if err != nil {
		return nil, unreadableConfig(err)
	}
	return &Client{c: c, server: config.Host}, nil
}

// mapper knows the kinds that commands use, so that no command begins with a
// round of discovery.
func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"Stack", "Source", "Target"} {
		m.Add(v1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	core := schema.GroupVersion{Version: "v1"}
	m.Add(core.WithKind("Secret"), meta.RESTScopeNamespace)
	m.Add(core.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	m.Add(core.WithKind("Namespace"), meta.RESTScopeRoot)
	m.Add(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"), meta.RESTScopeRoot)
	m.Add(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), meta.RESTScopeRoot)
	return m
}

// Server returns the address of the API.
func (c *Client) Server() string { return c.server }

// Stacks lists the Stacks of a namespace; "" for all.
func (c *Client) Stacks(ctx context.Context, namespace string) (*v1alpha1.StackList, error) {
	out := &v1alpha1.StackList{}
	err := c.c.List(ctx, out, client.InNamespace(namespace))
	return out, c.faultOf(err, "stacks", namespace, "")
}

// Sources lists the Sources of a namespace; "" for all.
func (c *Client) Sources(ctx context.Context, namespace string) (*v1alpha1.SourceList, error) {
	out := &v1alpha1.SourceList{}
	err := c.c.List(ctx, out, client.InNamespace(namespace))
	return out, c.faultOf(err, "sources", namespace, "")
}

// Targets lists the Targets of a namespace; "" for all.
func (c *Client) Targets(ctx context.Context, namespace string) (*v1alpha1.TargetList, error) {
	out := &v1alpha1.TargetList{}
	err := c.c.List(ctx, out, client.InNamespace(namespace))
	return out, c.faultOf(err, "targets", namespace, "")
}

// Stack reads one Stack. One that is not there is a NotFound with the closest
// names as its hint.
func (c *Client) Stack(ctx context.Context, u lockstep.Unit) (*v1alpha1.Stack, error) {
	out := &v1alpha1.Stack{}
	err := c.get(ctx, u, out, "stack")
	if isNotFound(err) {
		return nil, c.withNearest(ctx, u, err)
	}
	return out, err
}

// Source reads one Source.
func (c *Client) Source(ctx context.Context, u lockstep.Unit) (*v1alpha1.Source, error) {
	out := &v1alpha1.Source{}
	return out, c.get(ctx, u, out, "source")
}

// Target reads one Target.
func (c *Client) Target(ctx context.Context, u lockstep.Unit) (*v1alpha1.Target, error) {
	out := &v1alpha1.Target{}
	return out, c.get(ctx, u, out, "target")
}

// Secret reads the data of a Secret.
func (c *Client) Secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	out := &corev1.Secret{}
	err := c.get(ctx, lockstep.Unit{Namespace: namespace, Name: name}, out, "Secret")
	return out.Data, err
}

// ConfigMap reads the data of a ConfigMap.
func (c *Client) ConfigMap(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	in := &corev1.ConfigMap{}
	err := c.get(ctx, lockstep.Unit{Namespace: namespace, Name: name}, in, "ConfigMap")
	out := maps.Clone(in.BinaryData)
	if out == nil {
		out = map[string][]byte{}
	}
	for k, v := range in.Data {
		out[k] = []byte(v)
	}
	return out, err
}

// Definition reads a CustomResourceDefinition.
func (c *Client) Definition(ctx context.Context, name string) (*apiextensionsv1.CustomResourceDefinition, error) {
	out := &apiextensionsv1.CustomResourceDefinition{}
	err := c.c.Get(ctx, types.NamespacedName{Name: name}, out)
	return out, c.faultOf(err, "customresourcedefinitions", "", "definition "+name)
}

func (c *Client) get(ctx context.Context, u lockstep.Unit, into client.Object, noun string) error {
	err := c.c.Get(ctx, types.NamespacedName{Namespace: u.Namespace, Name: u.Name}, into)
	return c.faultOf(err, noun+"s", u.Namespace, noun+" "+u.String())
}

// Ensure creates obj unless an object of its name is there; then it changes
// what obj says, and nothing else.
func (c *Client) Ensure(ctx context.Context, obj client.Object) error {
	noun := fmt.Sprintf("%s %s", obj.GetObjectKind().GroupVersionKind().Kind, client.ObjectKeyFromObject(obj))
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return c.faultOf(err, noun, obj.GetNamespace(), noun)
	}
	// An empty status would be taken for a wish.
	delete(tree, "status")
	if m, ok := tree["metadata"].(map[string]any); ok {
		delete(m, "creationTimestamp")
	}
	u := unstructuredOf(tree)
	err = c.c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("lockstep-cli"), client.ForceOwnership)
	return c.faultOf(err, noun, obj.GetNamespace(), noun)
}

// Annotate sets annotations of a Stack or Source; "" removes one.
func (c *Client) Annotate(ctx context.Context, obj client.Object, annotations map[string]string) error {
	return c.patch(ctx, obj, map[string]any{"metadata": map[string]any{"annotations": nullable(annotations)}})
}

// SetPause pauses a Stack, or resumes it with nil.
func (c *Client) SetPause(ctx context.Context, s *v1alpha1.Stack, p *v1alpha1.Pause) error {
	return c.patch(ctx, s, map[string]any{"spec": map[string]any{"pause": p}})
}

// Whoami returns the name that the cluster knows the caller by.
func (c *Client) Whoami(ctx context.Context) (string, error) {
	r := &authenticationv1.SelfSubjectReview{}
	if err := c.c.Create(ctx, r); err != nil {
		return "", c.faultOf(err, "user", "", "yourself")
	}
	return r.Status.UserInfo.Username, nil
}

// WatchStacks reports every change of the Stacks in a namespace that is newer
// than version. With name set, only of that one.
func (c *Client) WatchStacks(ctx context.Context, namespace, name, version string) (watch.Interface, error) {
	return c.watch(ctx, &v1alpha1.StackList{}, "stacks", namespace, name, version)
}

// WatchSources is WatchStacks of Sources.
func (c *Client) WatchSources(ctx context.Context, namespace, version string) (watch.Interface, error) {
	return c.watch(ctx, &v1alpha1.SourceList{}, "sources", namespace, "", version)
}

// WatchTargets is WatchStacks of Targets.
func (c *Client) WatchTargets(ctx context.Context, namespace, version string) (watch.Interface, error) {
	return c.watch(ctx, &v1alpha1.TargetList{}, "targets", namespace, "", version)
}

func (c *Client) watch(ctx context.Context, list client.ObjectList, noun, namespace, name, version string) (watch.Interface, error) {
	opts := []client.ListOption{client.InNamespace(namespace), from(version)}
	if name != "" {
		opts = append(opts, client.MatchingFields{"metadata.name": name})
	}
	w, err := c.c.Watch(ctx, list, opts...)
	return w, c.faultOf(err, noun, namespace, "")
}

func nullable(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out[k] = m[k]
		if m[k] == "" {
			out[k] = nil
		}
	}
	return out
}

// Package access makes a client configuration out of what a Target says.
//
// A Target and its Secrets are written by tenants, and what comes out of here
// runs inside the server. So nothing in a Target may read a file of the server,
// run a program that the server's operator did not allow, or see the server's
// environment.
package access

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Secrets returns the content of a Secret in the Target's namespace.
type Secrets func(name string) (map[string][]byte, error)

// Options is what the server's operator has decided.
type Options struct {
	// InCluster reaches the cluster that holds the Targets.
	InCluster *rest.Config
	// ExecCommands are the credential plugins that may be run, each exactly as a
	// Target must spell it.
	ExecCommands []string
}

// Config returns the client configuration for a Target. Errors are faults that
// name the Secret and key, and never show a value.
func Config(spec v1alpha1.KubernetesTarget, secret Secrets, o Options) (*rest.Config, error) {
	switch {
	case spec.InCluster:
		if o.InCluster == nil {
			return nil, fault.Invalid("spec.kubernetes.inCluster: the server does not run in a cluster")
		}
		return rest.CopyConfig(o.InCluster), nil
	case spec.KubeconfigSecretRef != nil:
		v, from, err := value(secret, *spec.KubeconfigSecretRef, "value", "kubeconfig")
		if err != nil {
			return nil, err
		}
		cfg, err := kubeconfig(v, o)
		if err != nil {
			return nil, fault.As(err).At("%s", from)
		}
		return cfg, nil
	case spec.Token != nil:
		return token(spec, secret)
	case spec.Exec != nil:
		return execCredential(spec, secret, o)
	}
	return nil, fault.Invalid("spec.kubernetes: set one of inCluster, kubeconfigSecretRef, token and exec")
}

func token(spec v1alpha1.KubernetesTarget, secret Secrets) (*rest.Config, error) {
	cfg, err := server(spec, secret)
	if err != nil {
		return nil, err
	}
	v, from, err := value(secret, spec.Token.SecretRef, "token")
	if err != nil {
		return nil, err
	}
	cfg.BearerToken = strings.TrimSpace(string(v))
	if strings.ContainsFunc(cfg.BearerToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fault.Invalid("it is not a bearer token: it has spaces or characters that no token has").At("%s", from)
	}
	return cfg, nil
}

func execCredential(spec v1alpha1.KubernetesTarget, secret Secrets, o Options) (*rest.Config, error) {
	cfg, err := server(spec, secret)
	if err != nil {
		return nil, err
	}
	p := &plugin{command: spec.Exec.Command, args: spec.Exec.Args, env: spec.Exec.Env, apiVersion: spec.Exec.APIVersion}
	if err := p.attach(cfg, o); err != nil {
		return nil, fault.As(err).At("spec.kubernetes.exec.command")
	}
	return cfg, nil
}

// server is the part of a configuration that token and exec share.
func server(spec v1alpha1.KubernetesTarget, secret Secrets) (*rest.Config, error) {
	u, err := url.Parse(spec.Server)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fault.Invalid("spec.kubernetes.server: %q is no address of the form https://host[:port]", spec.Server)
	}
	cfg := &rest.Config{Host: spec.Server}
	if spec.CASecretRef == nil {
		return cfg, nil
	}
	v, _, err := value(secret, *spec.CASecretRef, "ca.crt")
	if err != nil {
		return nil, err
	}
	cfg.CAData = v
	return cfg, nil
}

// value returns one value of a Secret, and where it came from in words: the
// named key, or the first of the usual ones.
func value(secret Secrets, ref v1alpha1.KeyRef, usual ...string) ([]byte, string, error) {
	data, err := secret(ref.Name)
	if err != nil {
		var f *fault.Fault
		if errors.As(err, &f) {
			return nil, "", f
		}
		return nil, "", fault.NotFound("cannot read Secret %q", ref.Name).Because(err)
	}
	keys := usual
	if ref.Key != "" {
		keys = []string{ref.Key}
	}
	for _, k := range keys {
		if v := data[k]; len(v) > 0 {
			return v, fmt.Sprintf("Secret %s, key %s", ref.Name, k), nil
		}
	}
	f := fault.NotFound("Secret %q has no key %s", ref.Name, quoted(keys))
	if len(data) > 0 {
		f = f.WithHint("it has %s", quoted(sortedKeys(data)))
	}
	return nil, "", f
}

func sortedKeys(data map[string][]byte) []string {
	var keys []string
	for k := range data {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func quoted(keys []string) string {
	var out []string
	for _, k := range keys {
		out = append(out, fmt.Sprintf("%q", k))
	}
	return strings.Join(out, " or ")
}

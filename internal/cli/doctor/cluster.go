package doctor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	typed "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/standing"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// cluster looks at the cluster that holds the Stacks. What cannot be asked for
// want of an earlier answer is left out.
func cluster(ctx context.Context, o *options) []Finding {
	config, err := o.Env.Config()
	if err != nil {
		return []Finding{broken("kubeconfig", err)}
	}
	config = rest.CopyConfig(config)
	config.Timeout = o.Timeout
	c, err := api.New(config)
	if err != nil {
		return []Finding{broken("kubeconfig", err)}
	}
	reached, ok := reach(config)
	out := []Finding{{OK: true, Check: "kubeconfig", Message: config.Host}, reached}
	if !ok {
		return out
	}
	out = append(out, clock(ctx, config, o.Env.Now), permissions(ctx, config))
	definitions, ok := installed(ctx, c)
	if out = append(out, definitions); !ok {
		return out
	}
	out = append(out, replicas(ctx, o, config, c))
	return append(out, fleet(ctx, c)...)
}

func broken(check string, err error) Finding {
	f := fault.As(err)
	return Finding{Check: check, Message: f.What, Fix: f.Hint}
}

func reach(config *rest.Config) (Finding, bool) {
	f := Finding{Check: "cluster", Fix: "is it running, and is this the right context? --context chooses another"}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		f.Message = "the kubeconfig cannot be used: " + err.Error()
		return f, false
	}
	v, err := d.ServerVersion()
	if err != nil {
		f.Message = "does not answer: " + err.Error()
		return f, false
	}
	f.OK, f.Message = true, "answers as Kubernetes "+v.GitVersion
	return f, true
}

// maxSkew is what certificates and leases bear.
const maxSkew = 10 * time.Second

func clock(ctx context.Context, config *rest.Config, now func() time.Time) Finding {
	f := Finding{OK: true, Check: "clock", Fix: "set the clock of this machine or of the cluster's (NTP)"}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return broken("clock", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, strings.TrimSuffix(config.Host, "/")+"/version", nil)
	if err != nil {
		return broken("clock", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return broken("clock", err)
	}
	_ = resp.Body.Close()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		f.Message = "the cluster does not tell its time"
		return f
	}
	skew := now().Sub(theirs).Abs()
	f.OK = skew <= maxSkew
	f.Message = "agrees with the cluster's"
	if !f.OK {
		f.Message = fmt.Sprintf("is %s apart from the cluster's", skew.Round(time.Second))
	}
	return f
}

// needs is what the server does on the cluster that holds the Stacks. What it
// does on Targets depends on what the Stacks hold.
var needs = []authorizationv1.ResourceAttributes{
	{Group: "lockstep.dev", Resource: "stacks", Verb: "list"},
	{Group: "lockstep.dev", Resource: "stacks", Verb: "watch"},
	{Group: "lockstep.dev", Resource: "stacks", Verb: "patch"},
	{Group: "lockstep.dev", Resource: "stacks", Verb: "patch", Subresource: "status"},
	{Group: "lockstep.dev", Resource: "sources", Verb: "watch"},
	{Group: "lockstep.dev", Resource: "sources", Verb: "patch", Subresource: "status"},
	{Group: "lockstep.dev", Resource: "targets", Verb: "watch"},
	{Group: "lockstep.dev", Resource: "targets", Verb: "patch", Subresource: "status"},
	{Resource: "secrets", Verb: "get"},
	{Resource: "secrets", Verb: "watch"},
	{Resource: "configmaps", Verb: "watch"},
	{Group: "events.k8s.io", Resource: "events", Verb: "create"},
	{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions", Verb: "patch"},
}

func permissions(ctx context.Context, config *rest.Config) Finding {
	f := Finding{Check: "permissions", Fix: "only the server needs them; give its service account a ClusterRole with these"}
	client, err := typed.NewForConfig(config)
	if err != nil {
		return broken("permissions", err)
	}
	var missing []string
	for _, need := range needs {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &need}}
		answer, err := client.SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return broken("permissions", err)
		}
		if !answer.Status.Allowed {
			missing = append(missing, need.Verb+" "+strings.Trim(need.Resource+"/"+need.Subresource, "/"))
		}
	}
	f.OK, f.Message = len(missing) == 0, "all that the server needs"
	if !f.OK {
		f.Message = "this credential may not " + strings.Join(missing, ", ")
	}
	return f
}

// installed compares the definitions on the cluster with those in this binary.
func installed(ctx context.Context, c *api.Client) (f Finding, ok bool) {
	f = Finding{Check: "definitions", Fix: "lockstep serve installs and upgrades them; or apply deploy/crds"}
	files, err := fs.Glob(deploy.CRDs, "crds/*.yaml")
	if err != nil {
		return broken("definitions", err), false
	}
	var old []string
	for _, file := range files {
		name, digest, err := definition(file)
		if err != nil {
			return broken("definitions", err), false
		}
		live, err := c.Definition(ctx, name)
		if errors.Is(err, fault.KindNotFound) {
			f.Message = name + " is not installed"
			return f, false
		}
		if err != nil {
			return broken("definitions", err), false
		}
		if live.Annotations[v1alpha1.AnnotationDigest] != digest {
			old = append(old, name)
		}
	}
	if len(old) > 0 {
		slices.Sort(old)
		f.Message = "of another version: " + strings.Join(old, ", ")
		return f, true
	}
	f.OK, f.Message = true, "installed and current"
	return f, true
}

func definition(file string) (name, digest string, err error) {
	raw, err := deploy.CRDs.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	var head metav1.PartialObjectMetadata
	if err := yaml.Unmarshal(raw, &head); err != nil {
		return "", "", err
	}
	// As the server records it.
	sum := sha256.Sum256(raw)
	return head.Name, hex.EncodeToString(sum[:16]), nil
}

func fleet(ctx context.Context, c *api.Client) []Finding {
	sources, err := c.Sources(ctx, "")
	if err != nil {
		return []Finding{broken("sources", err)}
	}
	targets, err := c.Targets(ctx, "")
	if err != nil {
		return []Finding{broken("targets", err)}
	}
	stacks, err := c.Stacks(ctx, "")
	if err != nil {
		return []Finding{broken("stacks", err)}
	}
	var out []Finding
	for i := range sources.Items {
		s := &sources.Items[i]
		if v := standing.OfSource(s); v.Standing == standing.Failing {
			out = append(out, Finding{Check: "source", Message: fmt.Sprintf("%s/%s: %s", s.Namespace, s.Name, v.Message), Fix: "look at spec.git and the Secret that it names"})
		}
	}
	for i := range targets.Items {
		t := &targets.Items[i]
		if v := standing.OfTarget(t); v.Standing == standing.Failing {
			out = append(out, Finding{Check: "target", Message: fmt.Sprintf("%s/%s: %s", t.Namespace, t.Name, v.Message), Fix: "look at spec.kubernetes and the Secret that it names"})
		}
	}
	standing.SortStacks(stacks.Items)
	unseen := 0
	for i := range stacks.Items {
		s := &stacks.Items[i]
		v := standing.OfStack(s)
		if v.Reason == "New" {
			unseen++
		}
		if v.Standing == standing.Failing {
			out = append(out, Finding{Check: "stack", Message: fmt.Sprintf("%s/%s: %s", s.Namespace, s.Name, v.Message), Fix: fmt.Sprintf("lockstep explain %s/%s", s.Namespace, s.Name)})
		}
	}
	if unseen > 0 {
		out = append(out, Finding{Check: "server", Message: fmt.Sprintf("has not looked at %s", term.Count(unseen, "stack")), Fix: "is lockstep serve running? its log says what it does"})
	}
	if len(out) == 0 {
		out = append(out, Finding{OK: true, Check: "fleet", Message: fmt.Sprintf("%s, %s, %s, none failing",
			term.Count(len(sources.Items), "source"), term.Count(len(targets.Items), "target"), term.Count(len(stacks.Items), "stack"))})
	}
	return out
}

package render

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/worktree"
)

// file is what a file of Stacks holds. Everything else in it is passed over: it
// is for the cluster.
type file struct {
	name       string
	stacks     []v1alpha1.Stack
	secrets    map[string]map[string][]byte
	configMaps map[string]map[string][]byte
}

func parse(name string, data []byte) (*file, error) {
	f := &file{name: name, secrets: map[string]map[string][]byte{}, configMaps: map[string]map[string][]byte{}}
	docs := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Invalid("cannot be read as YAML: %v", err).At("%s", name)
		}
		if err := f.add(doc); err != nil {
			return nil, fault.Invalid("%s", decodeError(err)).At("%s", name).WithHint("deploy/crds/lockstep.dev_stacks.yaml lists every field")
		}
	}
	if len(f.stacks) == 0 {
		return nil, fault.Invalid("holds no Stack").At("%s", name).WithHint("to render plain manifests, name their directory instead of -f")
	}
	return f, nil
}

// decodeError drops the names of the functions that the libraries put before
// what is wrong. Only words hang on it.
func decodeError(err error) string {
	text := err.Error()
	for _, prefix := range []string{"error unmarshaling JSON: ", "while decoding JSON: ", "json: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}

func (f *file) add(doc []byte) error {
	var head metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &head); err != nil {
		return err
	}
	switch head {
	case metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Stack"}:
		s := v1alpha1.Stack{}
		if err := yaml.UnmarshalStrict(doc, &s); err != nil {
			return err
		}
		f.stacks = append(f.stacks, s)
	case metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}:
		s := corev1.Secret{}
		if err := yaml.UnmarshalStrict(doc, &s); err != nil {
			return err
		}
		f.secrets[s.Name] = both(s.Data, s.StringData)
	case metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}:
		c := corev1.ConfigMap{}
		if err := yaml.UnmarshalStrict(doc, &c); err != nil {
			return err
		}
		f.configMaps[c.Name] = both(c.BinaryData, c.Data)
	}
	return nil
}

func both(raw map[string][]byte, text map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for k, v := range raw {
		out[k] = v
	}
	for k, v := range text {
		out[k] = []byte(v)
	}
	return out
}

// offline implements stack.Lookup from a file and a working tree. Namespaces are
// not compared: a file of Stacks often leaves them to the command that applies
// it.
type offline struct {
	file    *file
	snap    *worktree.Tree
	version string
	apis    []string
}

func (o *offline) Secret(_ context.Context, _, name string) (map[string][]byte, error) {
	return o.named(o.file.secrets, "Secret", name)
}

func (o *offline) ConfigMap(_ context.Context, _, name string) (map[string][]byte, error) {
	return o.named(o.file.configMaps, "ConfigMap", name)
}

func (o *offline) named(all map[string]map[string][]byte, kind, name string) (map[string][]byte, error) {
	if data, ok := all[name]; ok {
		return data, nil
	}
	return nil, fault.NotFound("%s %q is not in the file", kind, name).At("%s", o.file.name).
		WithHint("put one beside the Stack, or ask the cluster: lockstep plan")
}

func (o *offline) Snapshot(context.Context, lockstep.Unit, string) (source.Snapshot, error) {
	return o.snap, nil
}

func (o *offline) Driver(context.Context, lockstep.TargetRef) (driver.Driver, error) {
	return nowhere{driver.Capabilities{KubeVersion: o.version, APIVersions: o.apis}}, nil
}

// nowhere is a Target that is only asked what it could do.
type nowhere struct{ can driver.Capabilities }

func (n nowhere) Capabilities(context.Context) (driver.Capabilities, error) { return n.can, nil }
func (nowhere) Close()                                                      {}

func (nowhere) Observe(context.Context, driver.Query) (lockstep.Live, error) {
	return lockstep.Live{}, nil
}

func (nowhere) Apply(_ context.Context, _ driver.Actor, s plan.Step) lockstep.Outcome {
	return lockstep.Outcome{Key: s.Key, Verb: s.Verb, Result: lockstep.Failed, Err: fault.Invalid("there is no target")}
}

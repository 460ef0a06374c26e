package soak

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// model is what Git says, as the oracle knows it.
type model struct {
	rand   *rand.Rand
	stacks map[string]*unit
	count  int // for values and names that were never used before
}

// unit is one Stack's directory.
type unit struct {
	name     string
	renderer string
	objects  map[id]string // value that Git gives each
	broken   bool          // a file in it cannot be read
	staged   bool          // it has a hook, and its objects are in two waves
	exists   bool          // there is a Stack for it
	paused   bool
}

// id names an object of a unit; its name on the cluster may have a prefix.
type id struct{ kind, name string }

var renderers = []string{"directory", "kustomize", "helm"}

func newModel(r *rand.Rand, stacks int) *model {
	m := &model{rand: r, stacks: map[string]*unit{}}
	for i := range stacks {
		u := &unit{name: fmt.Sprintf("unit-%02d", i), renderer: renderers[i%len(renderers)], objects: map[id]string{}, exists: true, staged: i%4 == 3}
		for range 1 + r.IntN(4) {
			m.addObject(u)
		}
		m.stacks[u.name] = u
	}
	return m
}

func (m *model) value() string {
	m.count++
	return fmt.Sprintf("v%d", m.count)
}

func (m *model) addObject(u *unit) {
	k := kinds[m.rand.IntN(len(kinds))]
	m.count++
	u.objects[id{k.name, fmt.Sprintf("%s-%d", u.name, m.count)}] = m.value()
}

// any returns a unit at random.
func (m *model) any() *unit { return m.stacks[pick(m.rand, slices.Sorted(maps.Keys(m.stacks)))] }

// object returns an object of u at random; ok is false when it has none.
func (m *model) object(u *unit) (o id, ok bool) {
	if len(u.objects) == 0 {
		return id{}, false
	}
	return pick(m.rand, u.ids()), true
}

func (u *unit) ids() []id {
	return slices.SortedFunc(maps.Keys(u.objects), func(a, b id) int { return strings.Compare(a.kind+a.name, b.kind+b.name) })
}

// live is the name that o has on the cluster.
func (u *unit) live(o id) string {
	if u.renderer == "kustomize" {
		return "k-" + o.name
	}
	return o.name
}

// files is the whole repository.
func (m *model) files() map[string]string {
	out := map[string]string{"README.md": "soak\n"}
	for _, u := range m.stacks {
		for path, text := range u.files() {
			out[u.name+"/"+path] = text
		}
	}
	return out
}

func (u *unit) files() map[string]string {
	out := map[string]string{}
	switch u.renderer {
	case "kustomize":
		list := ""
		for _, o := range u.ids() {
			file := fileOf(o)
			out[file] = u.yaml(o, u.objects[o])
			list += "- " + file + "\n"
		}
		if list == "" {
			list = " []\n"
		}
		out["kustomization.yaml"] = "namePrefix: k-\nresources:\n" + list
	case "helm":
		out["Chart.yaml"] = "apiVersion: v2\nname: soak\nversion: 1.0.0\n"
		values := "values:\n"
		for i, o := range u.ids() {
			key := fmt.Sprintf("o%d", i)
			values += fmt.Sprintf("  %s: %q\n", key, u.objects[o])
			out["templates/"+fileOf(o)] = u.yaml(o, "{{ .Values.values."+key+" }}")
		}
		out["values.yaml"] = values
	default:
		out["about.txt"] = "objects of " + u.name + "\n" // or an empty directory would not be in Git
		for _, o := range u.ids() {
			out[fileOf(o)] = u.yaml(o, u.objects[o])
		}
	}
	if u.staged {
		u.addHook(out)
	}
	if u.broken {
		switch u.renderer {
		case "helm":
			out["templates/broken.yaml"] = "{{ .Values.nothing.at.all }}"
		case "kustomize":
			out["kustomization.yaml"] += "- missing.yaml\n"
		default:
			out["broken.yaml"] = "apiVersion: v1\nkind: ConfigMap\n  metadata: {name: broken\n"
		}
	}
	return out
}

// yaml is the manifest of one object. Half of a staged unit's are in a later wave.
func (u *unit) yaml(o id, value string) string {
	text := kindOf(o.kind).yaml(o.name, value)
	if u.staged && len(o.name)%2 == 0 {
		text = strings.Replace(text, "annotations: {", `annotations: {lockstep.dev/wave: "1", `, 1)
	}
	return text
}

func (u *unit) addHook(files map[string]string) {
	marks := `lockstep.dev/hook: pre-apply, lockstep.dev/hook-delete-policy: "before-creation,succeeded"`
	path := "hook.yaml"
	switch u.renderer {
	case "helm":
		marks = `helm.sh/hook: "pre-install,pre-upgrade"`
		path = "templates/hook.yaml"
	case "kustomize":
		files["kustomization.yaml"] = strings.Replace(files["kustomization.yaml"], "resources:\n", "resources:\n- hook.yaml\n", 1)
		files["kustomization.yaml"] = strings.Replace(files["kustomization.yaml"], "\n []\n", "\n", 1)
	}
	files[path] = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: " + u.name + "-hook, annotations: {" + marks + "}}\n" +
		"spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: example.org/hook}]}}}\n"
}

func fileOf(o id) string { return strings.ToLower(o.kind) + "-" + o.name + ".yaml" }

// kind is how objects of one kind carry a value.
type kind struct {
	name string
	yaml func(name, value string) string
	new  func() client.Object
	// read returns the value that a live object has.
	read func(client.Object) string
	// edit is the merge patch by which somebody else changes it.
	edit string
}

var kinds = []kind{
	{
		name: "ConfigMap",
		yaml: func(name, value string) string {
			return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", annotations: {soak.example/of: soak}}\ndata: {value: \"" + value + "\", other: \"1\"}\n"
		},
		new:  func() client.Object { return &corev1.ConfigMap{} },
		read: func(o client.Object) string { return o.(*corev1.ConfigMap).Data["value"] },
		edit: `{"data":{"value":"edited"}}`,
	},
	{
		name: "Secret",
		yaml: func(name, value string) string {
			if strings.HasPrefix(value, "{{") {
				value = "{{ " + strings.Trim(value, "{} ") + " | b64enc }}"
			} else {
				value = base64.StdEncoding.EncodeToString([]byte(value))
			}
			return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", annotations: {soak.example/of: soak}}\ndata: {value: \"" + value + "\"}\n"
		},
		new:  func() client.Object { return &corev1.Secret{} },
		read: func(o client.Object) string { return string(o.(*corev1.Secret).Data["value"]) },
		edit: `{"data":{"value":"ZWRpdGVk"}}`,
	},
	{
		name: "ServiceAccount",
		yaml: func(name, value string) string {
			return "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: " + name + ", annotations: {soak.example/value: \"" + value + "\"}}\n"
		},
		new:  func() client.Object { return &corev1.ServiceAccount{} },
		read: func(o client.Object) string { return o.GetAnnotations()["soak.example/value"] },
		edit: `{"metadata":{"annotations":{"soak.example/value":"edited"}}}`,
	},
	{
		name: "Service",
		yaml: func(name, value string) string {
			return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", annotations: {soak.example/of: soak}}\nspec: {selector: {app: \"" + value + "\"}, ports: [{port: 80}]}\n"
		},
		new:  func() client.Object { return &corev1.Service{} },
		read: func(o client.Object) string { return o.(*corev1.Service).Spec.Selector["app"] },
		edit: `{"spec":{"selector":{"app":"edited"}}}`,
	},
	{
		name: "Deployment",
		yaml: func(name, value string) string {
			return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", annotations: {soak.example/of: soak}}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: " + name + "}}\n" +
				"  template:\n    metadata: {labels: {app: " + name + "}}\n    spec:\n      terminationGracePeriodSeconds: 0\n      containers:\n      - {name: main, image: \"example.org/soak:" + value + "\"}\n"
		},
		new: func() client.Object { return &appsv1.Deployment{} },
		read: func(o client.Object) string {
			_, tag, _ := strings.Cut(o.(*appsv1.Deployment).Spec.Template.Spec.Containers[0].Image, ":")
			return tag
		},
		edit: `{"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"main","image":"example.org/soak:edited"}]}}}}`,
	},
}

func kindOf(name string) kind {
	return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })]
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// Package kin says which objects belong together when people look at a Stack.
//
// Two questions are answered. Which kinds does the cluster make of an object, so
// that they are worth asking for ([Offspring])? And on whose card does an object
// of the Stack go: that of the workload that it serves, scales, configures or
// guards ([Cards])? Nothing here decides what is applied.
package kin

import (
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// The kinds that are made of others.
var (
	Pods           = lockstep.GroupKind{Kind: "Pod"}
	ReplicaSets    = lockstep.GroupKind{Group: "apps", Kind: "ReplicaSet"}
	Jobs           = lockstep.GroupKind{Group: "batch", Kind: "Job"}
	EndpointSlices = lockstep.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}
	Claims         = lockstep.GroupKind{Kind: "PersistentVolumeClaim"}
)

var (
	deployments  = lockstep.GroupKind{Group: "apps", Kind: "Deployment"}
	statefulSets = lockstep.GroupKind{Group: "apps", Kind: "StatefulSet"}
	daemonSets   = lockstep.GroupKind{Group: "apps", Kind: "DaemonSet"}
	cronJobs     = lockstep.GroupKind{Group: "batch", Kind: "CronJob"}
	rollouts     = lockstep.GroupKind{Group: "argoproj.io", Kind: "Rollout"}
	cloneSets    = lockstep.GroupKind{Group: "apps.kruise.io", Kind: "CloneSet"}
	services     = lockstep.GroupKind{Kind: "Service"}
	certificates = lockstep.GroupKind{Group: "cert-manager.io", Kind: "Certificate"}
	requests     = lockstep.GroupKind{Group: "cert-manager.io", Kind: "CertificateRequest"}
	orders       = lockstep.GroupKind{Group: "acme.cert-manager.io", Kind: "Order"}
	challenges   = lockstep.GroupKind{Group: "acme.cert-manager.io", Kind: "Challenge"}
	analyses     = lockstep.GroupKind{Group: "argoproj.io", Kind: "AnalysisRun"}
)

// offspring are the kinds that controllers make of a kind, the nearest first.
var offspring = map[lockstep.GroupKind][]lockstep.GroupKind{
	deployments:  {ReplicaSets, Pods},
	statefulSets: {Pods},
	daemonSets:   {Pods},
	ReplicaSets:  {Pods},
	cloneSets:    {Pods},
	rollouts:     {ReplicaSets, analyses, Pods},
	Jobs:         {Pods},
	cronJobs:     {Jobs, Pods},
	services:     {EndpointSlices},
	certificates: {requests, orders, challenges},
}

// Offspring returns the kinds that are made of objects of kind, through any
// number of generations; nil for most.
func Offspring(kind lockstep.GroupKind) []lockstep.GroupKind { return offspring[kind] }

// Selected says whether all that is made of objects of kind carries the labels
// that the object selects, so that one need not list a whole namespace for it.
func Selected(kind lockstep.GroupKind) bool {
	return slices.Contains([]lockstep.GroupKind{deployments, statefulSets, daemonSets, ReplicaSets, cloneSets, rollouts}, kind)
}

// Works says whether objects of kind run pods, and so have a card of their own.
func Works(kind lockstep.GroupKind) bool {
	return kind == Pods || slices.Contains(offspring[kind], Pods)
}

// Member is one object of a Stack, with as much of it as is known: the fields
// that Git decides do.
type Member struct {
	Key  lockstep.Key
	Tree map[string]any
}

// Cards returns on whose card each object goes; those that are on none, because
// they serve no workload or several, are not in it. Objects are read as untrusted:
// what is not as it should be belongs nowhere.
func Cards(members []Member) map[lockstep.Key]lockstep.Key {
	c := cards{on: map[lockstep.Key]lockstep.Key{}, uses: map[lockstep.Key][]lockstep.Key{}}
	for _, m := range members {
		if Works(m.Key.GroupKind()) {
			c.works(m)
		}
	}
	var rest []Member
	for _, m := range members {
		if Works(m.Key.GroupKind()) {
			continue
		}
		if users := c.uses[m.Key]; len(users) == 1 {
			c.on[m.Key] = users[0]
			continue
		}
		if !c.selects(m) {
			rest = append(rest, m)
		}
	}
	// What points at an object that found its card goes to that card: an Ingress
	// to that of its Service, a binding to that of its account.
	for range 2 {
		for _, m := range rest {
			c.follows(m)
		}
	}
	return c.on
}

type cards struct {
	on        map[lockstep.Key]lockstep.Key
	uses      map[lockstep.Key][]lockstep.Key // by whom an object is named
	workloads []workload
}

type workload struct {
	key    lockstep.Key
	labels map[string]string // of its pods
}

func (c *cards) works(m Member) {
	c.on[m.Key] = m.Key
	pod := podOf(m)
	meta := at(pod, "metadata")
	c.workloads = append(c.workloads, workload{m.Key, texts(at(meta, "labels"))})
	named := map[lockstep.Key]bool{}
	name := func(kind, n string) {
		if n != "" {
			named[lockstep.Key{Kind: kind, Namespace: m.Key.Namespace, Name: n}] = true
		}
	}
	spec := at(pod, "spec")
	name("ServiceAccount", text(spec, "serviceAccountName"))
	for _, v := range list(spec, "volumes") {
		name("ConfigMap", text(at(v, "configMap"), "name"))
		name("Secret", text(at(v, "secret"), "secretName"))
		name("PersistentVolumeClaim", text(at(v, "persistentVolumeClaim"), "claimName"))
		for _, s := range list(at(v, "projected"), "sources") {
			name("ConfigMap", text(at(s, "configMap"), "name"))
			name("Secret", text(at(s, "secret"), "name"))
		}
	}
	for _, field := range []string{"containers", "initContainers"} {
		for _, container := range list(spec, field) {
			for _, e := range list(container, "env") {
				from := at(e, "valueFrom")
				name("ConfigMap", text(at(from, "configMapKeyRef"), "name"))
				name("Secret", text(at(from, "secretKeyRef"), "name"))
			}
			for _, e := range list(container, "envFrom") {
				name("ConfigMap", text(at(e, "configMapRef"), "name"))
				name("Secret", text(at(e, "secretRef"), "name"))
			}
		}
	}
	for _, s := range list(spec, "imagePullSecrets") {
		name("Secret", text(s, "name"))
	}
	for k := range named {
		c.uses[k] = append(c.uses[k], m.Key)
	}
}

// selects gives an object to the one workload whose pods it selects or that it
// names as what it scales.
func (c *cards) selects(m Member) bool {
	spec := at(m.Tree, "spec")
	if ref := at(spec, "scaleTargetRef"); ref != nil {
		return c.gives(m.Key, func(w workload) bool {
			return w.key.Namespace == m.Key.Namespace && w.key.Kind == text(ref, "kind") && w.key.Name == text(ref, "name")
		})
	}
	var labels map[string]string
	switch m.Key.Kind {
	case "Service":
		labels = texts(at(spec, "selector"))
	case "PodDisruptionBudget", "PodMonitor":
		labels = texts(at(at(spec, "selector"), "matchLabels"))
	case "NetworkPolicy":
		labels = texts(at(at(spec, "podSelector"), "matchLabels"))
	}
	if len(labels) == 0 {
		return false
	}
	return c.gives(m.Key, func(w workload) bool {
		if w.key.Namespace != m.Key.Namespace {
			return false
		}
		for k, v := range labels {
			if w.labels[k] != v {
				return false
			}
		}
		return true
	})
}

func (c *cards) gives(k lockstep.Key, mine func(workload) bool) bool {
	var one lockstep.Key
	n := 0
	for _, w := range c.workloads {
		if mine(w) {
			one = w.key
			n++
		}
	}
	if n != 1 {
		return false
	}
	c.on[k] = one
	return true
}

// follows puts m on the card of the one object that it points at.
func (c *cards) follows(m Member) {
	if _, done := c.on[m.Key]; done {
		return
	}
	var to []lockstep.Key
	add := func(kind, name string) {
		card, ok := c.on[lockstep.Key{Kind: kind, Namespace: m.Key.Namespace, Name: name}]
		if ok && !slices.Contains(to, card) {
			to = append(to, card)
		}
	}
	spec := at(m.Tree, "spec")
	switch m.Key.Kind {
	case "Ingress":
		add("Service", text(at(at(spec, "defaultBackend"), "service"), "name"))
		for _, r := range list(spec, "rules") {
			for _, p := range list(at(r, "http"), "paths") {
				add("Service", text(at(at(p, "backend"), "service"), "name"))
			}
		}
	case "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute":
		for _, r := range list(spec, "rules") {
			for _, b := range list(r, "backendRefs") {
				add("Service", text(b, "name"))
			}
		}
	case "RoleBinding", "ClusterRoleBinding":
		for _, s := range list(m.Tree, "subjects") {
			if text(s, "kind") == "ServiceAccount" {
				add("ServiceAccount", text(s, "name"))
			}
		}
	}
	if len(to) == 1 {
		c.on[m.Key] = to[0]
	}
}

// podOf returns the pod, or template of pods, in an object.
func podOf(m Member) map[string]any {
	spec := at(m.Tree, "spec")
	switch m.Key.GroupKind() {
	case Pods:
		return m.Tree
	case cronJobs:
		return at(at(at(spec, "jobTemplate"), "spec"), "template")
	}
	return at(spec, "template")
}

// Selector returns the label selector of the pods of an object; "" where it has
// none that is told by labels alone.
func Selector(tree map[string]any) string {
	s := at(at(tree, "spec"), "selector")
	if len(list(s, "matchExpressions")) > 0 {
		return ""
	}
	var terms []string
	for k, v := range texts(at(s, "matchLabels")) {
		terms = append(terms, k+"="+v)
	}
	slices.Sort(terms)
	return strings.Join(terms, ",")
}

func at(tree any, name string) map[string]any {
	m, _ := tree.(map[string]any)
	out, _ := m[name].(map[string]any)
	return out
}

func list(tree any, name string) []any {
	m, _ := tree.(map[string]any)
	out, _ := m[name].([]any)
	return out
}

func text(tree any, name string) string {
	m, _ := tree.(map[string]any)
	s, _ := m[name].(string)
	return s
}

func texts(m map[string]any) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

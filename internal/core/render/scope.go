package render

import (
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Scope says where objects of a kind live.
type Scope uint8

// The scopes.
const (
	UnknownScope Scope = iota
	NamespacedScope
	ClusterScope
)

// clusterKinds are the built-in kinds that live outside of namespaces, by group.
var clusterKinds = map[string]string{
	"":                             "Namespace Node PersistentVolume ComponentStatus",
	"admissionregistration.k8s.io": "ValidatingWebhookConfiguration MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
	"apiextensions.k8s.io":         "CustomResourceDefinition",
	"apiregistration.k8s.io":       "APIService",
	"authentication.k8s.io":        "TokenReview SelfSubjectReview",
	"authorization.k8s.io":         "SubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview",
	"certificates.k8s.io":          "CertificateSigningRequest ClusterTrustBundle",
	"flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
	"internal.apiserver.k8s.io":    "StorageVersion",
	"networking.k8s.io":            "IngressClass IPAddress ServiceCIDR",
	"node.k8s.io":                  "RuntimeClass",
	"policy":                       "PodSecurityPolicy",
	"rbac.authorization.k8s.io":    "ClusterRole ClusterRoleBinding",
	"resource.k8s.io":              "DeviceClass ResourceSlice DeviceTaintRule",
	"scheduling.k8s.io":            "PriorityClass",
	"storage.k8s.io":               "StorageClass VolumeAttachment CSIDriver CSINode VolumeAttributesClass",
	"storagemigration.k8s.io":      "StorageVersionMigration",
	// Groups whose kinds all live in namespaces.
	"apps": "", "autoscaling": "", "batch": "", "coordination.k8s.io": "", "discovery.k8s.io": "",
	"events.k8s.io": "", "extensions": "",
}

// BuiltinScope returns the scope of a kind that Kubernetes itself serves.
func BuiltinScope(gk lockstep.GroupKind) Scope {
	kinds, known := clusterKinds[gk.Group]
	if !known {
		return UnknownScope
	}
	for _, k := range strings.Fields(kinds) {
		if k == gk.Kind {
			return ClusterScope
		}
	}
	return NamespacedScope
}

// scopes answers for one render: the built-in kinds, then the definitions in
// the render itself, then what the Target says.
type scopes struct {
	defined map[lockstep.GroupKind]Scope
	target  func(lockstep.GroupKind) (namespaced, known bool)
}

func newScopes(objs []lockstep.Object, target func(lockstep.GroupKind) (bool, bool)) scopes {
	s := scopes{defined: map[lockstep.GroupKind]Scope{}, target: target}
	for _, o := range objs {
		if o.Kind() != "CustomResourceDefinition" || o.Key().Group != "apiextensions.k8s.io" {
			continue
		}
		spec, _ := o.Tree["spec"].(map[string]any)
		names, _ := spec["names"].(map[string]any)
		group, _ := spec["group"].(string)
		kind, _ := names["kind"].(string)
		switch spec["scope"] {
		case "Cluster":
			s.defined[lockstep.GroupKind{Group: group, Kind: kind}] = ClusterScope
		case "Namespaced":
			s.defined[lockstep.GroupKind{Group: group, Kind: kind}] = NamespacedScope
		}
	}
	return s
}

func (s scopes) of(gk lockstep.GroupKind) Scope {
	if b := BuiltinScope(gk); b != UnknownScope {
		return b
	}
	if d, ok := s.defined[gk]; ok {
		return d
	}
	if s.target == nil {
		return UnknownScope
	}
	namespaced, known := s.target(gk)
	switch {
	case !known:
		return UnknownScope
	case namespaced:
		return NamespacedScope
	}
	return ClusterScope
}

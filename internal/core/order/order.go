// Package order sorts objects into the stages of an apply.
//
// Stages are few on purpose. Everything in a stage is applied in parallel and
// each stage costs a round trip, so an object waits only where the API itself
// would refuse it (a namespace or a definition is not there) or where a
// controller would start something that cannot work yet. The stages of a
// deletion are the same in reverse.
package order

import (
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// The ranks of the stages, in order of applying.
const (
	Namespaces = iota
	Definitions
	Foundation
	Workloads
	Admission
	stages
)

var names = [stages]string{"namespaces", "definitions", "foundation", "workloads", "admission"}

// Name returns the name of the stage of a rank.
func Name(rank int) string { return names[rank] }

// foundation are the kinds that others only read or stand on. Services are
// among them: a pod that starts before its Service lacks the Service's
// environment variables for good.
var foundation = map[lockstep.GroupKind]bool{
	{Kind: "ServiceAccount"}:        true,
	{Kind: "Secret"}:                true,
	{Kind: "ConfigMap"}:             true,
	{Kind: "ResourceQuota"}:         true,
	{Kind: "LimitRange"}:            true,
	{Kind: "PersistentVolume"}:      true,
	{Kind: "PersistentVolumeClaim"}: true,
	{Kind: "Service"}:               true,
	{Kind: "Endpoints"}:             true,

	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:                          true,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:                         true,
	{Group: "networking.k8s.io", Kind: "IngressClass"}:                          true,
	{Group: "networking.k8s.io", Kind: "ServiceCIDR"}:                           true,
	{Group: "networking.k8s.io", Kind: "IPAddress"}:                             true,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:                         true,
	{Group: "storage.k8s.io", Kind: "StorageClass"}:                             true,
	{Group: "storage.k8s.io", Kind: "VolumeAttributesClass"}:                    true,
	{Group: "storage.k8s.io", Kind: "CSIDriver"}:                                true,
	{Group: "snapshot.storage.k8s.io", Kind: "VolumeSnapshotClass"}:             true,
	{Group: "node.k8s.io", Kind: "RuntimeClass"}:                                true,
	{Group: "resource.k8s.io", Kind: "DeviceClass"}:                             true,
	{Group: "gateway.networking.k8s.io", Kind: "GatewayClass"}:                  true,
	{Group: "flowcontrol.apiserver.k8s.io", Kind: "FlowSchema"}:                 true,
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:                          true,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:                   true,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:                   true,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}:            true,
	{Group: "certificates.k8s.io", Kind: "ClusterTrustBundle"}:                  true,
	{Group: "flowcontrol.apiserver.k8s.io", Kind: "PriorityLevelConfiguration"}: true,
}

// Stage returns the rank and the name of the stage that o is applied in.
func Stage(o lockstep.Object) (rank int, name string) {
	rank = Rank(o.Key().GroupKind())
	return rank, names[rank]
}

// Rank returns the rank of the stage that objects of a kind are applied in.
func Rank(k lockstep.GroupKind) int {
	switch {
	case k == lockstep.GroupKind{Kind: "Namespace"}:
		return Namespaces
	case k == lockstep.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return Definitions
	case foundation[k]:
		return Foundation
	case gatekeeper(k):
		return Admission
	}
	// Also every custom resource: what it stands on is not ours to know.
	return Workloads
}

// gatekeeper says whether objects of a kind can make the API refuse or misroute
// later writes: a webhook whose pods do not run yet, an aggregated API without a
// server. They come when all else is there.
func gatekeeper(k lockstep.GroupKind) bool {
	switch k.Group {
	case "admissionregistration.k8s.io":
		return strings.HasSuffix(k.Kind, "WebhookConfiguration") ||
			strings.HasSuffix(k.Kind, "AdmissionPolicy") ||
			strings.HasSuffix(k.Kind, "AdmissionPolicyBinding")
	case "apiregistration.k8s.io":
		return k.Kind == "APIService"
	}
	return false
}

// Stages sorts objects into stages in order of applying, without empty ones.
// Inside a stage they are in order of their keys.
func Stages(objs []lockstep.Object) [][]lockstep.Object {
	var byRank [stages][]lockstep.Object
	for _, o := range objs {
		r, _ := Stage(o)
		byRank[r] = append(byRank[r], o)
	}
	var out [][]lockstep.Object
	for _, stage := range byRank {
		if len(stage) == 0 {
			continue
		}
		slices.SortStableFunc(stage, func(a, b lockstep.Object) int { return a.Key().Compare(b.Key()) })
		out = append(out, stage)
	}
	return out
}

// Deletions sorts keys into the stages of a deletion, without empty ones: the
// reverse of applying, so that nothing loses what it stands on while it ends.
func Deletions(keys []lockstep.Key) [][]lockstep.Key {
	var byRank [stages][]lockstep.Key
	for _, k := range keys {
		r := Rank(k.GroupKind())
		byRank[r] = append(byRank[r], k)
	}
	var out [][]lockstep.Key
	for _, stage := range slices.Backward(byRank[:]) {
		if len(stage) == 0 {
			continue
		}
		slices.SortFunc(stage, lockstep.Key.Compare)
		out = append(out, stage)
	}
	return out
}

package risk

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// rule is what verbs on some kinds may cost.
type rule struct {
	id string
	// kinds are Kind or Kind.group, with * for any part: "*.postgresql.cnpg.io".
	kinds []string
	verbs []lockstep.Verb
	// judge is asked for each match; false if this one costs nothing after all.
	judge func(Change, Facts) (Finding, bool)
}

func (r rule) matches(c Change) bool {
	if !slices.Contains(r.verbs, c.Verb) {
		return false
	}
	gk := c.Key.GroupKind().String()
	return slices.ContainsFunc(r.kinds, func(pattern string) bool {
		ok, err := path.Match(pattern, gk)
		return err == nil && ok
	})
}

var (
	gone    = []lockstep.Verb{lockstep.Delete, lockstep.Replace}
	changed = []lockstep.Verb{lockstep.Update}
	any3    = []lockstep.Verb{lockstep.Delete, lockstep.Replace, lockstep.Update}
)

// rules in order: the first that matches an object decides.
var rules = []rule{
	{id: "pvc-delete", kinds: []string{"PersistentVolumeClaim"}, verbs: gone, judge: claim},
	{id: "pvc-change", kinds: []string{"PersistentVolumeClaim"}, verbs: changed, judge: claimChange},
	{id: "pv-delete", kinds: []string{"PersistentVolume"}, verbs: gone, judge: volume},
	{id: "namespace-delete", kinds: []string{"Namespace"}, verbs: gone, judge: namespace},
	{id: "crd-delete", kinds: []string{"CustomResourceDefinition.apiextensions.k8s.io"}, verbs: gone, judge: definition},
	{id: "statefulset", kinds: []string{"StatefulSet.apps"}, verbs: any3, judge: statefulSet},
	{id: "workload-volume", kinds: []string{"Deployment.apps", "DaemonSet.apps", "ReplicaSet.apps", "Job.batch", "CronJob.batch", "Pod"}, verbs: changed, judge: workload},
	{id: "snapshot-delete", kinds: []string{"VolumeSnapshot.snapshot.storage.k8s.io", "VolumeSnapshotContent.snapshot.storage.k8s.io"}, verbs: gone,
		judge: loses("the snapshot and, unless its class retains it, what it holds", "set deletionPolicy: Retain first")},
	{id: "storageclass-delete", kinds: []string{"StorageClass.storage.k8s.io", "VolumeSnapshotClass.snapshot.storage.k8s.io"}, verbs: gone,
		judge: reviews("claims that name it are not served any more")},
	{id: "database-delete", kinds: databases, verbs: gone,
		judge: loses("its operator deletes the data with it, as a rule", "take a backup; set lockstep.dev/prune: disabled on it to keep it")},
	{id: "cluster-delete", kinds: []string{"Cluster.cluster.x-k8s.io", "*.infrastructure.cluster.x-k8s.io", "KubeadmControlPlane.controlplane.cluster.x-k8s.io", "Machine*.cluster.x-k8s.io"}, verbs: gone,
		judge: loses("machines, and all that runs and is kept on them", "set lockstep.dev/prune: disabled on it to keep it")},
	{id: "crossplane-delete", kinds: []string{"*.crossplane.io", "*.upbound.io"}, verbs: gone, judge: managed},
	{id: "backup-delete", kinds: []string{"Backup.velero.io", "Schedule.velero.io", "BackupStorageLocation.velero.io"}, verbs: gone,
		judge: reviews("what it protects is not backed up by it any more")},
	{id: "secret-delete", kinds: []string{"Secret"}, verbs: gone,
		judge: reviews("a key or password that is nowhere else cannot be made again")},
}

// databases are the kinds of operators that keep data.
var databases = []string{
	"Cluster.postgresql.cnpg.io", "postgresql.acid.zalan.do", "PostgresCluster.postgres-operator.crunchydata.com", "InnoDBCluster.mysql.oracle.com",
	"*.psmdb.percona.com", "*.pxc.percona.com", "*.pgv2.percona.com", "*.mongodbcommunity.mongodb.com",
	"Kafka.kafka.strimzi.io", "KafkaTopic.kafka.strimzi.io", "KafkaNodePool.kafka.strimzi.io", "*.redis.redis.opstreelabs.in",
	"Elasticsearch.elasticsearch.k8s.elastic.co", "RabbitmqCluster.rabbitmq.com", "*.cassandra.datastax.com", "*.k8ssandra.io", "Tenant.minio.min.io",
	"CephCluster.ceph.rook.io", "CephBlockPool.ceph.rook.io", "CephFilesystem.ceph.rook.io", "CephObjectStore.ceph.rook.io", "Volume.longhorn.io",
	"*.planetscale.com", "ClickHouseInstallation.clickhouse.altinity.com", "Stream.jetstream.nats.io",
}

func loses(what, keep string) func(Change, Facts) (Finding, bool) {
	return func(Change, Facts) (Finding, bool) { return Finding{Level: Loss, Why: what, Keep: keep}, true }
}

func reviews(what string) func(Change, Facts) (Finding, bool) {
	return func(Change, Facts) (Finding, bool) { return Finding{Level: Review, Why: what}, true }
}

func claim(c Change, f Facts) (Finding, bool) {
	size := text(c.Live, "spec", "resources", "requests", "storage")
	if size != "" {
		size = " of " + size
	}
	if f.Reclaim[c.Key] == "Retain" {
		return Finding{Level: Review, Why: "the volume" + size + " is kept by its reclaim policy, and has to be bound again by hand"}, true
	}
	return Finding{
		Level: Loss, Why: "the volume" + size + " is deleted with it, unless its reclaim policy is Retain",
		Keep: "set lockstep.dev/prune: disabled on it, or make the volume's reclaim policy Retain",
	}, true
}

func claimChange(c Change, _ Facts) (Finding, bool) {
	for _, field := range []string{"storageClassName", "volumeName", "accessModes", "selector"} {
		if was, now := at(c.Live, "spec", field), at(c.Desired, "spec", field); was != nil && now != nil && fmt.Sprint(was) != fmt.Sprint(now) {
			return Finding{Level: Loss, Why: "spec." + field + " cannot change in place; replacing the claim deletes its volume", Keep: "make a new claim and copy the data"}, true
		}
	}
	return Finding{}, false
}

func volume(c Change, _ Facts) (Finding, bool) {
	if text(c.Live, "spec", "persistentVolumeReclaimPolicy") == "Retain" {
		return Finding{Level: Review, Why: "the storage behind it stays, and nothing on the cluster knows it any more"}, true
	}
	return Finding{Level: Loss, Why: "the storage behind it may be deleted", Keep: "make its reclaim policy Retain"}, true
}

func namespace(c Change, f Facts) (Finding, bool) {
	holds, looked := f.Holds[c.Key.Name]
	keep := "set lockstep.dev/prune: disabled on it to keep it"
	switch {
	case !looked:
		return Finding{Level: Loss, Why: "everything in it goes with it, also what Lockstep did not put there", Keep: keep}, true
	case len(holds) == 0:
		return Finding{Level: Review, Why: "everything in it goes with it; nothing that keeps data was found there"}, true
	}
	return Finding{Level: Loss, Why: fmt.Sprintf("everything in it goes with it: %s", some(holds)), Keep: keep}, true
}

func definition(c Change, f Facts) (Finding, bool) {
	n, counted := f.Instances[c.Key.Name]
	if counted && n == 0 {
		return Finding{Level: Review, Why: "the kind goes; there is no object of it"}, true
	}
	why := "all objects of the kind go with it"
	if counted {
		why = fmt.Sprintf("all %d objects of the kind go with it", n)
	}
	return Finding{Level: Loss, Why: why, Keep: "set lockstep.dev/prune: disabled on it to keep it"}, true
}

func statefulSet(c Change, _ Facts) (Finding, bool) {
	const policy = "persistentVolumeClaimRetentionPolicy"
	switch c.Verb {
	case lockstep.Update:
		was, now := number(at(c.Live, "spec", "replicas")), number(at(c.Desired, "spec", "replicas"))
		switch {
		case was < 0 || now < 0 || now >= was:
			return Finding{}, false
		case text(c.Desired, "spec", policy, "whenScaled") == "Delete":
			return Finding{Level: Loss, Why: fmt.Sprintf("the claims of %d replicas are deleted with them (whenScaled: Delete)", was-now), Keep: "set whenScaled: Retain first"}, true
		}
		return Finding{Level: Review, Why: fmt.Sprintf("%d replicas stop; their claims stay", was-now)}, true
	default:
		if text(c.Live, "spec", policy, "whenDeleted") == "Delete" {
			return Finding{Level: Loss, Why: "its claims are deleted with it (whenDeleted: Delete)", Keep: "set whenDeleted: Retain first"}, true
		}
		return Finding{Level: Review, Why: "its pods stop; their claims stay"}, true
	}
}

// workload finds volumes that stop being backed by a claim.
func workload(c Change, _ Facts) (Finding, bool) {
	was, now := volumes(c.Live), volumes(c.Desired)
	for _, name := range sorted(was) {
		before, _ := was[name].(map[string]any)
		after, kept := now[name].(map[string]any)
		if before["persistentVolumeClaim"] == nil {
			continue
		}
		if !kept || after["persistentVolumeClaim"] == nil {
			return Finding{Level: Review, Why: fmt.Sprintf("volume %q is no claim any more: what is written from now on is lost with the pod, and what the claim holds is not seen", name)}, true
		}
	}
	return Finding{}, false
}

func managed(c Change, _ Facts) (Finding, bool) {
	if text(c.Live, "spec", "deletionPolicy") == "Orphan" {
		return Finding{Level: Review, Why: "what it stands for stays, and nothing manages it any more"}, true
	}
	return Finding{Level: Loss, Why: "what it stands for is deleted at its provider", Keep: "set spec.deletionPolicy: Orphan first"}, true
}

func massive(deletes, total int) string {
	return fmt.Sprintf("%d of %d objects are deleted at once", deletes, total)
}

func some(keys []lockstep.Key) string {
	names := make([]string, 0, 4)
	for i, k := range keys {
		if i == 3 {
			names = append(names, fmt.Sprintf("and %d more", len(keys)-i))
			break
		}
		names = append(names, k.String())
	}
	return strings.Join(names, ", ")
}

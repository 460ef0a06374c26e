package risk

import (
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func of(kind, group string) lockstep.Key {
	return lockstep.Key{Kind: kind, Group: group, Namespace: "shop", Name: "it"}
}

func tree(path string, v any) map[string]any {
	parts := strings.Split(path, ".")
	for i := len(parts) - 1; i > 0; i-- {
		v = map[string]any{parts[i]: v}
	}
	return map[string]any{parts[0]: v}
}

// TestKubernetes has what rollbacks have always been judged by; what each rule says is
// in testdata.
func TestKubernetes(t *testing.T) {
	pvc, sts, ns := of("PersistentVolumeClaim", ""), of("StatefulSet", "apps"), lockstep.Key{Kind: "Namespace", Name: "shop"}
	crd := lockstep.Key{Kind: "CustomResourceDefinition", Group: "apiextensions.k8s.io", Name: "its.example.org"}
	backed := tree("spec.template.spec.volumes", []any{map[string]any{"name": "data", "persistentVolumeClaim": map[string]any{"claimName": "data"}}})
	bare := tree("spec.template.spec.volumes", []any{map[string]any{"name": "data", "emptyDir": map[string]any{}}})
	cases := map[string]struct {
		why    string
		change Change
		facts  Facts
		rule   string
		level  Level
		says   string
	}{
		"Claim":         {"A claim takes its volume along.", Change{Key: pvc, Verb: lockstep.Delete, Live: tree("spec.resources.requests.storage", "50Gi")}, Facts{}, "pvc-delete", Loss, "volume of 50Gi is deleted"},
		"ClaimRetained": {"A volume that is retained is not lost.", Change{Key: pvc, Verb: lockstep.Delete}, Facts{Reclaim: map[lockstep.Key]string{pvc: "Retain"}}, "pvc-delete", Review, "bound again"},
		"ClaimClass":    {"A class cannot change in place.", Change{Key: pvc, Verb: lockstep.Update, Live: tree("spec.storageClassName", "slow"), Desired: tree("spec.storageClassName", "fast")}, Facts{}, "pvc-change", Loss, "storageClassName"},
		"ClaimGrows":    {"A claim may grow.", Change{Key: pvc, Verb: lockstep.Update, Live: tree("spec.resources.requests.storage", "1Gi"), Desired: tree("spec.resources.requests.storage", "2Gi")}, Facts{}, "", None, ""},
		"ClaimOrphaned": {"What is left behind is not lost.", Change{Key: pvc, Verb: lockstep.Orphan}, Facts{}, "", None, ""},
		"Volume":        {"A volume may delete its storage.", Change{Key: lockstep.Key{Kind: "PersistentVolume", Name: "v"}, Verb: lockstep.Delete}, Facts{}, "pv-delete", Loss, "storage behind it"},
		"VolumeKept":    {"Unless it is retained.", Change{Key: lockstep.Key{Kind: "PersistentVolume", Name: "v"}, Verb: lockstep.Delete, Live: tree("spec.persistentVolumeReclaimPolicy", "Retain")}, Facts{}, "pv-delete", Review, "stays"},
		"Namespace":     {"Nobody looked into it.", Change{Key: ns, Verb: lockstep.Delete}, Facts{}, "namespace-delete", Loss, "everything in it"},
		"NamespaceBare": {"Nothing of value is in it.", Change{Key: ns, Verb: lockstep.Delete}, Facts{Holds: map[string][]lockstep.Key{"shop": nil}}, "namespace-delete", Review, "nothing that keeps data"},
		"NamespaceFull": {"What is in it is named.", Change{Key: ns, Verb: lockstep.Delete}, Facts{Holds: map[string][]lockstep.Key{"shop": {pvc}}}, "namespace-delete", Loss, "PersistentVolumeClaim/shop/it"},
		"Kind":          {"All objects of a kind go with its definition.", Change{Key: crd, Verb: lockstep.Delete}, Facts{Instances: map[string]int{"its.example.org": 7}}, "crd-delete", Loss, "all 7 objects"},
		"KindUnused":    {"A kind nobody uses can go.", Change{Key: crd, Verb: lockstep.Delete}, Facts{Instances: map[string]int{"its.example.org": 0}}, "crd-delete", Review, "no object"},
		"Set":           {"A StatefulSet leaves its claims.", Change{Key: sts, Verb: lockstep.Delete}, Facts{}, "statefulset", Review, "claims stay"},
		"SetDeletes":    {"Unless it says otherwise.", Change{Key: sts, Verb: lockstep.Replace, Live: tree("spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Delete")}, Facts{}, "statefulset", Loss, "whenDeleted"},
		"SetShrinks":    {"Fewer replicas, the claims stay.", Change{Key: sts, Verb: lockstep.Update, Live: tree("spec.replicas", int64(3)), Desired: tree("spec.replicas", int64(1))}, Facts{}, "statefulset-scale", Review, "2 replicas stop"},
		"SetGrows":      {"More replicas cost nothing.", Change{Key: sts, Verb: lockstep.Update, Live: tree("spec.replicas", int64(1)), Desired: tree("spec.replicas", int64(3))}, Facts{}, "", None, ""},
		"SetShrinksAway": {"Unless it deletes them when scaled.", Change{Key: sts, Verb: lockstep.Update, Live: tree("spec.replicas", int64(3)),
			Desired: map[string]any{"spec": map[string]any{"replicas": int64(1), "persistentVolumeClaimRetentionPolicy": map[string]any{"whenScaled": "Delete"}}}}, Facts{}, "statefulset-scale", Loss, "whenScaled"},
		"Unbacked":     {"A volume that is no claim any more.", Change{Key: of("Deployment", "apps"), Verb: lockstep.Update, Live: backed, Desired: bare}, Facts{}, "workload-volume", Review, `volume "data"`},
		"Backed":       {"A claim that stays.", Change{Key: of("Deployment", "apps"), Verb: lockstep.Update, Live: backed, Desired: backed}, Facts{}, "", None, ""},
		"Snapshot":     {"Snapshots hold data.", Change{Key: of("VolumeSnapshot", "snapshot.storage.k8s.io"), Verb: lockstep.Delete}, Facts{}, "snapshot-delete", Loss, "snapshot"},
		"StorageClass": {"Claims that name it starve.", Change{Key: of("StorageClass", "storage.k8s.io"), Verb: lockstep.Delete}, Facts{}, "storageclass-delete", Review, "claims"},
		"Database":     {"Operators delete data with the object.", Change{Key: of("Cluster", "postgresql.cnpg.io"), Verb: lockstep.Delete}, Facts{}, "database-delete", Loss, "operator"},
		"DatabaseGlob": {"Whole groups of some operators keep data.", Change{Key: of("PerconaXtraDBCluster", "pxc.percona.com"), Verb: lockstep.Replace}, Facts{}, "database-delete", Loss, "operator"},
		"DatabaseGrow": {"A change of one is its operator's business.", Change{Key: of("Cluster", "postgresql.cnpg.io"), Verb: lockstep.Update}, Facts{}, "", None, ""},
		"Cluster":      {"A cluster is all that runs on it.", Change{Key: of("Cluster", "cluster.x-k8s.io"), Verb: lockstep.Delete}, Facts{}, "cluster-delete", Loss, "machines"},
		"Managed":      {"Crossplane deletes at the provider.", Change{Key: of("Bucket", "s3.aws.crossplane.io"), Verb: lockstep.Delete}, Facts{}, "crossplane-delete", Loss, "provider"},
		"ManagedKept":  {"Unless it is orphaned.", Change{Key: of("Bucket", "s3.aws.upbound.io"), Verb: lockstep.Delete, Live: tree("spec.deletionPolicy", "Orphan")}, Facts{}, "crossplane-delete", Review, "stays"},
		"Backup":       {"Backups protect something.", Change{Key: of("Schedule", "velero.io"), Verb: lockstep.Delete}, Facts{}, "backup-delete", Review, "backed up"},
		"Secret":       {"A key may be nowhere else.", Change{Key: of("Secret", ""), Verb: lockstep.Delete}, Facts{}, "secret-delete", Review, "nowhere else"},
		"ConfigMap":    {"Git can bring it back.", Change{Key: of("ConfigMap", ""), Verb: lockstep.Delete}, Facts{}, "", None, ""},
		"Deployment":   {"So it can a workload without state.", Change{Key: of("Deployment", "apps"), Verb: lockstep.Delete}, Facts{}, "", None, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Judge([]Change{tc.change}, 100, tc.facts, DefaultLimits)
			if tc.rule == "" {
				if len(got) != 0 {
					t.Fatalf("%s\ngot %+v, want nothing", tc.why, got)
				}
				return
			}
			if len(got) != 1 || got[0].Rule != tc.rule || got[0].Level != tc.level || !strings.Contains(got[0].Why, tc.says) {
				t.Errorf("%s\ngot %+v, want %s %s %q", tc.why, got, tc.rule, tc.level, tc.says)
			}
		})
	}
}

func TestMassDelete(t *testing.T) {
	var changes []Change
	for range 6 {
		changes = append(changes, Change{Key: of("ConfigMap", ""), Verb: lockstep.Delete})
	}
	if got := Judge(changes, 10, Facts{}, DefaultLimits); len(got) != 1 || got[0].Rule != "mass-delete" || Worst(got) != Loss {
		t.Errorf("6 of 10: %+v", got)
	}
	if got := Judge(changes, 12, Facts{}, DefaultLimits); len(got) != 0 {
		t.Errorf("half is not more than half: %+v", got)
	}
	if got := Judge(changes[:5], 5, Facts{}, DefaultLimits); len(got) != 0 {
		t.Errorf("a handful is never too many: %+v", got)
	}
}

// TestOrder: what may be lost comes first.
func TestOrder(t *testing.T) {
	got := Judge([]Change{
		{Key: of("Secret", ""), Verb: lockstep.Delete},
		{Key: of("PersistentVolumeClaim", ""), Verb: lockstep.Delete},
	}, 100, Facts{}, DefaultLimits)
	if len(got) != 2 || got[0].Rule != "pvc-delete" {
		t.Errorf("got %+v", got)
	}
}

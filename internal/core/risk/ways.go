package risk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Way is something to do so that what may be lost is not.
type Way struct {
	// Name is what it does in a few words: "have it forgotten".
	Name string `json:"name"`
	// Text is what to write into Git or into a shell, as it is.
	Text string `json:"text"`
}

// ways are the ways out by the name that rules have for them. One that is no way for
// the subject has no text.
var ways = map[string]struct {
	name string
	text func(subject) string
}{
	"forget":          {"leave it as it is, and have it forgotten", forget},
	"orphan":          {"keep the object and give it up", orphan},
	"protect":         {"have the provider refuse to delete it", protect},
	"prevent":         {"have the tool refuse to destroy it", prevent},
	"snapshot":        {"take a snapshot first", snapshot},
	"copy":            {"copy what is in it first", copied},
	"lock":            {"put a lock on it", lock},
	"backup":          {"take a backup first", backup},
	"snapshot-volume": {"take a snapshot of the volume first", snapshotVolume},
	"retain-volume":   {"keep the storage behind it", retainVolume},
	"orphan-policy":   {"keep what it stands for", orphanPolicy},
}

func waysOut(r Rule, s subject) []Way {
	var out []Way
	for _, name := range r.Ways {
		w := ways[name]
		if text := w.text(s); text != "" {
			out = append(out, Way{w.name, text})
		}
	}
	return out
}

// gone are the reasons of a deletion that a removed block can turn into forgetting: the
// block has to be gone from the configuration, with all its instances.
var gone = []string{"", "delete_because_no_resource_config", "delete_because_no_module", "delete_because_no_move_target"}

func forget(s subject) string {
	if s.action != change.Delete || s.change.Deposed != "" || !slices.Contains(gone, s.change.Reason) {
		return ""
	}
	return fmt.Sprintf("removed {\n  from = %s\n\n  lifecycle {\n    destroy = false\n  }\n}\n", s.address())
}

// object is a key as kubectl takes it.
func object(k lockstep.Key) string {
	s := strings.ToLower(k.GroupKind().String()) + " " + k.Name
	if k.Namespace != "" {
		s += " --namespace " + k.Namespace
	}
	return s
}

func orphan(s subject) string {
	if s.action != change.Delete || !plain(s.key.Name) {
		return ""
	}
	return fmt.Sprintf("kubectl annotate %s lockstep.dev/prune=disabled\n", object(s.key))
}

// guards are the attributes by which providers refuse to delete, with the value.
var guards = []struct{ name, value string }{
	{"deletion_protection", "true"}, {"deletion_protection_enabled", "true"}, {"termination_protection", "true"},
	{"termination_protection_enabled", "true"}, {"delete_protection", "true"}, {"delete_protection_state", `"DELETE_PROTECTION_ENABLED"`},
}

// protect is for a resource that stays in Git: one that has such an attribute.
func protect(s subject) string {
	for _, g := range guards {
		if v, has := s.before[g.name]; has {
			value := g.value
			if _, words := v.(string); words && value == "true" {
				value = `"ACTIVE"`
			}
			return fmt.Sprintf("# in %s\n%s = %s\n", s.address(), g.name, value)
		}
	}
	return ""
}

func prevent(s subject) string {
	return fmt.Sprintf("# in %s\nlifecycle {\n  prevent_destroy = true\n}\n", s.address())
}

// snapshots are the commands that take a snapshot, by type; %s is the identifier.
var snapshots = map[string]struct{ attribute, command string }{
	"aws_db_instance":                   {"identifier", "aws rds create-db-snapshot --db-instance-identifier %[1]s --db-snapshot-identifier %[1]s-before-delete"},
	"aws_rds_cluster":                   {"cluster_identifier", "aws rds create-db-cluster-snapshot --db-cluster-identifier %[1]s --db-cluster-snapshot-identifier %[1]s-before-delete"},
	"aws_docdb_cluster":                 {"cluster_identifier", "aws docdb create-db-cluster-snapshot --db-cluster-identifier %[1]s --db-cluster-snapshot-identifier %[1]s-before-delete"},
	"aws_neptune_cluster":               {"cluster_identifier", "aws neptune create-db-cluster-snapshot --db-cluster-identifier %[1]s --db-cluster-snapshot-identifier %[1]s-before-delete"},
	"aws_redshift_cluster":              {"cluster_identifier", "aws redshift create-cluster-snapshot --cluster-identifier %[1]s --snapshot-identifier %[1]s-before-delete"},
	"aws_dynamodb_table":                {"name", "aws dynamodb create-backup --table-name %[1]s --backup-name %[1]s-before-delete"},
	"aws_ebs_volume":                    {"id", "aws ec2 create-snapshot --volume-id %[1]s"},
	"google_sql_database_instance":      {"name", "gcloud sql backups create --instance %[1]s"},
	"google_compute_disk":               {"name", "gcloud compute snapshots create %[1]s-before-delete --source-disk %[1]s"},
	"google_spanner_database":           {"name", "gcloud spanner backups create %[1]s-before-delete --database %[1]s"},
	"azurerm_managed_disk":              {"id", "az snapshot create --name before-delete --source %[1]s"},
	"digitalocean_volume":               {"id", "doctl compute volume snapshot %[1]s --snapshot-name before-delete"},
	"aws_elasticache_replication_group": {"id", "aws elasticache create-snapshot --replication-group-id %[1]s --snapshot-name %[1]s-before-delete"},
}

func snapshot(s subject) string {
	known, ok := snapshots[s.typ]
	id, _ := s.before[known.attribute].(string)
	if !ok || !plain(id) {
		return ""
	}
	return fmt.Sprintf(known.command, id) + "\n"
}

func copied(s subject) string {
	bucket, _ := s.before["bucket"].(string)
	if s.typ != "aws_s3_bucket" || !plain(bucket) {
		return ""
	}
	return fmt.Sprintf("aws s3 sync s3://%[1]s s3://%[1]s-copy\n", bucket)
}

func lock(s subject) string {
	return fmt.Sprintf("resource \"azurerm_management_lock\" \"keep\" {\n  name       = \"keep\"\n  scope      = %s.id\n  lock_level = \"CanNotDelete\"\n}\n", s.address())
}

func backup(s subject) string {
	if s.key.Group != "postgresql.cnpg.io" || !plain(s.key.Name) {
		return ""
	}
	return fmt.Sprintf("kubectl cnpg backup %s --namespace %s\n", s.key.Name, s.key.Namespace)
}

func snapshotVolume(s subject) string {
	if !plain(s.key.Name) {
		return ""
	}
	return fmt.Sprintf("apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata:\n  name: %s-before-delete\n  namespace: %s\nspec:\n  source:\n    persistentVolumeClaimName: %s\n", s.key.Name, s.key.Namespace, s.key.Name)
}

func retainVolume(s subject) string {
	if !plain(s.key.Name) {
		return ""
	}
	return fmt.Sprintf("kubectl patch persistentvolume %s --patch '{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Retain\"}}'\n", s.key.Name)
}

func orphanPolicy(s subject) string {
	if !plain(s.key.Name) {
		return ""
	}
	return fmt.Sprintf("kubectl patch %s --type merge --patch '{\"spec\":{\"deletionPolicy\":\"Orphan\"}}'\n", object(s.key))
}

// plain says whether a word can stand in a command as it is. What is not, a masked
// value for instance, is not put into one.
func plain(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:") == "" && !strings.HasPrefix(s, "-")
}

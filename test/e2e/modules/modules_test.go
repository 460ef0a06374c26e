// Package modules goes through the life of a graph of Stacks of which some are root
// modules: a network, a database in it, and the shop that runs on both, with the real
// OpenTofu and Terraform, a real server and cluster, and a cloud that is a folder.
package modules

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
	"github.com/lockstep-dev/lockstep/test/world"
)

func TestMain(m *testing.M) { cluster.Main(m) }

const within = 90 * time.Second

// password is what must be found nowhere but in the cloud and where it was put.
const password = "hush-hush-5A17"

type scene struct {
	*world.World
	cloud  *tofutest.Cloud
	tool   *tofutest.Tool
	source *v1alpha1.Source
	server *world.Server
	data   string
	files  map[string]string
	push   func(change map[string]string) string
}

const network = `
variable "cidr" { type = string }
resource "fakecloud_network" "main" {
  name = "shop"
  cidr = var.cidr
}
output "id" { value = fakecloud_network.main.id }
output "cidr" { value = var.cidr }
`

const database = `
variable "network" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
module "db" {
  source   = "../modules/database"
  network  = var.network
  password = var.password
}
output "endpoint" { value = module.db.endpoint }
output "dsn" {
  value     = module.db.dsn
  sensitive = true
}
`

const module = `
terraform {
  required_providers { fakecloud = { source = "lockstep-dev/fakecloud" } }
}
variable "network" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
resource "fakecloud_database" "main" {
  name     = "shop"
  engine   = "postgres"
  size     = 10
  network  = var.network
  password = var.password
}
output "endpoint" { value = fakecloud_database.main.endpoint }
output "dsn" {
  value     = fakecloud_database.main.dsn
  sensitive = true
}
`

const shop = `
apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
data: {endpoint: "${ENDPOINT}", network: "${NETWORK}"}
`

func settled(t *testing.T, tool *tofutest.Tool, tools *tofutest.Set) *scene {
	w := world.New(t)
	repo, url := w.Repo("infra")
	s := &scene{World: w, cloud: tofutest.NewCloud(t), tool: tool, data: t.TempDir(), files: map[string]string{
		"network/main.tf":          tofutest.Require("fakecloud") + network,
		"database/main.tf":         tofutest.Require("fakecloud") + database,
		"modules/database/main.tf": module,
		"shop/shop.yaml":           shop,
	}}
	s.push = func(change map[string]string) string {
		t.Helper()
		for name, text := range change {
			s.files[name] = text
		}
		hash, err := repo.Commit("main", "change the infrastructure", s.files)
		if err != nil {
			t.Fatal(err)
		}
		if s.source != nil {
			w.Poke(s.source)
		}
		return hash
	}
	s.push(nil)
	s.serve(tools)
	s.source = s.Source("infra", url)
	return s
}

func (s *scene) serve(tools *tofutest.Set) {
	path := filepath.Dir(s.tool.Path) + string(os.PathListSeparator) + os.Getenv("PATH")
	s.server = s.Serve(world.ServeOptions{DataDir: s.data, Args: []string{"--terraform-config=" + tools.CLIConfig}, Env: []string{"PATH=" + path}})
}

func (s *scene) declare(change func(network, database *v1alpha1.Stack)) {
	s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "db"}, StringData: map[string]string{"password": password}})
	env := map[string]string{}
	for _, e := range s.cloud.Env() {
		k, v, _ := strings.Cut(e, "=")
		env[k] = v
	}
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: s.Namespace, Name: name} }
	from := func(path string) v1alpha1.StackSource { return v1alpha1.StackSource{Name: "infra", Path: path} }
	n := &v1alpha1.Stack{ObjectMeta: at("network"), Spec: v1alpha1.StackSpec{Source: from("network"), Terraform: &v1alpha1.Terraform{
		Tool: s.tool.Name, Env: env, Vars: &apiextensionsv1.JSON{Raw: []byte(`{"cidr":"10.0.0.0/16"}`)},
	}}}
	d := &v1alpha1.Stack{ObjectMeta: at("database"), Spec: v1alpha1.StackSpec{
		Source: from("database"), Inputs: []v1alpha1.Input{{From: "network", Output: "id", As: "network"}},
		Terraform: &v1alpha1.Terraform{Tool: s.tool.Name, Env: env, VarsFrom: []v1alpha1.SubstituteFrom{{Kind: "Secret", Name: "db"}}},
	}}
	if change != nil {
		change(n, d)
	}
	// The last first: each waits for what it needs.
	s.Create(&v1alpha1.Stack{ObjectMeta: at("shop"), Spec: v1alpha1.StackSpec{Source: from("shop"), Inputs: []v1alpha1.Input{
		{From: "database", Output: "endpoint", As: "ENDPOINT"}, {From: "network", Output: "id", As: "NETWORK"},
	}}})
	s.Create(d)
	s.Create(n)
}

func (s *scene) stack(name string) *v1alpha1.Stack {
	s.T.Helper()
	out := &v1alpha1.Stack{}
	if err := s.Client.Get(s.T.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, out); err != nil {
		s.T.Fatal(err)
	}
	return out
}

// stands waits until name is as it should be at revision, "" for any.
func (s *scene) stands(name, revision string) *v1alpha1.Stack {
	s.T.Helper()
	var out *v1alpha1.Stack
	s.Eventually(name+" stands", within, func() (bool, string) {
		out = s.stack(name)
		c := meta.FindStatusCondition(out.Status.Conditions, v1alpha1.ConditionReady)
		ok := c != nil && c.Status == metav1.ConditionTrue && out.Status.ObservedGeneration == out.Generation && (revision == "" || out.Status.Revision == revision)
		return ok, fmt.Sprintf("%+v at %s", c, out.Status.Revision)
	})
	return out
}

// held waits until name is held by a gate, and returns the digest of its plan.
func (s *scene) held(name, gate string) *v1alpha1.PlanSummary {
	s.T.Helper()
	var out *v1alpha1.PlanSummary
	s.Eventually(name+" is held by "+gate, within, func() (bool, string) {
		x := s.stack(name)
		out = x.Status.Plan
		return out != nil && out.Held == gate, fmt.Sprintf("%+v %+v", out, x.Status.Conditions)
	})
	return out
}

func (s *scene) approve(name string, a v1alpha1.Approval) {
	s.T.Helper()
	now := metav1.Now()
	a.At, a.By = &now, "mia"
	raw, err := json.Marshal(map[string]any{"spec": map[string]any{"approval": a}})
	if err != nil {
		s.T.Fatal(err)
	}
	x := s.stack(name)
	if err := s.Client.Patch(s.T.Context(), x, client.RawPatch("application/merge-patch+json", raw)); err != nil {
		s.T.Fatal(err)
	}
}

// TestGraph goes from nothing to a shop that runs on a database in a network, changes
// it, replaces it, finds what others did, and takes it down, in that order.
func TestGraph(t *testing.T) {
	tools := tofutest.Tools(t)
	tools.Each(t, func(t *testing.T, tool *tofutest.Tool) {
		// One after the other: a server looks after all namespaces of the cluster.
		s := settled(t, tool, tools)
		s.declare(nil)

		s.stands("network", "")
		db := s.stands("database", "")
		s.stands("shop", "")
		if db.Status.Objects != 1 || db.Status.Terraform == nil || db.Status.Terraform.Serial == 0 || db.Status.Release != 1 {
			t.Errorf("the database's status is %+v, %+v", db.Status, db.Status.Terraform)
		}
		object := s.cloud.Find(t, "fakecloud_database", "shop")
		cm := &corev1.ConfigMap{}
		if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: "shop"}, cm); err != nil {
			t.Fatal(err)
		}
		net := s.cloud.Find(t, "fakecloud_network", "shop")
		if cm.Data["network"] != net.ID || cm.Data["endpoint"] == "" || object.Attributes["network"] != net.ID {
			t.Errorf("the shop has %v, the database %v, the network is %s", cm.Data, object.Attributes, net.ID)
		}

		s.unchanged()
		s.updated()
		s.replaced()
		s.drifted()
		s.nowhere()
	})
}

// TestKilled: a server that is killed while the tool works leaves it working, and the
// next one finds everything as it should be: nothing twice, no lock left.
func TestKilled(t *testing.T) {
	tools := tofutest.Tools(t)
	s := settled(t, tools.Tofu, tools)
	s.cloud.Fail(t, tofutest.Fault{On: "create", Type: "fakecloud_database", Do: "slow", Seconds: 4})
	s.declare(nil)
	s.stands("network", "")
	s.cloud.Await(t, "create", "fakecloud_database", "shop")
	s.server.Kill()
	s.serve(tools)
	s.stands("database", "")
	s.stands("shop", "")
	if got := len(s.cloud.Calls(t, "create")); got != 2 {
		t.Errorf("%d creations of a network and a database: %+v", got, s.cloud.Calls(t, "create"))
	}
	if n := len(s.cloud.Objects(t)); n != 2 {
		t.Errorf("%d objects in the cloud", n)
	}
	hash := s.push(map[string]string{"modules/database/main.tf": strings.Replace(module, "size     = 10", "size     = 30", 1)})
	s.stands("database", hash)
	s.nowhere()
}

// TestDestroyed: what was asked to go goes with the Stack, after an approval, and what
// others depend on goes last.
func TestDestroyed(t *testing.T) {
	tools := tofutest.Tools(t)
	s := settled(t, tools.Tofu, tools)
	s.declare(func(network, database *v1alpha1.Stack) {
		network.Spec.Terraform.DestroyOnDeletion, database.Spec.Terraform.DestroyOnDeletion = true, true
	})
	s.stands("shop", "")
	for _, name := range []string{"network", "database", "shop"} {
		if err := s.Client.Delete(t.Context(), s.stack(name)); err != nil {
			t.Fatal(err)
		}
	}
	p := s.held("database", "loss")
	s.Eventually("the network waits for the database", within, func() (bool, string) {
		c := meta.FindStatusCondition(s.stack("network").Status.Conditions, v1alpha1.ConditionReady)
		return c != nil && strings.Contains(c.Message, "database to be deleted"), fmt.Sprintf("%+v", c)
	})
	s.approve("database", v1alpha1.Approval{Plan: p.Digest, Reason: "the shop closes", AcceptLoss: []string{"module.db.fakecloud_database.main"}})
	p = s.held("network", "approval")
	if n := len(s.cloud.Objects(t)); n != 1 {
		t.Errorf("%d objects are left in the cloud, want the network", n)
	}
	s.approve("network", v1alpha1.Approval{Plan: p.Digest, Reason: "the shop closes"})
	s.Eventually("all are gone", within, func() (bool, string) {
		list := &v1alpha1.StackList{}
		err := s.Client.List(t.Context(), list, client.InNamespace(s.Namespace))
		return err == nil && len(list.Items) == 0 && len(s.cloud.Objects(t)) == 0, fmt.Sprintf("%d Stacks, %v", len(list.Items), s.cloud.Objects(t))
	})
}

// unchanged: a commit beside costs nothing; one of the module plans its users only.
func (s *scene) unchanged() {
	s.T.Helper()
	s.cloud.Forget(s.T)
	before := s.server.Metric("lockstep_stack_pass_seconds_count")
	hash := s.push(map[string]string{"README.md": fmt.Sprint(time.Now().UnixNano())})
	s.Eventually("the commit is there", within, func() (bool, string) {
		src := &v1alpha1.Source{}
		err := s.Client.Get(s.T.Context(), client.ObjectKeyFromObject(s.source), src)
		return err == nil && src.Status.Revision == hash, fmt.Sprint(src.Status.Revision, err)
	})
	time.Sleep(500 * time.Millisecond)
	if calls := s.cloud.Calls(s.T); len(calls) > 0 || s.server.Metric("lockstep_stack_pass_seconds_count") != before {
		s.T.Errorf("a commit that touches no Stack led to %v", calls)
	}
}

// updated: what is changed in place needs nobody.
func (s *scene) updated() {
	s.T.Helper()
	hash := s.push(map[string]string{"modules/database/main.tf": strings.Replace(module, "size     = 10", "size     = 20", 1)})
	x := s.stands("database", hash)
	if got := s.cloud.Find(s.T, "fakecloud_database", "shop").Attributes["size"]; fmt.Sprint(got) != "20" {
		s.T.Errorf("the size is %v", got)
	}
	if h := x.Status.History[0]; h.Outcome != "Succeeded" || h.Summary != "1 changed" || h.Cause != "commit" {
		s.T.Errorf("the release is %+v", h)
	}
	if got := s.stack("network").Status.Release; got != 1 {
		s.T.Errorf("the network has %d releases, and nothing of it changed", got)
	}
	for _, c := range s.cloud.Calls(s.T) {
		if c.Type == "fakecloud_network" {
			s.T.Errorf("the network was asked for: %+v", c)
		}
	}
}

// replaced: what destroys waits for a person, for exactly that plan, once.
func (s *scene) replaced() {
	s.T.Helper()
	old := s.cloud.Find(s.T, "fakecloud_database", "shop").ID
	hash := s.push(map[string]string{"modules/database/main.tf": strings.Replace(module, `"postgres"`, `"mysql"`, 1)})
	p := s.held("database", "loss")
	if !strings.Contains(p.Summary, "1 to replace") {
		s.T.Errorf("the plan is %+v", p)
	}
	s.approve("database", v1alpha1.Approval{Plan: "sha256:" + strings.Repeat("0", 64), Reason: "another plan"})
	s.Eventually("another digest is refused", within, func() (bool, string) {
		c := meta.FindStatusCondition(s.stack("database").Status.Conditions, v1alpha1.ConditionReady)
		return strings.Contains(c.Message, "sha256:000"), c.Message
	})
	s.approve("database", v1alpha1.Approval{Plan: p.Digest, Reason: "it is empty"})
	s.Eventually("a mere yes accepts no loss", within, func() (bool, string) {
		c := meta.FindStatusCondition(s.stack("database").Status.Conditions, v1alpha1.ConditionReady)
		return strings.Contains(c.Message, "does not name"), c.Message
	})
	if s.cloud.Find(s.T, "fakecloud_database", "shop").ID != old {
		s.T.Fatal("it was replaced without an approval")
	}
	s.approve("database", v1alpha1.Approval{Plan: p.Digest, Reason: "it is empty", AcceptLoss: []string{"module.db.fakecloud_database.main"}})
	x := s.stands("database", hash)
	if s.cloud.Find(s.T, "fakecloud_database", "shop").ID == old || len(x.Status.Consumed) != 1 {
		s.T.Errorf("the database is still %s, used up are %v", old, x.Status.Consumed)
	}
}

// drifted: what others change is found and proposed.
func (s *scene) drifted() {
	s.T.Helper()
	x := s.stack("database")
	raw := []byte(`{"spec":{"terraform":{"drift":{"interval":"10s"}}}}`)
	if err := s.Client.Patch(s.T.Context(), x, client.RawPatch("application/merge-patch+json", raw)); err != nil {
		s.T.Fatal(err)
	}
	id := s.cloud.Find(s.T, "fakecloud_database", "shop").ID
	s.cloud.Edit(s.T, id, func(o *tofutest.Object) { o.Attributes["size"] = 5 })
	s.Eventually("the drift is proposed to be undone", within, func() (bool, string) {
		x := s.stack("database")
		d := x.Status.Drift
		return d != nil && d.Fields == 1 && x.Status.Plan != nil && x.Status.Plan.Held == "approval", fmt.Sprintf("%+v %+v %+v", d, x.Status.Plan, x.Status.Conditions)
	})
	s.approve("database", v1alpha1.Approval{Plan: s.stack("database").Status.Plan.Digest})
	s.Eventually("it is undone", within, func() (bool, string) {
		x := s.stack("database")
		got := s.cloud.Find(s.T, "fakecloud_database", "shop").Attributes["size"]
		return fmt.Sprint(got) == "10" && x.Status.Drift == nil && x.Status.Plan == nil, fmt.Sprintf("%v %+v", got, x.Status)
	})
}

// nowhere: the password is in no status, no event, no log, and not in clear on the disk.
func (s *scene) nowhere() {
	s.T.Helper()
	if strings.Contains(s.server.Log(), password) {
		s.T.Error("the log has the password")
	}
	list := &v1alpha1.StackList{}
	events := &corev1.EventList{}
	for _, l := range []client.ObjectList{list, events} {
		if err := s.Client.List(s.T.Context(), l, client.InNamespace(s.Namespace)); err != nil {
			s.T.Fatal(err)
		}
		raw, err := json.Marshal(l)
		if err != nil {
			s.T.Fatal(err)
		}
		if strings.Contains(string(raw), password) {
			s.T.Errorf("the password is in %T", l)
		}
	}
	if found := grep(s.T, s.data); len(found) > 0 {
		s.T.Errorf("the password is in %v", found)
	}
}

// grep returns the files below dir that hold the password in clear.
func grep(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	var walk func(string)
	walk = func(d string) {
		entries, err := os.ReadDir(d)
		if err != nil {
			return // a run's directory goes while it is looked at
		}
		for _, e := range entries {
			at := d + "/" + e.Name()
			if e.IsDir() {
				walk(at)
				continue
			}
			if b, err := os.ReadFile(at); e.Type().IsRegular() && err == nil && strings.Contains(string(b), password) {
				out = append(out, at)
			}
		}
	}
	walk(dir)
	return out
}

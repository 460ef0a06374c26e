package tofutest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

const shop = `
variable "cidr" {
  type    = string
  default = "10.0.0.0/16"
}
variable "size" {
  type    = number
  default = 10
}
variable "password" {
  type      = string
  sensitive = true
  default   = "first-secret"
}
resource "fakecloud_network" "shop" {
  name = "shop"
  cidr = var.cidr
}
resource "fakecloud_database" "shop" {
  name     = "shop"
  engine   = "postgres"
  size     = var.size
  network  = fakecloud_network.shop.id
  password = var.password
}
resource "random_pet" "shop" {}
resource "terraform_data" "shop" {
  input = random_pet.shop.id
}
data "fakecloud_network" "same" {
  name       = "shop"
  depends_on = [terraform_data.shop, fakecloud_network.shop]
}
output "endpoint" {
  value = fakecloud_database.shop.endpoint
}
output "dsn" {
  value     = fakecloud_database.shop.dsn
  sensitive = true
}
output "cidr" {
  value = data.fakecloud_network.same.cidr
}
`

// TestLifecycle goes once through everything that a driver does.
func TestLifecycle(t *testing.T) {
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		t.Parallel()
		w := newWork(t, tool, tofutest.Require("fakecloud", "random")+shop)

		w.plan(2)
		if calls := w.cloud.Calls(t, "create", "read", "update", "delete"); len(calls) > 0 {
			t.Errorf("planning what does not exist called %+v", calls)
		}
		if diff := cmp.Diff([]string{
			"fakecloud_database.shop create", "fakecloud_network.shop create", "random_pet.shop create", "terraform_data.shop create",
			"data.fakecloud_network.same read",
		}, w.actions(), sorted); diff != "" {
			t.Errorf("first plan (-want +got):\n%s", diff)
		}
		w.must("apply", "plan.out")
		w.plan(0)

		database := w.cloud.Find(t, "fakecloud_database", "shop")
		if database.ID != "database-shop-2" || database.Status != "ready" {
			t.Errorf("the database is %+v", database)
		}

		// Somebody makes it larger.
		w.cloud.Edit(t, database.ID, func(o *tofutest.Object) { o.Attributes["size"] = 99 })
		w.plan(2, "-refresh-only")
		if diff := cmp.Diff([]string{"fakecloud_database.shop update"}, w.drift(), sorted); diff != "" {
			t.Errorf("drift (-want +got):\n%s", diff)
		}
		w.must("apply", "-auto-approve")
		w.plan(0)

		w.plan(2, "-var", "size=20", "-var", "cidr=10.1.0.0/16")
		if diff := cmp.Diff([]string{"fakecloud_database.shop update", "fakecloud_network.shop delete create", "data.fakecloud_network.same read"}, w.actions(), sorted); diff != "" {
			t.Errorf("change (-want +got):\n%s", diff)
		}
		w.cloud.Forget(t)
		w.must("apply", "plan.out")
		if calls := w.cloud.Calls(t, "read"); len(calls) > 0 {
			t.Errorf("applying a saved plan read %+v", calls)
		}
		if got := w.cloud.Find(t, "fakecloud_network", "shop").ID; got != "network-shop-3" {
			t.Errorf("the network is %s; it was to be another", got)
		}

		w.must("destroy", "-auto-approve")
		if left := w.cloud.Objects(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// TestGuards is what the cloud itself refuses.
func TestGuards(t *testing.T) {
	cases := map[string]struct {
		why    string
		config string
		fill   string // a bucket that something is put into
		want   string // of the error; empty: it is destroyed
	}{
		"Protected": {
			why:    "A driver shows what the provider says, and does not take it for its own failure.",
			config: "resource \"fakecloud_database\" \"a\" {\n  name = \"a\"\n  engine = \"x\"\n  deletion_protection = true\n}\n",
			want:   "403: database-a-1 is protected against deletion",
		},
		"Full": {
			why:    "A bucket with objects is kept unless its owner said otherwise.",
			config: "resource \"fakecloud_bucket\" \"a\" {\n  name = \"a\"\n}\n",
			fill:   "bucket-a-1",
			want:   "409: the bucket bucket-a-1 is not empty",
		},
		"Forced": {
			why:    "Here the owner said otherwise: this is the loss that a risk rule has to see.",
			config: "resource \"fakecloud_bucket\" \"a\" {\n  name = \"a\"\n  force_destroy = true\n}\n",
			fill:   "bucket-a-1",
		},
	}
	tools := tofutest.Tools(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWork(t, tools.Tofu, tofutest.Require("fakecloud")+c.config)
			w.must("apply", "-auto-approve")
			if c.fill != "" {
				w.cloud.Edit(t, c.fill, func(o *tofutest.Object) { o.Attributes["objects"] = map[string]any{"orders.csv": "1;2"} })
			}
			r := w.run("destroy", "-auto-approve")
			left := len(w.cloud.Objects(t))
			if c.want == "" {
				if r.Code != 0 || left != 0 {
					t.Errorf("%s\nexit code %d, %d left\n%s", c.why, r.Code, left, r.All())
				}
				return
			}
			if r.Code != 1 || left != 1 || !strings.Contains(r.All(), c.want) {
				t.Errorf("%s\nexit code %d, %d left, want %q in\n%s", c.why, r.Code, left, c.want, r.All())
			}
		})
	}
}

// TestFaults is what a provider does on a bad day, and what is left of it.
func TestFaults(t *testing.T) {
	const a = "resource \"fakecloud_database\" \"a\" {\n  name = \"a\"\n  engine = \"x\"\n"
	cases := map[string]struct {
		why    string
		config string
		faults []tofutest.Fault
		said   string
		state  string // what the state lists
		next   string // what the next run without faults says
		exists int
	}{
		"FailsTracked": {
			why:    "A good provider tells what it has begun: the object is tainted and will be replaced.",
			config: a + "}\n",
			faults: []tofutest.Fault{{On: "create", Do: "fail", Message: "503: no capacity"}},
			said:   "503: no capacity",
			state:  "fakecloud_database.a",
			next:   "1 added, 0 changed, 1 destroyed",
			exists: 1,
		},
		"FailsUntracked": {
			why:    "A bad one does not, and the name is taken when it is tried again.",
			config: a + "  fail_on = \"create,create-untracked\"\n}\n",
			said:   "500: fakecloud was told to fail on create",
			next:   `409: a fakecloud_database named "a" exists already`,
			exists: 1,
		},
		"Crashes": {
			why:    "The tool survives its provider, and knows nothing of what that had begun.",
			config: a + "}\n",
			faults: []tofutest.Fault{{On: "create", Do: "crash"}},
			said:   "Plugin did not respond",
			next:   `409: a fakecloud_database named "a" exists already`,
			exists: 1,
		},
		"CannotRead": {
			why:    "A plan needs to read; without it there is none.",
			config: a + "  fail_on = \"read\"\n  fail_with = \"401: expired\"\n}\n",
			state:  "fakecloud_database.a",
			next:   "401: expired",
			exists: 1,
		},
	}
	tools := tofutest.Tools(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWork(t, tools.Tofu, tofutest.Require("fakecloud")+c.config)
			w.cloud.Fail(t, c.faults...)
			r := w.run("apply", "-auto-approve")
			if wantCode := min(len(c.said), 1); r.Code != wantCode || !strings.Contains(r.All(), c.said) {
				t.Errorf("%s\nexit code %d, want %d and %q in\n%s", c.why, r.Code, wantCode, c.said, r.All())
			}
			if got := strings.TrimSpace(w.run("state", "list").Stdout); got != c.state {
				t.Errorf("%s\nthe state has %q, want %q", c.why, got, c.state)
			}
			w.cloud.Fail(t)
			if r := w.run("apply", "-auto-approve"); !strings.Contains(strings.ReplaceAll(r.All(), "\n", " "), c.next) {
				t.Errorf("%s\nwant %q in\n%s", c.why, c.next, r.All())
			}
			if got := len(w.cloud.Objects(t)); got != c.exists {
				t.Errorf("%s\n%d objects exist, want %d", c.why, got, c.exists)
			}
		})
	}
}

func TestToken(t *testing.T) {
	w := newWork(t, tofutest.Tools(t).Tofu, tofutest.Require("fakecloud")+"resource \"fakecloud_bucket\" \"a\" {\n  name = \"a\"\n}\n")
	w.cloud.Demand(t, "right")
	if r := w.run("apply", "-auto-approve"); r.Code != 1 || !strings.Contains(r.All(), "401: the token is missing or wrong") {
		t.Errorf("exit code %d\n%s", r.Code, r.All())
	}
	w.env = append(w.env, "FAKECLOUD_TOKEN=right")
	w.must("apply", "-auto-approve")
}

// TestEphemeral holds that a credential can pass through without being kept.
func TestEphemeral(t *testing.T) {
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		t.Parallel()
		w := newWork(t, tool, tofutest.Require("fakecloud")+`
ephemeral "fakecloud_session" "admin" {
  user = "admin"
}
resource "fakecloud_database" "a" {
  name                = "a"
  engine              = "x"
  password_wo         = ephemeral.fakecloud_session.admin.token
  password_wo_version = 1
}
`)
		w.plan(2)
		w.must("apply", "plan.out")
		if kept := w.must("show", "-json", "plan.out").All() + w.must("state", "pull").All(); strings.Contains(kept, "session-of-admin") {
			t.Errorf("kept:\n%s", kept)
		}
		if got := len(w.cloud.Calls(t, "open")); got != 2 {
			t.Errorf("opened %d times, want once for the plan and once for the apply", got)
		}
	})
}

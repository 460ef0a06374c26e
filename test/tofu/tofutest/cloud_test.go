package tofutest_test

import (
	"testing"

	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

const shop = `
variable "password" {
  type      = string
  sensitive = true
  default   = "first-secret"
}
variable "cidr" {
  type    = string
  default = "10.0.0.0/16"
}
variable "size" {
  type    = number
  default = 10
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
resource "fakecloud_bucket" "shop" {
  name = "shop"
}
resource "random_pet" "shop" {}
resource "terraform_data" "shop" {
  input = random_pet.shop.id
}
output "endpoint" {
  value = fakecloud_database.shop.endpoint
}
output "dsn" {
  value     = fakecloud_database.shop.dsn
  sensitive = true
}
`

func TestLifecycle(t *testing.T) {
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		cloud := tofutest.NewCloud(t)
		dir := tofutest.Write(t, t.TempDir(), map[string]string{"main.tf": tofutest.Require("fakecloud", "random") + shop})
		env := cloud.Env()
		tool.Must(t, dir, env, "init")
		tool.Must(t, dir, env, "apply", "-auto-approve")
		if r := tool.Run(t, dir, env, "plan", "-detailed-exitcode"); r.Code != 0 {
			t.Errorf("right after an apply there is something to do:\n%s", r.All())
		}
	})
}

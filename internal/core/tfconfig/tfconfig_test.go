package tfconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func yes(addresses ...string) map[string]bool {
	out := map[string]bool{}
	for _, a := range addresses {
		out[a] = true
	}
	return out
}

func TestRead(t *testing.T) {
	const guarded = "resource \"fakecloud_database\" \"main\" {\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n"
	for name, tt := range map[string]struct {
		why   string
		files map[string]string
		want  Config
	}{
		"Guarded":  {"The block says so.", map[string]string{"net/main.tf": guarded}, Config{Protected: yes("fakecloud_database.main")}},
		"Not":      {"It says that it is not.", map[string]string{"net/main.tf": strings.Replace(guarded, "true", "false", 1)}, Config{}},
		"Variable": {"What depends on a variable was meant as a guard.", map[string]string{"net/main.tf": strings.Replace(guarded, "true", "var.keep", 1)}, Config{Protected: yes("fakecloud_database.main")}},
		"Modules": {"Modules within modules, each under its own name.", map[string]string{
			"net/main.tf":     "module \"a\" {\n  source = \"../db\"\n  for_each = toset([\"x\"])\n}\nmodule \"b\" {\n  source = \"../db\"\n}\nmodule \"far\" {\n  source = \"example/db\"\n}\n",
			"db/main.tf":      "module \"in\" {\n  source = \"./inner\"\n}\n",
			"db/inner/x.tofu": guarded,
			"other/unused.tf": guarded,
		}, Config{Protected: yes("module.a.module.in.fakecloud_database.main", "module.b.module.in.fakecloud_database.main")}},
		"JSON": {"The other syntax.", map[string]string{"net/main.tf.json": `{"resource": {"fakecloud_database": {"main": {"name": "${random_password.p.result}", "lifecycle": {"prevent_destroy": true}}}}}`},
			Config{Protected: yes("fakecloud_database.main"), Feeds: map[string][]string{"random_password.p": {"fakecloud_database.main"}}}},
		"Feeds": {"What is used where, also in a block within.", map[string]string{
			"net/main.tf": "resource \"fakecloud_database\" \"main\" {\n  password = \"x${random_password.p[0].result}\"\n  inner {\n    key = tls_private_key.k.private_key_pem\n    v = var.x.y\n    d = data.a.b.c\n  }\n}\n",
		}, Config{Feeds: map[string][]string{"random_password.p": {"fakecloud_database.main"}, "tls_private_key.k": {"fakecloud_database.main"}}}},
		"Locks": {"A lock names what it is on.", map[string]string{
			"net/main.tf": "resource \"azurerm_management_lock\" \"l\" {\n  scope = azurerm_storage_account.a.id\n}\nprovider \"azurerm\" {\n  features {\n    key_vault {\n      purge_soft_delete_on_destroy = false\n    }\n  }\n}\n",
		}, Config{
			Locked: yes("azurerm_storage_account.a"), Feeds: map[string][]string{"azurerm_storage_account.a": {"azurerm_management_lock.l"}},
			Features: map[string]bool{"key_vault.purge_soft_delete_on_destroy": false},
		}},
		"Broken": {"What can be read is; what cannot is said.", map[string]string{"net/a.tf": guarded, "net/b.tf": "resource \"x\" {"}, Config{Protected: yes("fakecloud_database.main"), Unread: []string{"net/b.tf"}}},
		"Loop":   {"A module that calls itself ends.", map[string]string{"net/main.tf": "module \"a\" {\n  source = \"../net\"\n}\nmodule \"b\" {\n  source = \"./../net\"\n}\n" + guarded}, Config{Protected: yes("fakecloud_database.main"), Unread: []string{"net"}}},
		"Large":  {"Nobody writes so much.", map[string]string{"net/main.tf": strings.Repeat("# ......\n", maxBytes/8)}, Config{Unread: []string{"net/main.tf"}}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{}
			for p, s := range tt.files {
				files[p] = []byte(s)
			}
			got := Read(files, "net/")
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}

// FuzzRead: no configuration makes it fall over.
func FuzzRead(f *testing.F) {
	f.Add("resource \"a\" \"b\" {\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n", `{"resource": {"a": {"b": {}}}}`)
	f.Add("module \"a\" {\n  source = \"./x\"\n}\nprovider \"azurerm\" {\n  features {\n    a {\n      b = true\n    }\n  }\n}\n", `{"module": [{"a": {"source": "../x"}}]}`)
	f.Fuzz(func(t *testing.T, native, inJSON string) {
		c := Read(map[string][]byte{"x/a.tf": []byte(native), "x/b.tf.json": []byte(inJSON)}, "x")
		for a := range c.Protected {
			if !strings.Contains(a, ".") {
				t.Errorf("%q is no address", a)
			}
		}
	})
}

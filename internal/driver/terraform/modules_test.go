package terraform

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

func TestCollect(t *testing.T) {
	files := map[string]string{
		"infra/main.tf":            "module \"a\" {\n  source = \"../modules/a\"\n}\n",
		"infra/.terraform/x":       "no",
		"infra/files/t.tpl":        "template",
		"modules/a/a.tf":           "module \"b\" {\n  source = \"../b\"\n}\nmodule \"r\" {\n  source = \"hashicorp/consul/aws\"\n}\n",
		"modules/b/b.tf.json":      `{"module":{"c":[{"source":"./c"}]}}`,
		"modules/b/c/c.tofu":       "",
		"modules/unused/u.tf":      "",
		"shared/prod.tfvars":       "x = 1",
		"shared/other.tfvars":      "x = 2",
		"modules/a/examples/ex.tf": "module \"u\" {\n  source = \"../../unused\"\n}\n",
	}
	got, err := Collect(memory.NewTree(files), "infra", "shared/prod.tfvars")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"infra/files/t.tpl", "infra/main.tf", "modules/a/a.tf", "modules/a/examples/ex.tf", "modules/b/b.tf.json", "modules/b/c/c.tofu", "shared/prod.tfvars"}
	if d := cmp.Diff(want, slices.Sorted(maps.Keys(got))); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if _, err := Collect(memory.NewTree(files), "nowhere"); !errors.Is(err, fault.KindInvalid) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// TestModuleUsers is the promise that a commit which touches one module concerns its
// users, found by asking again what was read, without reading it.
func TestModuleUsers(t *testing.T) {
	const stacks, modules = 500, 50
	files := map[string]string{"README.md": "1"}
	for i := range modules {
		files[fmt.Sprintf("modules/m%d/main.tf", i)] = "# 1\n"
	}
	for i := range stacks {
		files[fmt.Sprintf("live/s%03d/main.tf", i)] = fmt.Sprintf("module \"m\" {\n  source = \"../../modules/m%d\"\n}\n", i%modules)
	}
	reads := map[string]render.Reads{}
	keys := func(files map[string]string, only func(string) bool) map[string]string {
		out := map[string]string{}
		for i := range stacks {
			dir := fmt.Sprintf("live/s%03d", i)
			if !only(dir) {
				continue
			}
			req, rec := render.Record(render.Request{Path: dir, Tree: memory.NewTree(files)})
			if _, err := Collect(req.Tree, dir); err != nil {
				t.Fatal(err)
			}
			reads[dir] = rec.Reads()
			out[dir] = rec.Reads().Key(nil)
		}
		return out
	}
	before := keys(files, func(string) bool { return true })
	next := maps.Clone(files)
	next["modules/m7/main.tf"] = "# 2\n"
	next["README.md"] = "2"
	var touched []string
	for dir := range before {
		if !reads[dir].Same(memory.NewTree(next), nil) {
			touched = append(touched, dir)
		}
	}
	slices.Sort(touched)
	var want []string
	for i := 7; i < stacks; i += modules {
		want = append(want, fmt.Sprintf("live/s%03d", i))
	}
	if d := cmp.Diff(want, touched); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for dir, key := range keys(next, func(dir string) bool { return slices.Contains(touched, dir) }) {
		if key == before[dir] {
			t.Errorf("%s has the same key as before", dir)
		}
	}
}

func TestPolicy(t *testing.T) {
	for name, tt := range map[string]struct {
		why, file, text, want string // "" is allowed
	}{
		"Plain":          {"Nothing to say.", "main.tf", "resource \"a_b\" \"c\" {\n  x = file(\"${path.module}/f\")\n}\n", ""},
		"LocalExec":      {"A command.", "main.tf", "resource \"a_b\" \"c\" {\n  provisioner \"local-exec\" {\n    command = \"x\"\n  }\n}\n", "infra/main.tf:2: provisioner \"local-exec\" runs a command"},
		"Removed":        {"A command when it is destroyed, in a block that is no resource.", "main.tf", "removed {\n  from = a_b.c\n  provisioner \"local-exec\" {\n    command = \"x\"\n  }\n}\n", "infra/main.tf:3: provisioner \"local-exec\" runs a command"},
		"RemoteExec":     {"It runs elsewhere.", "main.tf", "resource \"a_b\" \"c\" {\n  provisioner \"remote-exec\" {\n    inline = []\n  }\n}\n", ""},
		"External":       {"A command as a data source.", "main.tf", "data \"external\" \"x\" {\n  program = [\"x\"]\n}\n", "infra/main.tf:1: data \"external\" runs a command"},
		"ExternalTofu":   {"A file that only OpenTofu reads.", "main.tofu", "data \"external\" \"x\" {\n  program = [\"x\"]\n}\n", "infra/main.tofu:1: data \"external\" runs a command"},
		"InCheck":        {"A data source in a check.", "main.tf", "check \"c\" {\n  data \"external\" \"x\" {\n    program = [\"x\"]\n  }\n}\n", "infra/main.tf:2: data \"external\" runs a command"},
		"JSON":           {"The same in JSON.", "main.tf.json", "{\"resource\":{\"a_b\":{\"c\":\n{\"provisioner\":[{\"local-exec\":{\"command\":\"x\"}}]}}}}", "infra/main.tf.json:2: provisioner \"local-exec\" runs a command"},
		"JSONExternal":   {"Lists at every level.", "main.tf.json", `{"data":[{"external":[{"x":[{}]}]}]}`, "infra/main.tf.json:1: data \"external\" runs a command"},
		"JSONFile":       {"A template in a text.", "main.tf.json", `{"locals":{"a":"${file(\"/etc/passwd\")}"}}`, "infra/main.tf.json:1: file() reads \"/etc/passwd\", which is not in the source"},
		"Exec":           {"Credentials from a command.", "main.tf", "provider \"kubernetes\" {\n  exec {\n    command = \"x\"\n  }\n}\n", "infra/main.tf:2: exec in a provider block runs a command"},
		"ExecAttribute":  {"The same as an attribute.", "main.tf", "provider \"helm\" {\n  kubernetes = {\n    exec = { command = \"x\" }\n  }\n}\n", "infra/main.tf:3: exec in a provider block runs a command"},
		"Encryption":     {"A key from a command.", "main.tf", "terraform {\n  encryption {\n    key_provider \"external\" \"x\" {\n      command = [\"x\"]\n    }\n  }\n}\n", "infra/main.tf:3: key_provider \"external\" runs a command"},
		"Environment":    {"The tool's own environment.", "main.tf", "output \"x\" {\n  value = file(\"/proc/self/environ\")\n}\n", "infra/main.tf:2: file() reads \"/proc/self/environ\", which is not in the source"},
		"Climbs":         {"Above the source.", "main.tf", "output \"x\" {\n  value = core::templatefile(\"${path.module}/../../x\", {})\n}\n", "infra/main.tf:2: core::templatefile() reads \"./../../x\", which is not in the source"},
		"WithinSource":   {"Beside the module is in the source.", "main.tf", "output \"x\" {\n  value = file(\"${path.module}/../x\")\n}\n", ""},
		"LocalFile":      {"A file by a data source.", "main.tf", "data \"local_file\" \"x\" {\n  filename = \"/etc/passwd\"\n}\n", "infra/main.tf:2: data \"local_file\" reads \"/etc/passwd\", which is not in the source"},
		"BinaryProvider": {"A provider that comes along.", "terraform.d/plugins/h/n/t/1.0.0/linux_amd64/terraform-provider-t", "", "infra/terraform.d/plugins/h/n/t/1.0.0/linux_amd64/terraform-provider-t: a provider that comes with the repository is not used"},
		"Module":         {"What a local module does is done by the repository.", "main.tf", "module \"m\" {\n  source = \"../m\"\n}\n", "m/m.tf:1: data \"external\" runs a command"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{"infra/" + tt.file: []byte(tt.text), "infra/versions.tf": nil, "m/m.tf": []byte("data \"external\" \"x\" {\n}\n")}
			c, err := readConfiguration(files, "infra")
			if err != nil {
				t.Fatal(err)
			}
			err = c.policy(driver.Job{})
			if tt.want == "" {
				if err != nil {
					t.Errorf("%s\ngot %v", tt.why, err)
				}
				return
			}
			if err == nil || !errors.Is(err, fault.KindDenied) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s\ngot  %v\nwant %s", tt.why, err, tt.want)
			}
			if err := c.policy(driver.Job{Local: true}); err != nil {
				t.Errorf("allowed, and refused: %v", err)
			}
		})
	}
}

func TestConfigurationRefused(t *testing.T) {
	for name, tt := range map[string]struct{ why, text, want string }{
		"Outside":  {"A module above the source.", "module \"m\" {\n  source = \"../../m\"\n}\n", "infra/main.tf:2"},
		"Absolute": {"A module of the machine.", "module \"m\" {\n  source = \"/etc\"\n}\n", "infra/main.tf:2"},
		"Missing":  {"A module that is not there.", "module \"m\" {\n  source = \"./m\"\n}\n", "infra/main.tf:2"},
		"Deep":     {"What would use up a parser's stack.", "x = " + strings.Repeat("[", 100_000), "infra/main.tf:1"},
		"Signs":    {"The same with signs.", "x = " + strings.Repeat("!", 900_000), "infra/main.tf:1"},
		"Large":    {"More than anybody writes.", strings.Repeat("#\n", 1<<20), "infra/main.tf"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfiguration(map[string][]byte{"infra/main.tf": []byte(tt.text)}, "infra")
			if err == nil || !errors.Is(err, fault.KindInvalid) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s\ngot %v", tt.why, err)
			}
		})
	}
	if has, err := HasBackend(map[string][]byte{"a/b.tf": []byte("terraform {\n  cloud {}\n}\n")}, "a"); err != nil || !has {
		t.Errorf("%v, %v", has, err)
	}
}

func FuzzConfiguration(f *testing.F) {
	f.Add("main.tf", "module \"m\" {\n  source = \"./m\"\n}\nresource \"a\" \"b\" {\n  x = file(\"${path.module}/${var.y}\")\n}\n")
	f.Add("main.tf.json", `{"module":{"m":{"source":"./m"}},"terraform":[{"backend":{"s3":{}}}]}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		c, err := readConfiguration(map[string][]byte{"infra/" + name: []byte(text), "infra/z.tf": nil, "infra/m/m.tf": nil}, "infra")
		if err != nil {
			return
		}
		again, err := readConfiguration(map[string][]byte{"infra/" + name: []byte(text), "infra/z.tf": nil, "infra/m/m.tf": nil}, "infra")
		if err != nil || !slices.Equal(c.facts, again.facts) || !slices.Equal(c.problems, again.problems) {
			t.Error("read twice, it is two different ones")
		}
	})
}

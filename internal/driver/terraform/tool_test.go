package terraform

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// makeBinary makes a script that says it is a version.
func makeBinary(t *testing.T, path, version string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\necho '{\"terraform_version\":%q}'\n", version)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	dir, path := t.TempDir(), t.TempDir()
	for _, v := range []string{"1.9.0", "1.10.3", "1.12.6"} {
		makeBinary(t, filepath.Join(dir, "tofu", v, "tofu"), v)
	}
	makeBinary(t, filepath.Join(path, "tofu"), "1.13.0")
	makeBinary(t, filepath.Join(path, "terraform"), "1.11.4")
	if err := os.MkdirAll(filepath.Join(dir, "terraform", "broken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "terraform", "broken", "terraform"), []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	f := finder{dirs: []string{dir}, path: path}
	for name, tt := range map[string]struct {
		why  string
		want driver.Tool
		got  string
		kind fault.Kind
		says string
	}{
		"Newest":   {"Whatever there is: the newest of the directories.", driver.Tool{Name: "tofu"}, "1.12.6", 0, ""},
		"Exact":    {"One of several.", driver.Tool{Name: "tofu", Version: "1.10.3"}, "1.10.3", 0, ""},
		"Range":    {"The newest that fits, by number and not by letter.", driver.Tool{Name: "tofu", Version: ">= 1.9, < 1.12"}, "1.10.3", 0, ""},
		"OnPath":   {"What no directory has.", driver.Tool{Name: "tofu", Version: "1.13.0"}, "1.13.0", 0, ""},
		"Broken":   {"One that does not run is passed over.", driver.Tool{Name: "terraform"}, "1.11.4", 0, ""},
		"Missing":  {"It says what was found, broken ones too.", driver.Tool{Name: "terraform", Version: "1.0.0"}, "", fault.KindNotFound, "cannot be run"},
		"NoRange":  {"A mistake in the spec.", driver.Tool{Name: "tofu", Version: "new"}, "", fault.KindInvalid, `"new"`},
		"NoTool":   {"A name that could be anything.", driver.Tool{Name: "../sh"}, "", fault.KindInvalid, "no tool"},
		"Checksum": {"Another binary.", driver.Tool{Name: "tofu", SHA256: strings.Repeat("a", 64)}, "", fault.KindDenied, "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := f.find(t.Context(), tt.want)
			if tt.got != "" && (err != nil || got.version != tt.got) {
				t.Errorf("%s\ngot %s, %v", tt.why, got.version, err)
			}
			if tt.got == "" && (err == nil || !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%s\ngot %v", tt.why, err)
			}
		})
	}
	// A binary that was exchanged is another one.
	makeBinary(t, filepath.Join(path, "terraform"), "1.11.40")
	if got, err := f.find(t.Context(), driver.Tool{Name: "terraform"}); err != nil || got.version != "1.11.40" {
		t.Errorf("%s, %v", got.version, err)
	}
}

// TestFetchedModule: a repository is not let off by having its commands in another one.
func TestFetchedModule(t *testing.T) {
	each(t, func(r *rig) {
		repo := r.t.TempDir()
		for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "x"}} {
			if args[0] == "add" {
				if err := os.WriteFile(filepath.Join(repo, "main.tf"), []byte("resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"touch "+filepath.Join(repo, "ran")+"\"\n  }\n}\n"), 0o600); err != nil {
					r.t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(r.t.Context(), "git", args...)
			cmd.Dir = repo
			if out, err := cmd.CombinedOutput(); err != nil {
				r.t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
		job := r.module("module \"far\" {\n  source = \"git::file://" + repo + "\"\n}\n")
		for range 2 { // also when it is there already
			_, err := r.Plan(r.ctx(), job, driver.IntentApply, silent)
			if !errors.Is(err, fault.KindDenied) || !strings.Contains(err.Error(), "module.far/main.tf:2") {
				r.t.Errorf("got %v", err)
			}
		}
		job.Local = true
		r.up(job)
		if _, err := os.Stat(filepath.Join(repo, "ran")); err != nil {
			r.t.Errorf("allowed, and not run: %v", err)
		}
	})
}

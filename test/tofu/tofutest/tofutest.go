// Package tofutest gives tests the real OpenTofu and, where the machine has one, the
// real Terraform, with providers that come from a folder, and the cloud of the
// provider fakecloud.
//
// OpenTofu and the mirror of providers are what test/tofu/build.sh makes. They are
// looked for in the folder that LOCKSTEP_TOFU names, else in bin/tofu of the
// repository; Terraform under the path that LOCKSTEP_TERRAFORM names, else in the
// PATH. A test without OpenTofu fails. Without Terraform, which we may not bring,
// it runs with OpenTofu alone and says so.
package tofutest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Set is what the machine has.
type Set struct {
	Tofu *Tool
	// Terraform is nil where the machine has none.
	Terraform *Tool
	// Mirror is a filesystem mirror with the providers, for both registries.
	Mirror string
	// CLIConfig is a CLI configuration that takes every provider from Mirror and
	// none from the network.
	CLIConfig string
}

// Tool is one of the binaries.
type Tool struct {
	Name    string // tofu or terraform
	Path    string
	Version string // such as 1.12.6
	set     *Set
}

// found is for the test binary, except that the CLI configuration belongs to each
// test: what a test breaks in it is broken for that test.
var found = sync.OnceValues(look)

// Tools returns the binaries and what they need.
func Tools(t testing.TB) *Set {
	t.Helper()
	base, err := found()
	if err != nil {
		t.Fatalf("no OpenTofu to test with: %v\nbuild it, which takes minutes the first time, with: bash test/tofu/build.sh bin/tofu", err)
	}
	s := &Set{Mirror: base.Mirror, CLIConfig: filepath.Join(t.TempDir(), "cli.tfrc")}
	if err := os.WriteFile(s.CLIConfig, []byte(cliConfig(s.Mirror)), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Tofu = &Tool{Name: "tofu", Path: base.Tofu.Path, Version: base.Tofu.Version, set: s}
	if base.Terraform != nil {
		s.Terraform = &Tool{Name: "terraform", Path: base.Terraform.Path, Version: base.Terraform.Version, set: s}
	}
	return s
}

// All returns the binaries that are there, OpenTofu first.
func (s *Set) All() []*Tool {
	if s.Terraform == nil {
		return []*Tool{s.Tofu}
	}
	return []*Tool{s.Tofu, s.Terraform}
}

// Each runs a subtest for each binary.
func (s *Set) Each(t *testing.T, test func(t *testing.T, tool *Tool)) {
	t.Helper()
	if s.Terraform == nil {
		t.Log("this machine has no terraform in its PATH, nor does LOCKSTEP_TERRAFORM name one: only tofu is tested")
	}
	for _, tool := range s.All() {
		t.Run(tool.Name, func(t *testing.T) { test(t, tool) })
	}
}

// Env returns the settings under which the binary runs offline and asks nothing.
// The rest of the environment is for the caller to give or to keep away.
func (x *Tool) Env() []string {
	return []string{
		"TF_CLI_CONFIG_FILE=" + x.set.CLIConfig,
		"CHECKPOINT_DISABLE=1",
		"TF_IN_AUTOMATION=1",
		"TF_INPUT=0",
	}
}

// Command is the binary in dir, in an environment that has nothing of ours but
// the PATH, the settings of Env, and what is given.
func (x *Tool) Command(t testing.TB, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), x.Path, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir()}, x.Env()...)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// Result is how a run ended.
type Result struct {
	Code   int
	Stdout string
	Stderr string
}

// All is everything that was said.
func (r Result) All() string { return r.Stdout + r.Stderr }

// Run runs the binary in dir and waits. Every exit code is a result; only a binary
// that does not start, or that a signal ended, fails the test.
func (x *Tool) Run(t testing.TB, dir string, env []string, args ...string) Result {
	t.Helper()
	cmd := x.Command(t, dir, env, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0) {
		t.Fatalf("%s %s: %v\n%s%s", x.Name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return Result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// Must runs the binary and fails the test unless it exits with 0.
func (x *Tool) Must(t testing.TB, dir string, env []string, args ...string) Result {
	t.Helper()
	r := x.Run(t, dir, env, args...)
	if r.Code != 0 {
		t.Fatalf("%s %s: exit code %d\n%s", x.Name, strings.Join(args, " "), r.Code, r.All())
	}
	return r
}

func look() (*Set, error) {
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	s := &Set{Mirror: filepath.Join(dir, "mirror")}
	if _, err := os.Stat(s.Mirror); err != nil {
		return nil, err
	}
	if s.Tofu, err = ask("tofu", filepath.Join(dir, "tofu")); err != nil {
		return nil, err
	}
	path := os.Getenv("LOCKSTEP_TERRAFORM")
	if path == "" {
		if path, err = exec.LookPath("terraform"); err != nil {
			return s, nil
		}
	}
	s.Terraform, err = ask("terraform", path)
	return s, err
}

func ask(name, path string) (*Tool, error) {
	cmd := exec.CommandContext(context.Background(), path, "version", "-json")
	cmd.Env = []string{"CHECKPOINT_DISABLE=1"}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s version: %w", path, err)
	}
	var said struct {
		Version string `json:"terraform_version"` // of tofu too
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return nil, fmt.Errorf("%s version: %w", path, err)
	}
	return &Tool{Name: name, Path: path, Version: said.Version}, nil
}

func folder() (string, error) {
	if dir := os.Getenv("LOCKSTEP_TOFU"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "bin", "tofu"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("there is no go.mod above the working directory")
		}
		dir = parent
	}
}

func cliConfig(mirror string) string {
	return fmt.Sprintf(`disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path    = %q
    include = ["*/*/*"]
  }
  direct {
    exclude = ["*/*/*"]
  }
}
`, mirror)
}

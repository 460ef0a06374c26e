package tofutest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources are the providers of the mirror by their local name. Each is there in one
// version, fakecloud in two, 1.0.0 and 1.1.0, which do the same.
var sources = map[string]string{
	"fakecloud": "lockstep-dev/fakecloud",
	"local":     "hashicorp/local",
	"null":      "hashicorp/null",
	"random":    "hashicorp/random",
	"time":      "hashicorp/time",
	"tls":       "hashicorp/tls",
}

// Require returns the terraform block that requires providers of the mirror, each
// by its local name. Those of hashicorp need none; fakecloud does.
func Require(names ...string) string {
	var b strings.Builder
	b.WriteString("terraform {\n  required_providers {\n")
	for _, n := range slices.Sorted(slices.Values(names)) {
		source, known := sources[n]
		if !known {
			panic("tofutest: the mirror has no provider " + n)
		}
		fmt.Fprintf(&b, "    %s = { source = %q }\n", n, source)
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

// Write writes files into dir, each under its path in there, and returns dir.
func Write(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Many is a configuration of n resources that needs no provider, and an output that
// counts them. Another salt changes every one in place.
//
// It has them in blocks of a few instances: both tools evaluate the expression of
// for_each anew for each instance of it, so that one block of thousands takes them
// minutes.
func Many(n int, salt string) string {
	const block = 25
	var b, counts strings.Builder
	for at := 0; at < n; at += block {
		fmt.Fprintf(&b, `resource "terraform_data" "many_%[1]d" {
  for_each = toset([for i in range(%[1]d, %[2]d) : format("r%%05d", i)])
  input    = "${each.key}-%[3]s"
}

`, at, min(at+block, n), salt)
		fmt.Fprintf(&counts, "    length(terraform_data.many_%d),\n", at)
	}
	fmt.Fprintf(&b, "output \"count\" {\n  value = sum([\n%s  ])\n}\n", counts.String())
	return b.String()
}

// HangingProvisioner is a configuration whose apply makes terraform_data.before and
// then starts a command that does not end by itself: it writes its process id into
// the file pid and waits, five minutes at most, for the file release. It does not
// listen to INT and TERM.
func HangingProvisioner(pid, release string) string {
	return provisioner(fmt.Sprintf(
		`trap '' INT TERM; echo $$ > '%s'; n=0; while [ ! -e '%s' ] && [ $n -lt 3000 ]; do sleep 0.1; n=$((n+1)); done`,
		pid, release))
}

// FailingProvisioner is a configuration whose apply runs a command that prints the
// words and fails, after one resource was made.
func FailingProvisioner(words string) string {
	return provisioner(fmt.Sprintf(`echo '%s' >&2; exit 7`, words))
}

func provisioner(script string) string {
	return fmt.Sprintf(`resource "terraform_data" "before" {
  input = "made"
}

resource "terraform_data" "runs" {
  depends_on = [terraform_data.before]
  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-c"]
    command     = %q
  }
}
`, script)
}

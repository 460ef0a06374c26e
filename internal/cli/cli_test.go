package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files anew")

// try runs a command line in this process, as somebody without a cluster.
func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	e := env.New("v0.0.0-test")
	e.IO = &term.IO{In: strings.NewReader(""), Out: &out, Err: &errs}
	e.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("HOME", t.TempDir())
	code = Run(t.Context(), e, args)
	return code, out.String(), errs.String()
}

// commands returns every command line that has a --help.
func commands(c *cobra.Command, path []string) [][]string {
	out := [][]string{path}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "completion" {
			out = append(out, commands(sub, append(path[:len(path):len(path)], sub.Name()))...)
		}
	}
	return out
}

func TestHelp(t *testing.T) {
	for _, path := range commands(NewRoot(env.New("")), nil) {
		name := strings.Join(append([]string{"lockstep"}, path...), "_")
		t.Run(name, func(t *testing.T) {
			code, got, stderr := try(t, append(path, "--help")...)
			if code != 0 || stderr != "" {
				t.Fatalf("--help exits with %d and says %q", code, stderr)
			}
			golden(t, filepath.Join("testdata", "help", name+".txt"), got)
			if !strings.Contains(got, "Examples:") {
				t.Error("the help has no example")
			}
		})
	}
}

// speechless are the commands that print no data, or something that is no data.
var speechless = map[string]string{
	"serve":              "writes a log",
	"demo":               "says what it starts, and goes on",
	"demo down":          "says what it deleted",
	"demo break":         "tells a story",
	"logout":             "says that it is done",
	"config use-context": "says nothing",
	"state pull":         "writes a state as it is, which is JSON",
	"state push":         "says that it is done",
}

// TestJSONEverywhere: whoever writes a script is never left to read a table. That what
// is printed is JSON is held by test/e2e/cli.
func TestJSONEverywhere(t *testing.T) {
	seen := map[string]bool{}
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		for _, sub := range c.Commands() {
			if !sub.IsAvailableCommand() || sub.Name() == "completion" || sub.Name() == "help" {
				continue
			}
			name := strings.TrimSpace(path + " " + sub.Name())
			walk(sub, name)
			// One that only has others below it prints their help.
			if strings.Contains(sub.UseLine(), sub.Name()+" [command]") || sub.HasSubCommands() && sub.Flags().Lookup("output") == nil && sub.Name() != "demo" {
				continue
			}
			seen[name] = true
			f := sub.Flags().Lookup("output")
			switch {
			case speechless[name] != "" && f != nil:
				t.Errorf("lockstep %s has -o: take it out of the list", name)
			case speechless[name] != "":
			case f == nil:
				t.Errorf("lockstep %s has no -o json: use env.Output, or say in the list why it needs none", name)
			case !strings.Contains(f.Usage, "json"):
				t.Errorf("lockstep %s -o is only %s", name, f.Usage)
			}
		}
	}
	walk(NewRoot(env.New("")), "")
	for name := range speechless {
		if !seen[name] {
			t.Errorf("there is no command %q any more", name)
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), rewrite it with -update if it is meant:\n%s", file, diff)
	}
}

func TestUsage(t *testing.T) {
	cases := map[string]struct {
		why  string
		args []string
		want string
	}{
		"Unknown":      {why: "A typing error is answered with what was meant.", args: []string{"lits"}, want: "error: there is no command \"lits\"\nhint:  did you mean list or logs?\n"},
		"Missing":      {why: "The name of the argument is what is missing.", args: []string{"wait"}, want: "error: STACK is missing\nhint:  usage: lockstep wait STACK [flags]\n"},
		"TooMany":      {why: "The one that is too much is named.", args: []string{"pause", "a", "b"}, want: "error: \"b\" is one argument too many\nhint:  usage: lockstep pause STACK [flags]\n"},
		"Flag":         {why: "So is a flag.", args: []string{"list", "--wide"}, want: "error: unknown flag: --wide\nhint:  lockstep list --help\n"},
		"FlagValue":    {why: "And the value of one.", args: []string{"wait", "a", "--timeout", "soon"}, want: "error: invalid argument \"soon\" for \"--timeout\" flag: time: invalid duration \"soon\"\nhint:  lockstep wait --help\n"},
		"Output":       {why: "Each command says which forms it has.", args: []string{"status", "-o", "xml"}, want: "error: -o is \"xml\"\nhint:  one of: table, json, yaml, template=…\n"},
		"Color":        {why: "A global flag, too.", args: []string{"version", "--color", "pink"}, want: "error: --color is \"pink\"\nhint:  auto, always or never\n"},
		"Unit":         {why: "Two slashes are one too many.", args: []string{"diff", "a/b/c"}, want: "error: \"a/b/c\" is not a unit: want NAME or NAMESPACE/NAME\n"},
		"WaitFor":      {why: "What can be waited for is listed.", args: []string{"wait", "a", "--for", "godot"}, want: "error: --for is \"godot\"\nhint:  ready, healthy, revision=HASH, release=N or deleted\n"},
		"WaitRevision": {why: "A short hash would match too much.", args: []string{"wait", "a", "--for", "revision=abc"}, want: "error: --for revision wants a commit\nhint:  --for revision=$(git rev-parse HEAD)\n"},
		"ListNoun":     {why: "There is nothing else to list.", args: []string{"list", "apps"}, want: "error: there are no \"apps\" to list\nhint:  stacks, sources or targets\n"},
		"StatusWatch":  {why: "What is about one stack says so.", args: []string{"status", "-w"}, want: "error: --watch and --objects are about one stack\nhint:  name it, or watch all: lockstep list -w\n"},
		"Render":       {why: "Nothing to render is not an empty render.", args: []string{"render"}, want: "error: want either DIR or -f STACK.yaml\nhint:  lockstep render . renders the current directory\n"},
		"LogLevel":     {why: "The server checks its flags before it does anything.", args: []string{"serve", "--log-level", "chatty"}, want: "error: --log-level is \"chatty\"\nhint:  debug, info, warn or error\n"},
		"Break":        {why: "A word that is none of them.", args: []string{"demo", "break", "it"}, want: "error: there is no way to break called \"it\"\nhint:  drift, delete or report\n"},
		"NoCluster":    {why: "The first thing that a newcomer meets.", args: []string{"list"}, want: "error: no cluster is chosen: there is no kubeconfig\nhint:  pass --kubeconfig FILE, set KUBECONFIG, or try everything without a cluster: lockstep demo\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := try(t, tc.args...)
			if code != 64 || stdout != "" {
				t.Errorf("%s\nexits with %d and prints %q, want 64 and nothing", tc.why, code, stdout)
			}
			if diff := cmp.Diff(tc.want, stderr); diff != "" {
				t.Errorf("%s\nstderr (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	cases := map[string]struct {
		why  string
		ctx  context.Context
		err  error
		want int
	}{
		"Done":        {why: "Nothing went wrong.", want: 0},
		"Fault":       {why: "Its kind decides.", err: fault.Denied("no"), want: 4},
		"Wrapped":     {why: "However deep it is.", err: fmt.Errorf("x: %w", fault.Blocked("no")), want: 6},
		"OneKind":     {why: "Several of one kind are that kind.", err: fault.Join(fault.NotFound("a"), fault.NotFound("b")), want: 5},
		"Mixed":       {why: "Several kinds are simply a failure.", err: fault.Join(fault.NotFound("a"), fault.Timeout("b")), want: 1},
		"Unforeseen":  {why: "So is what nobody foresaw.", err: errors.New("odd"), want: 1},
		"Differences": {why: "Not an error, and not nothing.", err: env.Differences, want: 2},
		"Interrupted": {why: "By Ctrl-C.", ctx: cancelled, err: context.Canceled, want: 130},
		"ElseFailed":  {why: "Who is interrupted and fails has failed.", ctx: cancelled, err: fault.Invalid("x"), want: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx := tc.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			if got := exitCode(ctx, tc.err); got != tc.want {
				t.Errorf("%s\ngot %d, want %d", tc.why, got, tc.want)
			}
		})
	}
}

// TestExitCodesTopic keeps the help topic and the table of faults one.
func TestExitCodesTopic(t *testing.T) {
	_, text, _ := try(t, "help", "exit-codes")
	for k := fault.KindInternal; k <= fault.KindUsage; k++ {
		if line := fmt.Sprintf("\n %4d  ", k.Consequence().Exit); !strings.Contains(text, line) {
			t.Errorf("help exit-codes does not tell of %d (%s):\n%s", k.Consequence().Exit, k, text)
		}
	}
}

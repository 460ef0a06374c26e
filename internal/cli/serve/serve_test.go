package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
)

// TestDefaults holds what the server is started with, by the credential in use
// and the flags.
func TestDefaults(t *testing.T) {
	type started struct {
		Listen, DataDir, Namespace string
	}
	const person = "/elsewhere/token"
	cache := t.TempDir()
	home := filepath.Join(cache, "lockstep", "server")
	cases := map[string]struct {
		why   string
		token string
		args  []string
		want  started
	}{
		"Machine": {
			why:   "On somebody's machine nobody else is to reach it.",
			token: person,
			want:  started{Listen: "127.0.0.1:7420", DataDir: home},
		},
		"Pod": {
			why:   "Probes and webhooks come from outside, and there is no home.",
			token: podToken,
			want:  started{Listen: ":7420", DataDir: "/var/lib/lockstep"},
		},
		"PodFlags": {
			why:   "What is said wins, also where it says less.",
			token: podToken,
			args:  []string{"--listen=", "--data-dir=/data"},
			want:  started{DataDir: "/data"},
		},
		"Namespace": {
			why:   "Who has a namespace for such things already may say so.",
			token: person,
			args:  []string{"--system-namespace=ops"},
			want:  started{Listen: "127.0.0.1:7420", DataDir: home, Namespace: "ops"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := env.New("test")
			e.Getenv = func(name string) string { return map[string]string{"XDG_CACHE_HOME": cache}[name] }
			o, cmd := &options{}, &cobra.Command{}
			o.bind(cmd)
			if err := cmd.ParseFlags(tc.args); err != nil {
				t.Fatal(err)
			}
			o.Config = &rest.Config{BearerTokenFile: tc.token}
			if err := o.complete(e, cmd); err != nil {
				t.Fatal(err)
			}
			got := started{Listen: o.Listen, DataDir: o.DataDir, Namespace: o.SystemNamespace}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nstarted with (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestFlagsAreDocumented: the guide has a row for each.
func TestFlagsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/guides/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	New(env.New("test")).Flags().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(string(page), "`--"+f.Name+"`") {
			t.Errorf("docs/guides/cli.md does not have --%s: %s", f.Name, f.Usage)
		}
	})
}

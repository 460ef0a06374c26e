// Package serve is the command that is the server.
package serve

import (
	"context"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/observe/otlp"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/server"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
	"github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/store"
)

type options struct {
	server.Options
	// RenderMemory is Render.Memory as people write it: 512Mi.
	RenderMemory resource.QuantityValue
	// StateSize is MaxState as people write it: 64Mi.
	StateSize resource.QuantityValue
	LogLevel  string
	LogFormat string
	StoreFile string
	// ExternalURL and TrustedProxies are SignIn.Front as people write it.
	ExternalURL    string
	TrustedProxies []string
	LocalAdmin     bool
	run            func(context.Context, server.Options) error
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{run: server.Run}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server: keep live what Git says",
		Long: `Run the server: keep live what Git says, until SIGINT or SIGTERM.

In a cluster it needs no flags: as a pod it uses its service account, can be reached
by others, and shares the Stacks with all replicas that are there. Elsewhere it uses
the kubeconfig. It installs its own definitions, and keeps mirrors and caches under
--data-dir, which can be lost without losing anything.`,
		Example: `  lockstep serve --kubeconfig ~/.kube/config --data-dir ./data

  # the web UI, webhooks, probes and metrics
  lockstep serve --listen 127.0.0.1:8080`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := o.logger(e)
			if err != nil {
				return err
			}
			config, err := e.Config()
			if err != nil {
				return err
			}
			o.Log, o.Config, o.Version = log, config, e.Version
			if err := o.complete(e, cmd); err != nil {
				return err
			}
			tracer, stop, err := otlp.Start(cmd.Context(), e.Getenv, e.Version, log)
			if err != nil {
				return err
			}
			defer stop()
			defer louder(o.Options.LogLevel, log)()
			o.Tracer = tracer
			frugal(e.Getenv)
			o.Ready = func(addr string) { log.Info("ready", "cluster", config.Host, "listen", addr, "data", o.DataDir) }
			return o.run(cmd.Context(), o.Options)
		},
	}
	o.bind(cmd)
	return cmd
}

// collectAt is the share by which the heap may grow before it is collected. What a
// server keeps is small beside what it reads, so the default of 100 would have its
// memory be mostly what nobody needs any more; a start takes an eighth more CPU so.
const collectAt = 50

// frugal collects early, unless somebody says how in the way that Go programs are
// told.
func frugal(getenv func(string) string) {
	if getenv("GOGC") == "" && getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(collectAt)
	}
}

func (o *options) bind(cmd *cobra.Command) {
	o.RenderMemory.Quantity = *resource.NewQuantity(worker.DefaultMemory, resource.BinarySI)
	f := cmd.Flags()
	f.StringVar(&o.DataDir, "data-dir", "", "directory of mirrors and caches (default in the user's cache directory; as a pod "+podDataDir+")")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:7420", "address of the web UI, the API, webhooks, probes and metrics; empty for none; as a pod "+podListen)
	f.StringVar(&o.TLSCert, "tls-cert", "", "file of the certificate to serve https with; read anew when it changes")
	f.StringVar(&o.TLSKey, "tls-key", "", "file of its key")
	f.StringVar(&o.ExternalURL, "external-url", "", "where people find the server, when that is not what it listens on: https://lockstep.example.org")
	f.StringSliceVar(&o.TrustedProxies, "trusted-proxies", nil, "addresses or ranges of proxies whose X-Forwarded-For and -Proto are believed")
	f.StringVar(&o.SignIn.Config, "sign-in", "", "file that says who may sign in (default the Secret "+server.SignInSecret+" in the system namespace)")
	f.BoolVar(&o.LocalAdmin, "local-admin", true, "let whoever writes Secrets in the system namespace sign in by a one-time link: lockstep auth link")
	f.BoolVar(&o.SkipCRDs, "skip-crds", false, "leave the custom resource definitions as they are")
	f.IntVar(&o.Workers, "workers", 32, "passes that run at once")
	f.StringSliceVar(&o.ExecCommands, "exec-credential-commands", nil, "credential plugins that Targets may name")
	f.BoolVar(&o.AllowFileURLs, "allow-file-urls", false, "let Sources name file:// repositories of this machine")
	f.BoolVar(&o.AllowRemoteBases, "allow-remote-bases", false, "let kustomizations fetch remote bases and resources")
	f.DurationVar(&o.Render.Time, "render-timeout", worker.DefaultTime, "how long one chart or kustomization may render")
	f.Var(&o.RenderMemory, "render-memory", "memory that one chart or kustomization may need")
	f.StringVar(&o.DebugListen, "debug-listen", "", "loopback address of profiles and dumps, 127.0.0.1:6060 for one; empty for none")
	f.StringVar(&o.UI.Dir, "ui-dir", "", "serve the web UI of this directory instead of the one in the binary")
	f.StringVar(&o.UI.Dev, "ui-dev", "", "pass everything that is not the API on to a Vite server on this machine, :5173 for one")
	f.StringVar(&o.UI.Path, "root-path", "", "what a proxy before the server has cut off the paths, /lockstep for one")
	f.BoolVar(&o.Modules.Off, "no-terraform", false, "do not plan and apply root modules")
	f.StringSliceVar(&o.Modules.Tools, "terraform-tools", nil, "directories with binaries of OpenTofu and Terraform, as NAME/VERSION/NAME; they come before the PATH")
	f.StringVar(&o.Modules.CLIConfig, "terraform-config", "", "file of the tools' own configuration: provider mirrors, credentials of registries")
	f.IntVar(&o.Modules.Runs, "terraform-runs", 0, "runs of the tools that go at once (default twice the processors, at least 4)")
	f.IntVar(&o.Modules.RunsPerCredential, "terraform-runs-per-credential", 0, "how many of them work with the same credentials; 0 for no limit")
	f.DurationVar(&o.Modules.Grace, "terraform-grace", 10*time.Minute, "how long a server that ends waits for its runs")
	f.StringVar(&o.Store, "store", "", "where the history is kept: a file or postgres://… (default lockstep.db in --data-dir, or $"+storeVariable+")")
	f.StringVar(&o.StoreFile, "store-file", "", "file that holds what --store would say, for an address with a password")
	o.Keep = store.KeepDefault()
	f.DurationVar(&o.RememberEvery, "remember-history-every", 5*time.Minute, "how often it is remembered on the cluster where the history ends, if that has moved")
	f.Var(age{&o.Keep.Releases}, "keep-releases", "how long releases are kept: 90d, 12h; 0 for ever")
	f.Var(age{&o.Keep.Drift}, "keep-drift", "how long drift and heals are kept; 0 for ever")
	f.Var(age{&o.Keep.Audit}, "keep-audit", "how long is kept what people did; 0 for ever")
	f.IntVar(&o.KeepStates, "state-keep", state.DefaultKeep, "versions that are kept of each state of OpenTofu and Terraform")
	o.StateSize.Quantity = *resource.NewQuantity(state.DefaultMaxBytes, resource.BinarySI)
	f.Var(&o.StateSize, "state-max-size", "bytes that such a state may have")
	f.BoolVar(&o.StackMetrics, "stack-metrics", true, "give each Stack series of its own in /metrics")
	f.StringVar(&o.LogLevel, "log-level", "info", "debug, info, warn or error; SIGUSR1 switches to debug and back")
	f.StringVar(&o.SystemNamespace, "system-namespace", "", "namespace of the replicas' leases and of the digest key (default the pod's own, else "+v1alpha1.SystemNamespace+")")
	f.StringVar(&o.LogFormat, "log-format", "text", "text or json")
}

// What holds for a pod unless a flag says otherwise. Probes and webhooks come from
// other machines, and there is no home directory.
const (
	podListen  = ":7420"
	podDataDir = "/var/lib/lockstep"
	podToken   = "/var/run/secrets/kubernetes.io/serviceaccount/token"
)

// complete fills in what was left open, by where the process runs. A pod is told
// by the credential in use, not by the environment: a shell in a cluster with a
// kubeconfig of its own is nobody's server.
func (o *options) complete(e *env.Env, cmd *cobra.Command) error {
	o.Render.Memory = o.RenderMemory.Value()
	if o.MaxState = o.StateSize.Value(); o.MaxState < 1<<20 || o.MaxState > 256<<20 || o.KeepStates < 1 || o.KeepStates > 1000 {
		return fault.Usage("--state-max-size is %s and --state-keep %d", o.StateSize.String(), o.KeepStates).WithHint("from 1Mi to 256Mi, and from 1 to 1000")
	}
	if _, err := o.Render.Check(); err != nil {
		return err
	}
	if err := o.history(e.Getenv); err != nil {
		return err
	}
	front, err := signin.ParseFront(o.ExternalURL, o.TrustedProxies)
	if err != nil {
		return err
	}
	pod := o.Config.BearerTokenFile == podToken
	o.SignIn.Front, o.SignIn.NoLocalAdmin = front, !o.LocalAdmin
	o.SignIn.Bind = !pod
	if !pod {
		// What a pod prints is a log, and many read it.
		o.SignIn.Link = func(url string) {
			e.IO.Notef("Nobody has signed in yet. This signs you in as administrator, once, for %s:\n  %s", signin.LinkTime, url)
		}
	}
	if pod && !cmd.Flags().Changed("listen") {
		o.Listen = podListen
	}
	if pod && o.DataDir == "" {
		o.DataDir = podDataDir
	}
	if o.DataDir != "" {
		return nil
	}
	cache, err := e.CacheDir()
	if err != nil {
		return err
	}
	o.DataDir = filepath.Join(cache, "server")
	return nil
}

func (o *options) logger(e *env.Env) (*slog.Logger, error) {
	level := &slog.LevelVar{}
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		return nil, fault.Usage("--log-level is %q", o.LogLevel).WithHint("debug, info, warn or error")
	}
	o.Options.LogLevel = level
	opts := &slog.HandlerOptions{Level: level}
	switch o.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(e.IO.Err, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(e.IO.Err, opts)), nil
	}
	return nil, fault.Usage("--log-format is %q", o.LogFormat).WithHint("text or json")
}

package server

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/internal/controller/shelf"
	stackctl "github.com/lockstep-dev/lockstep/internal/controller/stack"
	"github.com/lockstep-dev/lockstep/internal/driver/terraform"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/runs"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Modules says how root modules are planned and applied.
type Modules struct {
	// Off: none are.
	Off bool
	// Tools are directories with binaries of OpenTofu and Terraform, laid out as
	// NAME/VERSION/NAME; they come before the PATH.
	Tools []string
	// CLIConfig is a file: the tools' own configuration, for provider mirrors and
	// credentials of registries.
	CLIConfig string
	// Runs is how many runs go at once, RunsPerCredential how many of them with the same
	// credentials; 0 for the defaults.
	Runs, RunsPerCredential int
	// Grace is how long a server that ends waits for its runs.
	Grace time.Duration
}

// runsDefault is enough to keep a machine busy: a tool waits for clouds most of the
// time.
func runsDefault() int { return max(4, 2*runtime.NumCPU()) }

// newModules makes what runs root modules; nil where none are run.
func (s *server) newModules(core typed.CoreV1Interface) (*stackctl.Modules, error) {
	o := s.opts.Modules
	if o.Off {
		return nil, nil
	}
	var cli []byte
	if o.CLIConfig != "" {
		b, err := os.ReadFile(o.CLIConfig)
		if err != nil {
			return nil, fault.Invalid("the CLI configuration %q cannot be read", o.CLIConfig).Because(err)
		}
		cli = b
	}
	d, err := terraform.New(terraform.Options{
		Dir: filepath.Join(s.opts.DataDir, "modules"), Tools: o.Tools, Path: os.Getenv("PATH"), Key: s.key, CLIConfig: cli,
	})
	if err != nil {
		return nil, err
	}
	if o.Runs <= 0 {
		o.Runs = runsDefault()
	}
	s.runs = runs.New(runs.Limits{All: o.Runs, PerGroup: o.RunsPerCredential}, s.queues.stack)
	s.meters.MustRegister(runsNow{s.runs})
	s.states.Ask(func(run string) bool {
		if s.runs.Going(run) {
			return true
		}
		// Of a run of another replica nobody here can say that it is over.
		alive, known := d.Alive(run)
		return alive || !known
	})
	return &stackctl.Modules{Planner: d, Collect: collect, Runs: s.runs, Keeper: s.states, Shelf: shelf.New(core), Holder: string(s.identity.ID)}, nil
}

func collect(tree lockstep.Tree, dir string, include []string) (stack.Collected, error) {
	files, err := terraform.Collect(tree, dir, include...)
	if err != nil {
		return stack.Collected{}, err
	}
	own, err := terraform.HasBackend(files, dir)
	return stack.Collected{Files: files, OwnBackend: own}, err
}

// finishRuns asks what runs to stop when ctx ends, and waits for it: a tool that is cut
// off leaves its lock, and what it made is in no state.
func (s *server) finishRuns(ctx context.Context) error {
	if s.runs == nil {
		return nil
	}
	<-ctx.Done()
	grace := s.opts.Modules.Grace
	if grace <= 0 {
		grace = 10 * time.Minute
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	s.runs.Stop(last)
	return nil
}

// runsNow counts runs that are not over.
type runsNow struct{ *runs.Manager }

var runsDesc = prometheus.NewDesc("lockstep_runs", "Runs of OpenTofu and Terraform that are not over, by what they are for and whether they wait for their turn.", []string{"intent", "state"}, nil)

func (r runsNow) Describe(ch chan<- *prometheus.Desc) { ch <- runsDesc }

func (r runsNow) Collect(ch chan<- prometheus.Metric) {
	for intent, n := range r.Count() {
		ch <- prometheus.MustNewConstMetric(runsDesc, prometheus.GaugeValue, float64(n[runs.Queued]), intent, "queued")
		ch <- prometheus.MustNewConstMetric(runsDesc, prometheus.GaugeValue, float64(n[runs.Running]), intent, "running")
	}
}

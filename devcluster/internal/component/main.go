package component

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	// Metrics of Go and of the Kubernetes clients, as the official binaries have.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"

	"github.com/lockstep-dev/lockstep/devcluster/internal/footprint"
)

// The names of the components, as [Start] takes them.
const (
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
)

// verb marks a child on the command line. Not a cobra command: nobody should find
// it in the help, and cobra would read the component's flags.
const verb = "__component"

// settled is when a component has certainly done what it does only once.
const settled = 10 * time.Second

// IsChild tells whether this process was started by [Start].
func IsChild(args []string) bool { return len(args) > 2 && args[1] == verb }

// Main runs the component a child was started for and returns its exit code.
func Main(args []string) int {
	name, flags := args[2], args[3:]
	build, found := map[string]func() *cobra.Command{
		APIServer:         newAPIServerCommand,
		ControllerManager: controllermanager.NewControllerManagerCommand,
		Scheduler:         func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	}[name]
	if !found {
		fmt.Fprintf(os.Stderr, "no component %q\n", name)
		return 2
	}
	// The components take their User-Agent from argv, and process lists are
	// easier to read so.
	os.Args = append([]string{name}, flags...)
	footprint.ReleaseAfter(settled)
	cmd := build()
	cmd.SetArgs(flags)
	return cli.Run(cmd)
}

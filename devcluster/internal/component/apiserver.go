package component

import (
	"fmt"
	"net"
	"os"

	"github.com/spf13/cobra"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// listenerFD is where a child finds the socket that the parent opened for it.
const listenerFD = 3

// newAPIServerCommand is app.NewAPIServerCommand with one change that it has no
// flag for: it serves on a socket that is already open. A port that is chosen,
// closed and opened again can be lost to another cluster that starts meanwhile.
func newAPIServerCommand() *cobra.Command {
	s := options.NewServerRunOptions()
	ctx := genericapiserver.SetupSignalContext()
	cmd := &cobra.Command{
		Use:          APIServer,
		SilenceUsage: true,
		Args:         cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
				return err
			}
			// The server's own clients should not log the warnings it sends.
			rest.SetDefaultWarningHandler(rest.NoWarnings{})

			gate := s.GenericServerRunOptions.ComponentGlobalsRegistry.FeatureGateFor(basecompatibility.DefaultKubeComponent)
			if err := logsapi.ValidateAndApply(s.Logs, gate); err != nil {
				return err
			}
			listener, err := net.FileListener(os.NewFile(listenerFD, "api-listener"))
			if err != nil {
				return fmt.Errorf("take over the listener: %w", err)
			}
			s.SecureServing.Listener = listener

			completed, err := s.Complete(ctx)
			if err != nil {
				return err
			}
			if errs := completed.Validate(); len(errs) != 0 {
				return utilerrors.NewAggregate(errs)
			}
			gate.(featuregate.MutableFeatureGate).AddMetrics()
			s.GenericServerRunOptions.ComponentGlobalsRegistry.AddMetrics()
			return app.Run(ctx, completed)
		},
	}
	cmd.SetContext(ctx)
	for _, set := range s.Flags().FlagSets {
		cmd.Flags().AddFlagSet(set)
	}
	return cmd
}

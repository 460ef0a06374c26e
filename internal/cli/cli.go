// Package cli is the command line of Lockstep.
//
// Each command is a package of its own below this one: an options struct, a
// constructor that parses, and a run function that works and can be tested
// without either. What commands share is in term (the terminal), form (the forms
// of output), env (arguments, flags, the way to the cluster) and api (the kinds).
//
// Data goes to standard output and everything else to standard error. Exit codes
// come from the kinds of faults, here and nowhere else.
package cli

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// version is set when linking.
var version = "unknown"

// Interrupted is the exit code of a command that was stopped by Ctrl-C.
const Interrupted = 130

// Main runs the command that args name and returns its exit code.
func Main(args []string) int {
	// Libraries write to the standard logger as they please, Helm's even values
	// that came from Secrets. Nothing of ours uses it.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second Ctrl-C ends the process as if nobody had listened.
	context.AfterFunc(ctx, stop)
	return Run(ctx, env.New(version), args)
}

// Run runs the command that args name in e and returns its exit code.
func Run(ctx context.Context, e *env.Env, args []string) int {
	root := NewRoot(e)
	root.SetArgs(args)
	root.SetIn(e.IO.In)
	root.SetOut(e.IO.Out)
	root.SetErr(e.IO.Err)
	err := root.ExecuteContext(ctx)
	code := exitCode(ctx, err)
	switch {
	case err == nil, code == Interrupted:
	case isExit(err):
	default:
		e.IO.Fail(err)
	}
	return code
}

func isExit(err error) bool {
	var x env.Exit
	return errors.As(err, &x)
}

// exitCode is the one place where an error becomes a number. Several faults of
// one kind are that kind; different ones are simply a failure.
func exitCode(ctx context.Context, err error) int {
	var x env.Exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &x):
		return int(x)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return Interrupted
	}
	code := 0
	for _, f := range fault.All(err) {
		c := f.Kind.Consequence().Exit
		if code != 0 && c != code {
			return 1
		}
		code = c
	}
	return code
}

// usageErrors makes faults of what cobra finds wrong with a command line.
func usageErrors(cmd *cobra.Command, err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return err
	}
	return fault.Usage("%v", err).WithHint("%s --help", cmd.CommandPath())
}

// Package demo is the command that shows everything on one machine: a real
// Kubernetes API with simulated nodes, a real Git server, and Lockstep between
// the two.
//
// All of it listens on the loopback address and lives in one directory. Ctrl-C
// stops it and keeps the data; the next start goes on from there.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/ui"
)

type options struct {
	IO  *term.IO
	Env *env.Env
	Now func() time.Time
	Dir string
}

// New returns the command and its sub-commands.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Env: e, Now: e.Now}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try everything on this machine, no cluster needed",
		Long: `Try everything on this machine: a real Kubernetes API whose nodes are simulated (no
container runs, no image is pulled), a Git server with three sample repositories,
and the Lockstep server with its web UI. It listens on 127.0.0.1 only and keeps all
in one directory.

It prints a link that signs in once and shows five things to try. A second
"lockstep demo" prints a new one. Ctrl-C stops it and keeps the data; running it
again goes on. "demo down" deletes it.`,
		Example: `  lockstep demo

  # in another terminal, once it runs: change something behind Git's back
  . ./lockstep-demo/env
  lockstep demo break drift

  lockstep demo down`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return up(cmd.Context(), o) },
	}
	cmd.PersistentFlags().StringVar(&o.Dir, "dir", "./lockstep-demo", "directory of the demo")
	cmd.AddCommand(
		&cobra.Command{
			Use:     "down",
			Short:   "Stop the demo and delete its directory",
			Example: `  lockstep demo down`,
			Args:    env.None,
			RunE:    func(cmd *cobra.Command, _ []string) error { return down(cmd.Context(), o) },
		},
		newBreak(o),
	)
	return cmd
}

// session is one run of the demo.
type session struct {
	*options
	place place
	state state
	start time.Time
}

func up(ctx context.Context, o *options) error {
	p, err := newPlace(o.Dir)
	if err != nil {
		return err
	}
	if err := p.make(); err != nil {
		return err
	}
	unlock, err := p.lock()
	if errors.Is(err, fault.KindConflict) {
		return o.alreadyRunning(ctx, p)
	}
	if err != nil {
		return err
	}
	defer unlock()
	s := &session{options: o, place: p, start: o.Now()}
	if s.state, err = p.load(); err != nil {
		return err
	}
	if err := s.remember(0); err != nil {
		return err
	}
	err = s.run(ctx)
	_ = s.remember(0) // the lock says the same
	if err != nil && ctx.Err() == nil {
		return err
	}
	s.IO.Printf("\nStopped; everything is kept in %s.\n  again   lockstep demo%s\n  delete  lockstep demo down%s\n", s.place.shown, s.dirFlag(), s.dirFlag())
	return nil
}

// run starts the parts in order and waits until one of them ends or ctx does.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.IO.Printf("Lockstep demo: a real Kubernetes API with simulated nodes, in %s, on 127.0.0.1 only\n", s.place.shown)

	kube, err := s.startCluster(ctx, cancel)
	if err != nil {
		return err
	}
	// The cluster stops last: whatever still runs may want to write to it.
	defer kube.stop()

	git, err := s.startGit(ctx)
	if err != nil {
		return err
	}
	defer git.stop()
	s.step("git server", git.url, fmt.Sprintf("%d repositories, %d commits", len(repositories), commits()))

	if err := kube.ready(ctx); err != nil {
		return err
	}
	s.step("kubernetes", kube.config.Host, fmt.Sprintf("%s, %d simulated nodes", kube.version(), nodes))

	srv, err := s.startServer(ctx, cancel, kube.config)
	if err != nil {
		return err
	}
	defer srv.stop()
	git.announceTo(srv.url)
	s.step("lockstep", srv.url, "log in "+filepath.Join(s.place.shown, "server.log"))

	if err := s.declare(ctx, kube.config, git.url); err != nil {
		return err
	}
	if err := s.issue(ctx); err != nil {
		return err
	}
	if err := s.firstReleases(ctx, kube.config, git); err != nil {
		return err
	}
	if err := s.signInTerminal(ctx, kube.config, srv.url); err != nil {
		return err
	}
	if err := s.remember(os.Getpid()); err != nil {
		return err
	}
	if err := s.printNext(ctx, kube.config); err != nil {
		return err
	}
	<-ctx.Done()
	s.IO.Notef("stopping …")
	return context.Cause(ctx)
}

// remember writes the state, with pid as the process that can be stopped; 0 while
// the demo is not fully up.
func (s *session) remember(pid int) error {
	st := s.state
	st.PID = pid
	return s.place.save(st)
}

// step prints one line of progress.
func (s *session) step(what, where, more string) {
	s.IO.Printf("  %s %-11s %-25s %s\n", s.IO.Paint(term.Dim, fmt.Sprintf("[%5.1fs]", s.Now().Sub(s.start).Seconds())), what, where, s.IO.Paint(term.Dim, more))
}

func (o *options) alreadyRunning(ctx context.Context, p place) error {
	st, err := p.load()
	if err != nil || st.PID == 0 {
		return fault.Conflict("the demo in %s is just starting or stopping", p.shown).WithHint("wait a moment and try again")
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.path("kubeconfig"))
	if err != nil {
		return fault.Unavailable("the demo in %s has no cluster yet", p.shown).WithHint("wait a moment and try again").Because(err)
	}
	o.IO.Printf("The demo in %s is already running, pid %d.\n", p.shown, st.PID)
	s := &session{options: o, place: p, state: st}
	return s.printNext(ctx, config)
}

// dirFlag is what has to be added to commands when the directory is not the
// usual one.
func (s *session) dirFlag() string {
	if s.place.shown == "./lockstep-demo" {
		return ""
	}
	return " --dir " + s.place.shown
}

// printNext says what to do now. The link is made anew: the one before may be used,
// and is good no more.
func (s *session) printNext(ctx context.Context, config *rest.Config) error {
	open, err := s.link(ctx, config, fmt.Sprintf("http://127.0.0.1:%d", s.state.ServerPort))
	if err != nil {
		return err
	}
	bold := func(text string) string { return s.IO.Paint(term.Bold, text) }
	dir := s.place.shown
	s.IO.Printf(`
  %s     %s
           signs you in as the local administrator, works once
  %s . %s
  %s     cd %s/shop && $EDITOR apps/checkout/values.yaml && git commit -am "more" && git push
  %s     Ctrl-C (keeps everything)  ·  lockstep demo down%s (deletes it)
`,
		bold("Open"), open,
		bold("Terminal"), s.envShown(),
		bold("Edit"), dir,
		bold("Stop"), s.dirFlag())
	if _, built := ui.Built(); !built {
		s.IO.Notef("This binary was built without the web UI, which needs Node: make build. The commands and the API work.")
	}
	return nil
}

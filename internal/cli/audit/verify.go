package audit

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/witness"
)

type verifyOptions struct {
	IO   *term.IO
	Open func(context.Context) (store.Store, error)
	// Remembered returns where the chain ended when the server last looked; may be nil.
	Remembered func(context.Context, store.Store) (store.Head, error)
	Head       string
	Output     string
}

func newVerify(e *env.Env) *cobra.Command {
	p := &place{getenv: e.Getenv, cache: e.CacheDir}
	namespace := v1alpha1.SystemNamespace
	o := &verifyOptions{IO: e.IO, Open: p.open}
	o.Remembered = func(ctx context.Context, s store.Store) (store.Head, error) { return remembered(ctx, e, namespace, s) }
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Find out whether anybody changed the record",
		Long: `Find out whether anybody changed the record.

Every entry carries the hash of the one before. What was removed, changed or moved
is named, and then the exit code is 1.

Whether the end was cut off or everything was written anew cannot be seen in the store
alone. The server remembers in its cluster where the chain ended, and that is compared
with where a kubeconfig is at hand. The end of the chain is printed, too: kept somewhere
else, it can be handed in with --head.`,
		Example: `  lockstep audit verify --store /var/lib/lockstep/lockstep.db
  lockstep audit verify --head 1042:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return verify(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.Head, "head", "", "the end of the chain as it was printed earlier, NUMBER:HASH")
	cmd.Flags().StringVar(&namespace, "system-namespace", namespace, "the server's own namespace, where the end of the chain is remembered")
	p.bind(cmd)
	env.Output(cmd, &o.Output, form.Single)
	return cmd
}

// askFor bounds how long a cluster that does not answer holds up the verdict.
const askFor = 10 * time.Second

// remembered asks the cluster. That there is none is no error of whoever has a copy of
// a store to look at, and is said all the same.
func remembered(ctx context.Context, e *env.Env, namespace string, s store.Store) (store.Head, error) {
	config, err := e.Config()
	if err != nil {
		return store.Head{}, err
	}
	core, err := typed.NewForConfig(config)
	if err != nil {
		return store.Head{}, fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	chain, err := s.ChainName(ctx)
	if err != nil {
		return store.Head{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	h, err := witness.New(core, namespace).Remembered(ctx, chain)
	if err == nil && h.Seq == 0 {
		return h, fault.NotFound("the cluster remembers nothing of this chain, %s", chain)
	}
	return h, err
}

// VerifyAnswer is what -o json prints.
type VerifyAnswer struct {
	form.Head `json:",inline"`
	store.Verdict
}

func verify(ctx context.Context, o *verifyOptions) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	known, err := store.ParseHead(o.Head)
	if err != nil {
		return err
	}
	s, err := o.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // nothing was written
	if known.Seq == 0 && o.Remembered != nil {
		if known, err = o.Remembered(ctx, s); err != nil {
			o.IO.Notef("not compared with what is remembered elsewhere: %s", fault.As(err).Error())
		}
	}
	v, err := store.Verify(ctx, s, known)
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		if err := f.Write(o.IO.Out, VerifyAnswer{form.Of("AuditVerdict"), v}); err != nil {
			return err
		}
		return v.Err()
	}
	for _, flaw := range v.Flaws {
		o.IO.Printf("%s\n", flaw.What)
	}
	if v.More > 0 {
		o.IO.Printf("and %d more\n", v.More)
	}
	if v.OK {
		o.IO.Printf("ok: %d entries and %d releases are as they were recorded\n", v.Entries, v.Releases)
		if v.Removed > 0 {
			o.IO.Printf("%d entries were removed by retention, which is on record\n", v.Removed)
		}
	}
	if v.OK && v.Remembered.Seq > 0 {
		o.IO.Printf("it leads on from entry %d, which is remembered elsewhere\n", v.Remembered.Seq)
	}
	if v.Head.Seq > 0 {
		o.IO.Printf("head %s\n", v.Head)
	}
	return v.Err()
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func style(outcome string) term.Style {
	switch outcome {
	case string(store.Succeeded):
		return term.Good
	case string(store.Failed), "denied":
		return term.Bad
	}
	return term.Plain
}

package audit

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/store"
)

type verifyOptions struct {
	IO     *term.IO
	Open   func(context.Context) (store.Store, error)
	Head   string
	Output string
}

func newVerify(e *env.Env) *cobra.Command {
	p := &place{getenv: e.Getenv, cache: e.CacheDir}
	o := &verifyOptions{IO: e.IO, Open: p.open}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Find out whether anybody changed the record",
		Long: `Find out whether anybody changed the record.

Every entry carries the hash of the one before. What was removed, changed or moved
is named, and then the exit code is 1. The number and the hash at the end of the
chain are printed: kept somewhere else and handed in with --head the next time, they
also tell whether the end was cut off or everything was written anew.`,
		Example: `  lockstep audit verify --store /var/lib/lockstep/lockstep.db
  lockstep audit verify --head 1042:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return verify(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.Head, "head", "", "the end of the chain as it was printed earlier, NUMBER:HASH")
	p.bind(cmd)
	env.Output(cmd, &o.Output, form.Single)
	return cmd
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
	remembered, err := store.ParseHead(o.Head)
	if err != nil {
		return err
	}
	s, err := o.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // nothing was written
	v, err := store.Verify(ctx, s, remembered)
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

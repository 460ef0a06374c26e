// Package token holds the commands about tokens of machines.
package token

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/remote"
)

// New returns the command token with those below it.
func New(e *env.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "token",
		Short:   "Tokens for machines",
		Example: "  lockstep token create deploy-bot --for 720h --scope reconcile:payments",
		Args:    env.None,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	server := cmd.PersistentFlags().String("server", "", "address of the server, or name of a context (default the current one)")
	cmd.AddCommand(newCreate(e, server), newList(e, server), newRevoke(e, server))
	return cmd
}

// Created is what create -o json prints: the one time that the secret is shown.
type Created struct {
	form.Head `json:",inline"`
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Person    string    `json:"person"`
	Secret    string    `json:"secret"`
	Expires   time.Time `json:"expires"`
}

func newCreate(e *env.Env, server *string) *cobra.Command {
	var want struct {
		Name    string   `json:"name"`
		Scopes  []string `json:"scopes,omitempty"`
		For     string   `json:"for,omitempty"`
		Machine string   `json:"machine,omitempty"`
		Groups  []string `json:"groups,omitempty"`
	}
	var lifetime time.Duration
	output := ""
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token, and print it once",
		Long: `Make a token, and print it once.

It acts as you, narrowed to its scopes: VERB, VERB:NAMESPACE or VERB:NAMESPACE/STACK.
An administrator makes one of a machine with a name and groups of its own.`,
		Example: `  lockstep token create deploy-bot --for 720h --scope reconcile:payments/shop`,
		Args:    env.Exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := form.Parse(output, form.Single)
			if err != nil {
				return err
			}
			x, err := remote.Choose(e.Getenv, *server)
			if err != nil {
				return err
			}
			want.Name = args[0]
			if lifetime > 0 {
				want.For = lifetime.String()
			}
			got := Created{}
			if err := x.Call(cmd.Context(), http.MethodPost, "/auth/tokens", want, &got); err != nil {
				return err
			}
			if got.Head = form.Of("CreatedToken"); !f.ForPeople() {
				return f.Write(e.IO.Out, got)
			}
			e.IO.Printf("%s\n", got.Secret)
			e.IO.Notef("Token %s, until %s. It is not shown again.", got.ID, got.Expires.Format(time.DateOnly))
			return nil
		},
	}
	f := cmd.Flags()
	f.DurationVar(&lifetime, "for", 0, "how long it lives (default 2160h)")
	f.StringArrayVar(&want.Scopes, "scope", nil, "VERB[:NAMESPACE[/STACK]]; may be repeated; none is all that you may")
	f.StringVar(&want.Machine, "machine", "", "the machine that it acts as; for administrators")
	f.StringArrayVar(&want.Groups, "group", nil, "a group of the machine; may be repeated")
	env.Output(cmd, &output, form.Single)
	return cmd
}

func newList(e *env.Env, server *string) *cobra.Command {
	all, output := false, ""
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Your tokens, and when each was last used",
		Example: "  lockstep token list\n  lockstep token list -o json",
		Args:    env.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := form.Parse(output, forms)
			if err != nil {
				return err
			}
			return list(cmd.Context(), e, *server, all, f)
		},
	}
	env.Output(cmd, &output, forms)
	cmd.Flags().BoolVar(&all, "all", false, "those of everybody; for administrators")
	return cmd
}

// forms are those of the list.
var forms = []string{form.Table, form.JSON, form.YAML, form.JSONL}

// Answer is the list as programs read it.
type Answer struct {
	form.Head `json:",inline"`
	Items     []Token `json:"items"`
}

// Token is one, without its secret.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Person  string     `json:"person"`
	Groups  []string   `json:"groups"`
	Scopes  []string   `json:"scopes"`
	By      string     `json:"by"`
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Used    *time.Time `json:"used,omitempty"`
}

func list(ctx context.Context, e *env.Env, server string, all bool, f form.Form) error {
	x, err := remote.Choose(e.Getenv, server)
	if err != nil {
		return err
	}
	path := "/auth/tokens"
	if all {
		path += "?all=true"
	}
	got := []Token{}
	if err := x.Call(ctx, http.MethodGet, path, nil, &got); err != nil {
		return err
	}
	if !f.ForPeople() {
		return f.Write(e.IO.Out, Answer{form.Of("TokenList"), got}, form.Each(got)...)
	}
	for _, t := range got {
		used, scopes := "never used", "all"
		if t.Used != nil {
			used = "used " + t.Used.Format(time.DateTime)
		}
		if len(t.Scopes) > 0 {
			scopes = strings.Join(t.Scopes, ",")
		}
		e.IO.Printf("%s  %s  %s  %s  until %s  %s\n", t.ID, t.Name, t.Person, scopes, t.Expires.Format(time.DateOnly), used)
	}
	return nil
}

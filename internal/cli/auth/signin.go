package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/remote"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
)

// Status is what auth status -o json prints.
type Status struct {
	form.Head `json:",inline"`
	Server    string   `json:"server"`
	Name      string   `json:"name"`
	Display   string   `json:"display,omitempty"`
	Via       string   `json:"via,omitempty"`
	Groups    []string `json:"groups"`
}

func newStatus(e *env.Env) *cobra.Command {
	server, output := "", ""
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Which Lockstep server you are signed in to, and as whom",
		Example: `  lockstep auth status`,
		Args:    env.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := form.Parse(output, form.Single)
			if err != nil {
				return err
			}
			x, err := remote.Choose(e.Getenv, server)
			if err != nil {
				return err
			}
			who := Status{}
			if err := x.Call(cmd.Context(), http.MethodGet, "/me", nil, &who); err != nil {
				return err
			}
			who.Head, who.Server, who.Groups = form.Of("SignInStatus"), x.Server, append([]string{}, who.Groups...)
			if !f.ForPeople() {
				return f.Write(e.IO.Out, who)
			}
			e.IO.Printf("%s\n  %s (%s), by %s\n", x.Server, who.Name, who.Display, who.Via)
			for _, g := range who.Groups {
				e.IO.Printf("  in %s\n", g)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "address of the server, or name of a context (default the current one)")
	env.Output(cmd, &output, form.Single)
	return cmd
}

func newSessions(e *env.Env) *cobra.Command {
	server, end, output := "", "", ""
	cmd := &cobra.Command{
		Use:     "sessions",
		Short:   "Where you are signed in",
		Example: "  lockstep auth sessions\n\n  # end one\n  lockstep auth sessions --end c29ce1c0375dccb8",
		Args:    env.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := form.Parse(output, listForms)
			if err != nil {
				return err
			}
			x, err := remote.Choose(e.Getenv, server)
			if err != nil {
				return err
			}
			if end != "" {
				return x.Call(cmd.Context(), http.MethodDelete, "/auth/sessions/"+end, nil, nil)
			}
			return sessions(cmd.Context(), e, x, f)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "address of the server, or name of a context (default the current one)")
	env.Output(cmd, &output, listForms)
	cmd.Flags().StringVar(&end, "end", "", "id of a session to end")
	return cmd
}

// listForms are those of the list of sessions.
var listForms = []string{form.Table, form.JSON, form.YAML, form.JSONL}

// Sessions is the list as programs read it.
type Sessions struct {
	form.Head `json:",inline"`
	Items     []Session `json:"items"`
}

// Session is a browser or a terminal that is signed in.
type Session struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Client  string    `json:"client"`
	Address string    `json:"address"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Present bool      `json:"present"`
}

func sessions(ctx context.Context, e *env.Env, x remote.Context, f form.Form) error {
	got := []Session{}
	if err := x.Call(ctx, http.MethodGet, "/auth/sessions", nil, &got); err != nil {
		return err
	}
	if !f.ForPeople() {
		return f.Write(e.IO.Out, Sessions{form.Of("SessionList"), got}, form.Each(got)...)
	}
	for _, s := range got {
		mark := " "
		if s.Present {
			mark = "*"
		}
		e.IO.Printf("%s %s  %s  %s  %s  seen %s\n", mark, s.ID, s.Kind, s.Client, s.Address, s.Seen.Format(time.DateTime))
	}
	return nil
}

// Link is what auth link -o json prints.
type Link struct {
	form.Head `json:",inline"`
	URL       string    `json:"url"`
	Expires   time.Time `json:"expires"`
}

func newLink(e *env.Env) *cobra.Command {
	server, namespace, output := "", v1alpha1.SystemNamespace, ""
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Make a link that signs an administrator in once",
		Long: `Make a link that signs an administrator in once.

It needs the kubeconfig, and the permission to write Secrets in the server's own
namespace; the server need not be reachable. The link before is good no more.`,
		Example: `  lockstep auth link --server https://lockstep.example.org`,
		Args:    env.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := form.Parse(output, form.Single)
			if err != nil {
				return err
			}
			if server == "" {
				x, err := remote.Choose(e.Getenv, "")
				if err != nil {
					return fault.Usage("where the server is, is not known").WithHint("--server https://lockstep.example.org")
				}
				server = x.Server
			}
			address, err := remote.Address(server)
			if err != nil {
				return err
			}
			config, err := e.Config()
			if err != nil {
				return err
			}
			core, err := corev1.NewForConfig(config)
			if err != nil {
				return fault.Invalid("the kubeconfig cannot be used").Because(err)
			}
			secret, err := signin.SecretLinks{Secrets: core.Secrets(namespace), Now: e.Now}.Make(cmd.Context())
			if err != nil {
				return err
			}
			link := address + "/login#t=" + secret
			if !f.ForPeople() {
				return f.Write(e.IO.Out, Link{form.Of("SignInLink"), link, e.Now().Add(signin.LinkTime).UTC()})
			}
			e.IO.Printf("%s\n", link)
			e.IO.Notef("It signs you in once, within %s.", signin.LinkTime)
			return nil
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "where people find the server (default that of the current context)")
	cmd.Flags().StringVar(&namespace, "system-namespace", namespace, "the server's own namespace")
	env.Output(cmd, &output, form.Single)
	return cmd
}

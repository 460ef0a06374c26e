package token

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/remote"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Revoked is what revoke prints.
type Revoked struct {
	form.Head `json:",inline"`
	ID        string `json:"id,omitempty"`
	Person    string `json:"person,omitempty"`
	Revoked   int    `json:"revoked"`
}

func newRevoke(e *env.Env, server *string) *cobra.Command {
	person, made, output := "", false, ""
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token, or all of a person",
		Long: `End a token, or with --person all that act as a person, at once. Administrators may
end those of others. --made ends as well those that the person made for machines:
whoever made one has seen its secret.`,
		Example: `  lockstep token revoke 780b3e30ffc7d087

  # somebody has left
  lockstep token revoke --person oidc:ana@example.org --made`,
		Args: env.AtMost("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && person != "":
				return fault.Usage("a token and a person are given").WithHint("one of them")
			case len(args) == 0 && person == "":
				return env.Exactly("ID")(cmd, args)
			case made && person == "":
				return fault.Usage("--made is of a person").WithHint("say who by --person")
			}
			f, err := form.Parse(output, form.Single)
			if err != nil {
				return err
			}
			x, err := remote.Choose(e.Getenv, *server)
			if err != nil {
				return err
			}
			a := Revoked{Head: form.Of("RevokedTokens"), Person: person}
			path := "/auth/tokens"
			if person != "" {
				q := url.Values{"person": {person}}
				if made {
					q.Set("made", "true")
				}
				err = x.Call(cmd.Context(), http.MethodDelete, path+"?"+q.Encode(), nil, &a)
			} else {
				a.ID, a.Revoked = args[0], 1
				err = x.Call(cmd.Context(), http.MethodDelete, path+"/"+url.PathEscape(args[0]), nil, nil)
			}
			if err != nil {
				return err
			}
			if !f.ForPeople() {
				return f.Write(e.IO.Out, a)
			}
			e.IO.Notef("%s revoked", term.Count(a.Revoked, "token"))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&person, "person", "", "all tokens that act as this person")
	f.BoolVar(&made, "made", false, "with --person: also those that the person made for machines")
	env.Output(cmd, &output, form.Single)
	return cmd
}

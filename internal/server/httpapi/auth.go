package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// Providers is how one may sign in.
type Providers struct {
	Providers []SignInProvider `json:"providers"`
	Link      bool             `json:"link" doc:"whether the one-time link of the local administrator is taken"`
}

// SignInProvider is an identity provider.
type SignInProvider struct {
	Name  string `json:"name" example:"gitea"`
	Title string `json:"title"`
	Start string `json:"start" doc:"where to send the browser; add &return= with a path to come back to"`
}

// Session is a browser or a CLI that is signed in.
type Session struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind" enum:"browser,cli"`
	Client  string    `json:"client" doc:"what it calls itself"`
	Address string    `json:"address" doc:"where it was when it signed in"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen" doc:"to the minute"`
	Present bool      `json:"present" doc:"whether it is the one that asks"`
}

// Token is a secret of a machine, without the secret.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Person  string     `json:"person" doc:"who it acts as"`
	Groups  []string   `json:"groups"`
	Scopes  []string   `json:"scopes" doc:"what it is narrowed to; none is all that the person may"`
	By      string     `json:"by" doc:"who made it, or the rule that a job's token met"`
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Used    *time.Time `json:"used,omitempty" doc:"when it was last used, to the minute"`
}

// CreatedToken is a token with its secret, which is shown once.
type CreatedToken struct {
	Token
	Secret string `json:"secret" doc:"shown now and never again"`
}

// WantedToken is a token that somebody wants.
type WantedToken struct {
	Name    string   `json:"name" minLength:"1" maxLength:"80" doc:"what it is for"`
	Scopes  []string `json:"scopes,omitempty" maxItems:"50" doc:"VERB[:NAMESPACE[/NAME]]; none is all that the person may"`
	For     string   `json:"for,omitempty" doc:"how long it lives, as 720h" example:"720h"`
	Machine string   `json:"machine,omitempty" maxLength:"200" doc:"the machine that it acts as; without it, the person who asks"`
	Groups  []string `json:"groups,omitempty" maxItems:"100" doc:"of the machine"`
}

// Exchange is a token of Lockstep for one of a CI job (RFC 8693).
type Exchange struct {
	AccessToken     string `json:"access_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int    `json:"expires_in" doc:"seconds"`
}

// Device is what a CLI without a browser shows.
type Device struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code" doc:"for the person to type"`
	Verify     string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete" doc:"with the code in it"`
	ExpiresIn  int    `json:"expires_in" doc:"seconds"`
	Interval   int    `json:"interval" doc:"seconds between two questions"`
}

// Granted is what a CLI gets for its code.
type Granted struct {
	Status  string     `json:"status" enum:"granted,pending"`
	Token   string     `json:"token,omitempty"`
	Person  string     `json:"person,omitempty"`
	Display string     `json:"display,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
}

// Done is the answer to what leaves nothing to say.
type Done struct{}

func registerAuth(api huma.API, d *Deps) {
	registerSessions(api, d)
	registerTokens(api, d)
	registerHandoff(api, d)
}

// public makes an operation one for those who have not signed in.
func public(o huma.Operation) huma.Operation {
	o.Security = []map[string][]string{}
	return o
}

func registerSessions(api huma.API, d *Deps) {
	huma.Register(api, public(operation(http.MethodGet, "/auth/providers", "listSignInProviders", "How one may sign in")), func(context.Context, *struct{}) (*struct{ Body Providers }, error) {
		offers, link := d.SignIn.Offers()
		out := Providers{Link: link, Providers: []SignInProvider{}}
		for _, o := range offers {
			out.Providers = append(out.Providers, SignInProvider{o.Name, o.Title, "/auth/start?provider=" + url.QueryEscape(o.Name)})
		}
		return &struct{ Body Providers }{out}, nil
	})
	huma.Register(api, operation(http.MethodGet, "/auth/sessions", "listSessions", "The sessions of who asks"), func(ctx context.Context, _ *struct{}) (*struct{ Body []Session }, error) {
		list, err := d.SignIn.OwnSessions(ctx)
		if err != nil {
			return nil, problem(err)
		}
		out := make([]Session, 0, len(list))
		for _, s := range list {
			out = append(out, Session{s.ID, string(s.Kind), s.Client, s.Address, s.Created, s.Seen, s.Present})
		}
		return &struct{ Body []Session }{out}, nil
	})
	huma.Register(api, operation(http.MethodDelete, "/auth/sessions/{id}", "endSession", "End a session of who asks", http.StatusNotFound), func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"64"`
	}) (*struct{}, error) {
		return nil, problem(d.SignIn.EndSession(ctx, in.ID))
	})
	huma.Register(api, operation(http.MethodDelete, "/auth/sessions", "endSessions", "End all sessions and tokens of a person"), func(ctx context.Context, in *struct {
		Person string `query:"person" maxLength:"256" doc:"whose; without it, one's own"`
	}) (*struct {
		Body struct {
			Ended int `json:"ended" doc:"logins and tokens"`
		}
	}, error) {
		n, err := d.SignIn.EndAll(ctx, in.Person)
		if err != nil {
			return nil, problem(err)
		}
		out := &struct {
			Body struct {
				Ended int `json:"ended" doc:"logins and tokens"`
			}
		}{}
		out.Body.Ended = n
		return out, nil
	})
	type loggedOut struct {
		SetCookie []*http.Cookie `header:"Set-Cookie"`
		Body      struct {
			Next string `json:"next" doc:"where the identity provider wants to hear of it; empty where it does not"`
		}
	}
	huma.Register(api, operation(http.MethodPost, "/auth/logout", "logout", "End the session that asks"), func(ctx context.Context, _ *struct{}) (*loggedOut, error) {
		next, cookies, err := d.SignIn.Logout(ctx)
		if err != nil {
			return nil, problem(err)
		}
		out := &loggedOut{SetCookie: cookies}
		out.Body.Next = next
		return out, nil
	})
}

// RevokedTokens says how many tokens were revoked at once.
type RevokedTokens struct {
	Revoked int `json:"revoked"`
}

func registerTokens(api huma.API, d *Deps) {
	huma.Register(api, operation(http.MethodGet, "/auth/tokens", "listTokens", "The tokens of who asks"), func(ctx context.Context, in *struct {
		All bool `query:"all" doc:"those of everybody; for administrators"`
	}) (*struct{ Body []Token }, error) {
		list, err := d.SignIn.ListTokens(ctx, in.All)
		if err != nil {
			return nil, problem(err)
		}
		out := make([]Token, 0, len(list))
		for _, t := range list {
			out = append(out, tokenOf(t))
		}
		return &struct{ Body []Token }{out}, nil
	})
	create := operation(http.MethodPost, "/auth/tokens", "createToken", "Make a token", http.StatusUnprocessableEntity)
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, func(ctx context.Context, in *struct{ Body WantedToken }) (*struct{ Body CreatedToken }, error) {
		want := signin.NewToken{Name: in.Body.Name, Scopes: in.Body.Scopes, Machine: in.Body.Machine, Groups: in.Body.Groups}
		if in.Body.For != "" {
			lifetime, err := time.ParseDuration(in.Body.For)
			if err != nil {
				return nil, problem(fault.Invalid("%q is no duration", in.Body.For).WithHint("720h is thirty days"))
			}
			want.For = lifetime
		}
		t, secret, err := d.SignIn.MakeToken(ctx, want)
		if err != nil {
			return nil, problem(err)
		}
		return &struct{ Body CreatedToken }{CreatedToken{tokenOf(t), secret}}, nil
	})
	huma.Register(api, operation(http.MethodDelete, "/auth/tokens", "revokeTokens", "Revoke all tokens of a person"), func(ctx context.Context, in *struct {
		Person string `query:"person" required:"true" minLength:"1" maxLength:"1024" doc:"whom they act as; somebody else only for administrators"`
		Made   bool   `query:"made" doc:"and those that the person made for machines, whose secrets they have seen"`
	}) (*struct{ Body RevokedTokens }, error) {
		n, err := d.SignIn.EndTokensOf(ctx, in.Person, in.Made)
		if err != nil {
			return nil, problem(err)
		}
		return &struct{ Body RevokedTokens }{RevokedTokens{n}}, nil
	})
	huma.Register(api, operation(http.MethodDelete, "/auth/tokens/{id}", "revokeToken", "Revoke a token", http.StatusNotFound), func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"64"`
	}) (*struct{}, error) {
		return nil, problem(d.SignIn.EndToken(ctx, in.ID))
	})
}

func tokenOf(t credentials.Token) Token {
	out := Token{
		ID: t.ID, Name: t.Name, Person: t.Person.Name, Groups: append([]string{}, t.Person.Groups...), Scopes: append([]string{}, t.Person.Scopes...),
		By: t.By, Created: t.Created, Expires: t.Expires,
	}
	if !t.Used.IsZero() {
		out.Used = &t.Used
	}
	return out
}

func registerHandoff(api huma.API, d *Deps) {
	exchange := public(operation(http.MethodPost, "/auth/exchange", "exchangeToken", "Exchange the token of a CI job for one of Lockstep (RFC 8693)", http.StatusBadRequest))
	exchange.MaxBodyBytes = 64 << 10
	huma.Register(api, exchange, func(ctx context.Context, in *struct {
		RawBody []byte `contentType:"application/x-www-form-urlencoded"`
	}) (*struct {
		CacheControl string `header:"Cache-Control"`
		Body         Exchange
	}, error) {
		form, err := url.ParseQuery(string(in.RawBody))
		if err != nil {
			return nil, problem(fault.Usage("the form cannot be read"))
		}
		if g := form.Get("grant_type"); g != signin.GrantExchange {
			return nil, problem(fault.Usage("grant_type is %.80q", g).WithHint("%s", signin.GrantExchange))
		}
		if t := form.Get("subject_token_type"); t != signin.TypeJWT && t != signin.TypeIDToken {
			return nil, problem(fault.Usage("subject_token_type is %.80q", t).WithHint("%s or %s", signin.TypeJWT, signin.TypeIDToken))
		}
		got, err := d.SignIn.Exchange(ctx, form.Get("subject_token"))
		if err != nil {
			return nil, problem(err)
		}
		return &struct {
			CacheControl string `header:"Cache-Control"`
			Body         Exchange
		}{"no-store", Exchange{got.Token, signin.TypeAccess, "Bearer", int(got.Expires.Seconds())}}, nil
	})
	huma.Register(api, public(operation(http.MethodPost, "/auth/device", "startDevice", "Begin to sign in a terminal on another machine")), func(ctx context.Context, in *struct {
		Body struct {
			Client string `json:"client" maxLength:"200" doc:"what the person in the browser is shown"`
		}
	}) (*struct{ Body Device }, error) {
		v, err := d.SignIn.StartDevice(ctx, in.Body.Client)
		if err != nil {
			return nil, problem(err)
		}
		return &struct{ Body Device }{Device{v.Code, v.UserCode, v.Verify, v.Complete, int(v.Expires.Seconds()), int(v.Interval.Seconds())}}, nil
	})
	huma.Register(api, operation(http.MethodPost, "/auth/device/confirm", "confirmDevice", "Let a terminal in, or not", http.StatusNotFound), func(ctx context.Context, in *struct {
		Body struct {
			Code  string `json:"user_code" maxLength:"40"`
			Allow bool   `json:"allow"`
		}
	}) (*struct{}, error) {
		return nil, problem(d.SignIn.ConfirmDevice(ctx, in.Body.Code, in.Body.Allow))
	})
	huma.Register(api, public(operation(http.MethodPost, "/auth/device/token", "pollDevice", "Ask whether a terminal was let in")), func(ctx context.Context, in *struct {
		Body struct {
			Code string `json:"device_code" maxLength:"100"`
		}
	}) (*struct{ Body Granted }, error) {
		got, err := d.SignIn.PollDevice(ctx, in.Body.Code)
		if err != nil && fault.KindOf(err) == fault.KindWaiting {
			return &struct{ Body Granted }{Granted{Status: "pending"}}, nil
		}
		return granted(got, err)
	})
	huma.Register(api, public(operation(http.MethodPost, "/auth/cli", "redeemCode", "Sign in the terminal that a browser on the same machine let in")), func(ctx context.Context, in *struct {
		Body struct {
			Code     string `json:"code" maxLength:"100"`
			Verifier string `json:"verifier" maxLength:"128" doc:"of the challenge that the code was asked for with (RFC 7636)"`
		}
	}) (*struct{ Body Granted }, error) {
		return granted(d.SignIn.RedeemCode(ctx, in.Body.Code, in.Body.Verifier))
	})
}

func granted(got signin.Granted, err error) (*struct{ Body Granted }, error) {
	if err != nil {
		return nil, problem(err)
	}
	return &struct{ Body Granted }{Granted{Status: "granted", Token: got.Token, Person: got.Person.Name, Display: got.Person.Display, Expires: &got.Expires}}, nil
}

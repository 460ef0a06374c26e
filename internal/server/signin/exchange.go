package signin

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// Words of RFC 8693.
const (
	GrantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	TypeJWT       = "urn:ietf:params:oauth:token-type:jwt"
	TypeIDToken   = "urn:ietf:params:oauth:token-type:id_token"
	TypeAccess    = "urn:ietf:params:oauth:token-type:access_token"
)

// maxJobToken bounds what is read of a token, maxClaimCost what a rule may compute.
const (
	maxJobToken  = 16 << 10
	maxClaimCost = 10_000
)

// trust is a Trust whose rules are compiled.
type trust struct {
	Trust
	issuer *issuer
	rules  []rule
}

func newTrust(t Trust) (*trust, error) {
	out := &trust{Trust: t, issuer: &issuer{url: t.Issuer, caFile: t.CAFile}}
	for _, r := range t.Rules {
		made, err := r.compile()
		if err != nil {
			return nil, err
		}
		out.rules = append(out.rules, made)
	}
	return out, nil
}

// rule is a Rule that can be asked.
type rule struct {
	Rule
	when, user cel.Program
}

func (r Rule) compile() (rule, error) {
	env, err := cel.NewEnv(cel.Variable("claims", cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		return rule{}, fault.Internal(err)
	}
	out := rule{Rule: r}
	if out.when, err = program(env, "when", r.When, cel.BoolType); err != nil {
		return out, err
	}
	out.user, err = program(env, "user", r.User, cel.StringType)
	return out, err
}

func program(env *cel.Env, name, text string, want *cel.Type) (cel.Program, error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, fault.Invalid("%s cannot be compiled: %v", name, issues.Err()).WithHint(`for one: claims.repository == "acme/shop"`)
	}
	if got := ast.OutputType(); got != want && got != cel.DynType {
		return nil, fault.Invalid("%s gives a %s, not a %s", name, got, want)
	}
	return env.Program(ast, cel.CostLimit(maxClaimCost))
}

// person returns who a rule says that a job is; ok is false where it does not hold.
// A claim that is not there makes a condition not hold.
func (r rule) person(c claims) (lockstep.Person, bool, error) {
	facts := map[string]any{"claims": map[string]any(c)}
	held, _, err := r.when.Eval(facts)
	if err != nil || held != types.True {
		return lockstep.Person{}, false, nil
	}
	named, _, err := r.user.Eval(facts)
	if err != nil {
		return lockstep.Person{}, false, fault.Invalid("the rule's user cannot be computed: %v", err)
	}
	name, ok := named.Value().(string)
	if !ok {
		return lockstep.Person{}, false, fault.Invalid("the rule's user is no text")
	}
	p := lockstep.Person{Name: name, Display: name, Groups: r.Groups, Via: lockstep.ProofCI, Scopes: r.Scopes}
	if len(p.Scopes) == 0 {
		p.Scopes = nil
	}
	return p, true, nameAllowed(name)
}

// Exchanged is what a job is given for its token.
type Exchanged struct {
	Token   string
	Expires time.Duration
	Person  lockstep.Person
}

// Exchange gives a job a short-lived token for the one that its CI gave it.
func (s *Service) Exchange(ctx context.Context, token string) (Exchanged, error) {
	from := proofOf(ctx).origin
	out, err := s.exchange(ctx, from, token)
	return out, s.attempt(ctx, from, "exchange", out.Person, err)
}

func (s *Service) exchange(ctx context.Context, from origin, raw string) (Exchanged, error) {
	if err := s.limits.try(from.Address, s.Now()); err != nil {
		return Exchanged{}, err
	}
	if len(raw) > maxJobToken {
		return Exchanged{}, fault.TooLarge("the token has %d bytes", len(raw))
	}
	set, err := s.current()
	if err != nil {
		return Exchanged{}, err
	}
	claimed, err := issuerOf(raw)
	if err != nil {
		return Exchanged{}, err
	}
	// All say the same to whoever asks: which issuers are trusted is nobody's
	// business. The log has the difference.
	refused := fault.Unauthenticated("the job's token is not accepted").
		WithHint("is it fresh, asked for with the audience of the trust in Lockstep's configuration, and does a rule hold for the job? the server's log says which")
	why := error(fmt.Errorf("no trust has the issuer %q", cut(claimed)))
	for _, t := range set.trusts {
		if subtle.ConstantTimeCompare([]byte(claimed), []byte(t.Issuer)) != 1 {
			continue
		}
		out, err := s.exchangeBy(ctx, t, raw)
		if err == nil {
			return out, nil
		}
		if fault.KindOf(err) == fault.KindUnavailable {
			return out, err
		}
		why = err
		if c := causeOf(fault.As(err)); c != "" {
			why = fmt.Errorf("%w: %s", err, c)
		}
	}
	return Exchanged{}, refused.Because(why)
}

// issuerOf reads who a token says that it is from, to know whom to ask whether that
// is so.
func issuerOf(raw string) (string, error) {
	malformed := fault.Invalid("the subject token is no JWT").WithHint("send the job's ID token as subject_token")
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return "", malformed
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", malformed
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(body, &c); err != nil || c.Issuer == "" {
		return "", malformed
	}
	return c.Issuer, nil
}

func (s *Service) exchangeBy(ctx context.Context, t *trust, raw string) (Exchanged, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	known, ctx, err := t.issuer.discover(ctx)
	if err != nil {
		return Exchanged{}, err
	}
	token, err := known.VerifierContext(ctx, &oidc.Config{ClientID: t.Audience}).Verify(ctx, raw)
	if err != nil {
		return Exchanged{}, fault.Unauthenticated("the token does not hold").Because(err)
	}
	c := claims{}
	if err := token.Claims(&c); err != nil {
		return Exchanged{}, fault.Unauthenticated("the token cannot be read").Because(err)
	}
	for i, r := range t.rules {
		p, holds, err := r.person(c)
		if err != nil {
			return Exchanged{}, err
		}
		if holds {
			return s.exchanged(ctx, t, token, c, p, fmt.Sprintf("%s/%d", t.Name, i+1))
		}
	}
	return Exchanged{}, fault.Denied("no rule of trust %q holds for %q", t.Name, cut(token.Subject))
}

func (s *Service) exchanged(ctx context.Context, t *trust, job *oidc.IDToken, c claims, p lockstep.Person, by string) (Exchanged, error) {
	// Whoever finds the token in a log finds it used. One without an id is known by
	// all that it says.
	id := c.text("jti")
	if id == "" {
		id = fmt.Sprint(job.Subject, job.IssuedAt.UnixNano(), job.Expiry.UnixNano(), job.AccessTokenHash, c)
	}
	first, err := s.once(ctx, "jti", t.Issuer+" "+id, nil, job.Expiry.Add(time.Hour))
	if err != nil {
		return Exchanged{}, err
	}
	if !first {
		return Exchanged{}, fault.Unauthenticated("the token was exchanged before")
	}
	secret, now := mint(classJob), s.Now()
	token := credentials.Token{
		ID: newID(), Name: cut(job.Subject), Hash: hashOf(secret), Person: p, By: by,
		Created: now, Expires: now.Add(t.Lifetime.Duration),
	}
	if err := s.Keep.AddToken(ctx, token); err != nil {
		return Exchanged{}, unkept(err)
	}
	return Exchanged{Token: secret, Expires: t.Lifetime.Duration, Person: p}, nil
}

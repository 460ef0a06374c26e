package signin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// endSessionURL returns where the browser tells the provider that it signed out; ""
// where the provider has no such place.
func (s *Service) endSessionURL(ctx context.Context, by proof) string {
	set, err := s.current()
	if err != nil || set.providers[by.login.Provider] == nil {
		return ""
	}
	p := set.providers[by.login.Provider]
	known, _, err := p.issuer.discover(ctx)
	if err != nil {
		return ""
	}
	var more struct {
		End string `json:"end_session_endpoint"`
	}
	if err := known.Claims(&more); err != nil || more.End == "" {
		return ""
	}
	u, err := url.Parse(more.End)
	if err != nil || u.Scheme != "https" && !loopbackName(u.Hostname()) {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", s.Front.base(by.request)+"/login")
	var grant granted
	if s.seal.open(grantPurpose, by.login.Sealed, &grant) == nil && grant.ID != "" {
		q.Set("id_token_hint", grant.ID)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// backEvent is what a logout token is known by (OpenID Connect Back-Channel Logout).
const backEvent = "http://schemas.openid.net/event/backchannel-logout"

// backChannel is where a provider says that somebody signed out there.
func (s *Service) backChannel(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if err := s.backLogout(r); err != nil {
		f := fault.As(err)
		s.Log.Info("a back-channel logout is refused", "provider", s.known(r.PathValue("provider")), "error", f.Error(), "cause", causeOf(f))
		if f.Kind != fault.KindUnavailable && f.Kind != fault.KindTooMany {
			err = fault.Usage("%s", f.What) // the answer that the standard wants is 400
		}
		Problem(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Service) backLogout(r *http.Request) error {
	if err := s.limits.try(s.Front.Address(r), s.Now()); err != nil {
		return err
	}
	set, err := s.current()
	if err != nil {
		return err
	}
	p := set.providers[r.PathValue("provider")]
	if p == nil {
		return fault.NotFound("there is no such provider")
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTime)
	defer cancel()
	known, ctx, err := p.issuer.discover(ctx)
	if err != nil {
		return err
	}
	token, err := known.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID}).Verify(ctx, r.PostFormValue("logout_token"))
	if err != nil {
		return fault.Invalid("the logout token does not hold").Because(err)
	}
	c := claims{}
	if err := token.Claims(&c); err != nil {
		return fault.Invalid("the logout token cannot be read").Because(err)
	}
	events, _ := c["events"].(map[string]any)
	if _, ok := events[backEvent]; !ok || c.has("nonce") {
		return fault.Invalid("the token is none of a logout") // an ID token is not one
	}
	if first, err := s.once(ctx, "jti", p.Issuer+" logout "+c.text("jti"), nil, s.Now().Add(24*time.Hour)); err != nil || !first {
		return fault.Invalid("the logout token was used before").Because(err)
	}
	who := credentials.Whose{Provider: p.Name, Subject: token.Subject, Sid: c.text("sid")}
	if who.Subject == "" && who.Sid == "" {
		return fault.Invalid("the logout token is about nobody")
	}
	if _, err := s.Keep.EndLogins(ctx, who); err != nil {
		return unkept(err)
	}
	s.cache.forget()
	s.Record(ctx, Event{Kind: EventLogout, Person: lockstep.Itself(), Method: p.Name, Outcome: succeeded, Reason: "the identity provider signed the person out", Of: token.Subject, Address: s.Front.Address(r)})
	return nil
}

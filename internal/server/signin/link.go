package signin

import (
	"context"
	"crypto/subtle"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// LinkSecret holds the hash of the one link that is out. That it is a Secret in the
// server's own namespace is the permission: who may write there is an administrator
// of this Lockstep anyway, whether the server can be reached or not.
const LinkSecret = "lockstep-sign-in-link"

// Keys of the LinkSecret.
const (
	linkHash  = "sha256"
	linkUntil = "until"
)

// LinkTime is how long a link is good.
const LinkTime = 15 * time.Minute

// SecretLinks keeps the hash of the link that is out in a Secret.
type SecretLinks struct {
	Secrets typed.SecretInterface
	Now     func() time.Time
}

// Make makes a link anew and returns its secret. The one before is good no more.
func (l SecretLinks) Make(ctx context.Context) (string, error) {
	secret := opaque()
	data := map[string][]byte{
		linkHash:  []byte(hashOf(secret)),
		linkUntil: []byte(l.Now().Add(LinkTime).UTC().Format(time.RFC3339)),
	}
	made := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: LinkSecret, Labels: map[string]string{"app.kubernetes.io/name": "lockstep"}},
		Data:       data,
	}
	_, err := l.Secrets.Create(ctx, made, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		err = l.Secrets.Delete(ctx, LinkSecret, metav1.DeleteOptions{})
		if err == nil || apierrors.IsNotFound(err) {
			_, err = l.Secrets.Create(ctx, made, metav1.CreateOptions{})
		}
	}
	switch {
	case err == nil:
		return secret, nil
	case apierrors.IsForbidden(err):
		return "", fault.Denied("Secret %q may not be written", LinkSecret).Because(err).
			WithHint("a link is for those who may create and delete Secrets in the server's namespace")
	case apierrors.IsNotFound(err):
		return "", fault.NotFound("the server's namespace does not exist").Because(err).WithHint("is it another one? --system-namespace")
	}
	return "", fault.Unavailable("the link cannot be kept: %s", err).Because(err)
}

// Out says whether a link was ever given out and not used, be it good still or not.
func (l SecretLinks) Out(ctx context.Context) bool {
	_, err := l.Secrets.Get(ctx, LinkSecret, metav1.GetOptions{})
	return err == nil
}

// Redeem ends the link that is out if secret is its. Of two who come at once one
// deletes it.
func (l SecretLinks) Redeem(ctx context.Context, secret string) (bool, error) {
	found, err := l.Secrets.Get(ctx, LinkSecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fault.Unavailable("the link cannot be looked up: %s", err).Because(err)
	}
	until, err := time.Parse(time.RFC3339, string(found.Data[linkUntil]))
	if err != nil || !until.After(l.Now()) {
		return false, nil
	}
	if subtle.ConstantTimeCompare(found.Data[linkHash], []byte(hashOf(secret))) != 1 {
		return false, nil
	}
	err = l.Secrets.Delete(ctx, LinkSecret, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &found.UID}})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return false, nil
	case err != nil:
		return false, fault.Unavailable("the link cannot be ended: %s", err).Because(err)
	}
	return true, nil
}

// Local is the local administrator.
func Local() lockstep.Person {
	return lockstep.Person{Name: "lockstep:local-admin", Groups: []string{Admins}, Display: "Local administrator", Via: lockstep.ProofLink}
}

// providerLink is the provider of logins that came by a link.
const providerLink = "link"

// byLink signs in whoever has the link. The secret comes in a body: the address
// that had it behind its # is never sent, and so in no log.
func (s *Service) byLink(w http.ResponseWriter, r *http.Request) {
	from := s.origin(r)
	err := s.linked(w, r, from)
	who := lockstep.Person{}
	if err == nil {
		who = Local()
	}
	if s.attempt(r.Context(), from, providerLink, who, err) != nil {
		Problem(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) linked(w http.ResponseWriter, r *http.Request, from origin) error {
	if err := s.limits.try(from.Address, s.Now()); err != nil {
		return err
	}
	if err := s.Front.fit(r); err != nil {
		return err
	}
	if s.csrf.Check(r) != nil {
		// Or a page elsewhere could sign a person in as somebody they are not.
		return fault.Denied("the request comes from a page of another site")
	}
	if s.Links == nil {
		return fault.Denied("the local administrator is turned off").WithHint("sign in with a provider")
	}
	secret := r.PostFormValue("t")
	bad := fault.Unauthenticated("the link is not good").WithHint("it is good once and for %s; whoever holds the kubeconfig makes a new one: lockstep auth link", LinkTime)
	if secret == "" || len(secret) > 100 {
		return bad
	}
	ok, err := s.Links.Redeem(r.Context(), secret)
	if err != nil {
		return err
	}
	if !ok {
		return bad
	}
	return s.open(w, r, from, found{Person: Local(), Provider: providerLink, Subject: Local().Name})
}

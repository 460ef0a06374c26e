package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
)

// link returns an address that signs the local administrator in once, and shows
// where to begin.
func (s *session) link(ctx context.Context, config *rest.Config, server string) (string, error) {
	secret, err := secretLink(ctx, config)
	if err != nil {
		return "", err
	}
	return server + "/login?return=%2Fwelcome#t=" + secret, nil
}

func secretLink(ctx context.Context, config *rest.Config) (string, error) {
	core, err := corev1.NewForConfig(config)
	if err != nil {
		return "", fault.Internal(err)
	}
	return signin.SecretLinks{Secrets: core.Secrets(v1alpha1.SystemNamespace), Now: time.Now}.Make(ctx)
}

// callTime is how long one answer of the server may take.
const callTime = 10 * time.Second

// signInTerminal gives the second terminal a token of its own and writes the file
// that it reads its environment from.
func (s *session) signInTerminal(ctx context.Context, config *rest.Config, server string) error {
	if !s.tokenWorks(ctx, server) {
		secret, err := secretLink(ctx, config)
		if err != nil {
			return err
		}
		if s.state.Token, err = tokenFor(ctx, server, secret); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("# For a terminal: . %s\nexport KUBECONFIG=%s\nexport LOCKSTEP_SERVER=%s\nexport LOCKSTEP_TOKEN=%s\n",
		s.envShown(), quoted(s.place.path("kubeconfig")), server, s.state.Token)
	if self, err := os.Executable(); err == nil {
		text += "command -v lockstep >/dev/null || lockstep() { " + quoted(self) + ` "$@"; }` + "\n"
	}
	if err := os.WriteFile(s.place.path("env"), []byte(text), 0o600); err != nil {
		return fault.Invalid("%s cannot be written", s.place.path("env")).Because(err)
	}
	return nil
}

// envShown is how the file of the environment is named on a command line.
func (s *session) envShown() string { return strings.TrimSuffix(s.place.shown, "/") + "/env" }

// quoted is a text as a shell takes it whole.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func (s *session) tokenWorks(ctx context.Context, server string) bool {
	if s.state.Token == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/v1/me", nil)
	if err != nil {
		return false
	}
	r.Header.Set("Authorization", "Bearer "+s.state.Token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// tokenFor signs in as a browser would, and makes a token there.
func tokenFor(ctx context.Context, server, secret string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", fault.Internal(err)
	}
	c := &http.Client{Jar: jar, Timeout: callTime}
	if _, err := send(ctx, c, server+"/auth/link", "application/x-www-form-urlencoded", url.Values{"t": {secret}}.Encode()); err != nil {
		return "", err
	}
	defer func() {
		// The session was for this one call; if it cannot be ended it ends by itself.
		_, _ = send(ctx, c, server+"/api/v1/auth/logout", "application/json", "{}")
	}()
	raw, err := send(ctx, c, server+"/api/v1/auth/tokens", "application/json", `{"name":"demo terminal","for":"720h"}`)
	if err != nil {
		return "", err
	}
	var made struct{ Secret string }
	if err := json.Unmarshal(raw, &made); err != nil || made.Secret == "" {
		return "", fault.Internal(fmt.Errorf("a token without a secret: %w", err))
	}
	return made.Secret, nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

func send(ctx context.Context, c *http.Client, address, media, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return nil, fault.Internal(err)
	}
	r.Header.Set("Content-Type", media)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := c.Do(r)
	if err != nil {
		return nil, fault.Unavailable("the server does not answer").Because(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fault.Unavailable("the server broke off").Because(err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, fault.Unavailable("the server does not sign the terminal in: %d %s", resp.StatusCode, bytes.TrimSpace(raw))
	}
	return raw, nil
}

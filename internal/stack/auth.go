package stack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// Secrets finds Secrets; every [Lookup] does.
type Secrets interface {
	Secret(ctx context.Context, namespace, name string) (map[string][]byte, error)
}

// The keys of a Source's Secret. They are those that Flux reads, so that a
// Secret can be taken over as it is.
const (
	keyUsername   = "username"
	keyPassword   = "password" // of the user, or of the key in identity
	keyToken      = "bearerToken"
	keyCA         = "ca.crt"
	keyClientCert = "tls.crt"
	keyClientKey  = "tls.key"
	keyIdentity   = "identity"
	keyKnownHosts = "known_hosts"
	keyAddress    = "address" // of a proxy
)

// SourceSpec returns what a mirror needs to know of a Source, with the
// credentials that its Secrets hold, and the ref to follow. Every fault names
// the Secret and the key, and none repeats a value.
func SourceSpec(ctx context.Context, l Secrets, src *v1alpha1.Source) (source.Spec, source.Ref, error) {
	git := src.Spec.Git
	if git == nil {
		return source.Spec{}, source.Ref{}, fault.Invalid("spec.git is missing").
			At("source %s/%s", src.Namespace, src.Name).
			WithHint("say where to pull from: spec.git.url")
	}
	spec := source.Spec{URL: git.URL, Submodules: git.Submodules, LFS: git.LFS}
	auth, err := auth(ctx, l, src, git.SecretRef)
	proxy, proxyErr := proxy(ctx, l, src)
	if err := fault.Join(err, proxyErr); err != nil {
		return source.Spec{}, source.Ref{}, err
	}
	auth.ProxyURL = proxy
	spec.Auth = auth
	return spec, RefOf(git.Ref), nil
}

// RefOf returns what a Source follows; nil stands for branch main.
func RefOf(r *v1alpha1.GitRef) source.Ref {
	if r == nil {
		return source.Ref{Branch: "main"}
	}
	return source.Ref{Branch: r.Branch, Tag: r.Tag, Semver: r.Semver, Name: r.Name, Commit: r.Commit}
}

func auth(ctx context.Context, l Secrets, src *v1alpha1.Source, ref *v1alpha1.LocalRef) (source.Auth, error) {
	git := src.Spec.Git
	if ref == nil {
		if overSSH(git.URL) {
			return source.Auth{}, fault.Invalid("%q is reached over ssh, and no credential is named", git.URL).
				At("source %s/%s", src.Namespace, src.Name).
				WithHint("set spec.git.secretRef to a Secret with the keys %q and %q", keyIdentity, keyKnownHosts)
		}
		return source.Auth{}, nil
	}
	s, err := read(ctx, l, src, ref.Name)
	if err != nil {
		return source.Auth{}, err
	}
	if overSSH(git.URL) {
		return s.ssh()
	}
	return s.http()
}

func proxy(ctx context.Context, l Secrets, src *v1alpha1.Source) (string, error) {
	if src.Spec.Git.ProxySecretRef == nil {
		return "", nil
	}
	s, err := read(ctx, l, src, src.Spec.Git.ProxySecretRef.Name)
	if err != nil {
		return "", err
	}
	address, err := s.must(keyAddress, "set it to the proxy's URL, such as http://proxy.example:3128")
	if err != nil {
		return "", err
	}
	// The parse error would repeat the address, which may hold a password.
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", s.wrong(keyAddress, "is not a URL").WithHint("write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")
	}
	switch u.Scheme {
	case "http", "https", "socks5":
	default:
		return "", s.wrong(keyAddress, "has scheme %q", u.Scheme).WithHint("http, https and socks5 proxies are supported")
	}
	if user := s.text(keyUsername); user != "" {
		u.User = url.UserPassword(user, s.text(keyPassword))
	}
	return u.String(), nil
}

// secret is a Secret with its name, for faults.
type secret struct {
	name string // namespace/name
	data map[string][]byte
}

func read(ctx context.Context, l Secrets, src *v1alpha1.Source, name string) (secret, error) {
	data, err := l.Secret(ctx, src.Namespace, name)
	return secret{name: src.Namespace + "/" + name, data: data}, err
}

func (s secret) ssh() (source.Auth, error) {
	const hint = "put the private key under identity and the output of ssh-keyscan HOST under known_hosts"
	_, err := s.must(keyIdentity, hint)
	_, hostsErr := s.must(keyKnownHosts, hint)
	if err := fault.Join(err, hostsErr); err != nil {
		return source.Auth{}, err
	}
	a := source.Auth{SSHKey: s.data[keyIdentity], SSHPassphrase: s.text(keyPassword), KnownHosts: s.data[keyKnownHosts]}
	return a, fault.Join(s.checkKey(a), s.checkHosts())
}

func (s secret) checkKey(a source.Auth) error {
	if a.SSHPassphrase != "" {
		// A passphrase for a key that needs none does no harm.
		_, err := ssh.ParseRawPrivateKeyWithPassphrase(a.SSHKey, []byte(a.SSHPassphrase))
		if errors.Is(err, x509.IncorrectPasswordError) {
			return s.wrong(keyPassword, "does not open the key under %q", keyIdentity)
		}
		if err == nil {
			return nil
		}
	}
	_, err := ssh.ParseRawPrivateKey(a.SSHKey)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return s.wrong(keyIdentity, "is a key with a passphrase").WithHint("put the passphrase under %q", keyPassword)
	}
	if err != nil {
		return s.wrong(keyIdentity, "is not a private key").WithHint("want PEM, as ssh-keygen writes it, with all its line ends")
	}
	return nil
}

func (s secret) checkHosts() error {
	rest := s.data[keyKnownHosts]
	for {
		_, _, _, _, next, err := ssh.ParseKnownHosts(rest)
		if err != nil {
			// io.EOF with nothing read is a file of comments.
			return s.wrong(keyKnownHosts, "holds no host key").WithHint("want lines such as ssh-keyscan HOST prints")
		}
		if next == nil || len(next) < len(rest) {
			return nil
		}
	}
}

func (s secret) http() (source.Auth, error) {
	a := source.Auth{
		Username:    s.text(keyUsername),
		Password:    s.text(keyPassword),
		BearerToken: s.text(keyToken),
		CA:          s.data[keyCA],
		ClientCert:  s.data[keyClientCert],
		ClientKey:   s.data[keyClientKey],
	}
	return a, fault.Join(s.checkLogin(a), s.checkCA(a), s.checkClient(a))
}

func (s secret) checkLogin(a source.Auth) error {
	switch {
	case a.Username != "" && a.Password == "":
		return s.missing(keyPassword, "it goes with %q", keyUsername)
	case a.Password != "" && a.Username == "":
		return s.missing(keyUsername, "it goes with %q; most forges take any name with a token", keyPassword)
	case a.BearerToken != "" && a.Username != "":
		return s.wrong(keyToken, "is set beside %q", keyUsername).WithHint("keep one of the two; GitHub and GitLab tokens go under %q", keyPassword)
	case a.Username == "" && a.BearerToken == "" && len(a.CA) == 0 && len(a.ClientCert) == 0 && len(a.ClientKey) == 0:
		return fault.Invalid("Secret %s holds no credential", s.name).
			WithHint("over http(s) the keys are %s", strings.Join([]string{keyUsername, keyPassword, keyToken, keyCA, keyClientCert, keyClientKey}, ", "))
	}
	return nil
}

func (s secret) checkCA(a source.Auth) error {
	if len(a.CA) == 0 || x509.NewCertPool().AppendCertsFromPEM(a.CA) {
		return nil
	}
	return s.wrong(keyCA, "holds no PEM certificate")
}

func (s secret) checkClient(a source.Auth) error {
	switch {
	case len(a.ClientCert) == 0 && len(a.ClientKey) == 0:
		return nil
	case len(a.ClientCert) == 0:
		return s.missing(keyClientCert, "it goes with %q", keyClientKey)
	case len(a.ClientKey) == 0:
		return s.missing(keyClientKey, "it goes with %q", keyClientCert)
	}
	if _, err := tls.X509KeyPair(a.ClientCert, a.ClientKey); err != nil {
		return s.wrong(keyClientCert, "and %q are no pair of PEM certificate and key", keyClientKey)
	}
	return nil
}

// text returns a value without the line end that editors and base64 leave.
func (s secret) text(key string) string { return strings.TrimRight(string(s.data[key]), "\r\n") }

func (s secret) must(key, hint string) (string, error) {
	if v := s.text(key); v != "" {
		return v, nil
	}
	return "", s.missing(key, "%s", hint)
}

func (s secret) missing(key, hint string, args ...any) error {
	f := fault.NotFound("Secret %s has no key %q", s.name, key)
	if got := sortedKeys(s.data); len(got) > 0 {
		f.What += ", only " + strings.Join(got, ", ")
	}
	return f.WithHint(hint, args...)
}

func (s secret) wrong(key, format string, args ...any) *fault.Fault {
	return fault.Invalid("Secret %s: key %q %s", s.name, key, fmt.Sprintf(format, args...))
}

func overSSH(url string) bool {
	scheme, _, ok := strings.Cut(url, "://")
	return !ok || scheme == "ssh"
}

package git

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
)

// credential is an Auth that has been found fit for an address.
type credential struct {
	source.Auth
	sshKey []byte // as ssh reads it: without a passphrase
}

// newCredential refuses what cannot work before git is asked to try it.
func newCredential(u giturl.URL, a source.Auth) (credential, error) {
	c := credential{Auth: a}
	switch u.Scheme {
	case "ssh":
		return c, c.checkSSH()
	case "http", "https":
		return c, c.checkHTTP(u)
	}
	return c, nil
}

func (c *credential) checkSSH() error {
	if c.BearerToken != "" || c.Password != "" {
		return fault.Invalid("an ssh url takes a key, not a password or token").
			WithHint("put a private key into the Secret's key identity, or use the https url")
	}
	if c.ProxyURL != "" {
		return fault.Invalid("a proxy is for http and https urls").WithHint("use the https url")
	}
	if len(c.SSHKey) == 0 {
		return fault.Invalid("an ssh url needs a private key").WithHint("put it into the Secret's key identity")
	}
	if len(bytes.TrimSpace(c.KnownHosts)) == 0 {
		return fault.Invalid("an ssh url needs known_hosts").
			WithHint("put the output of ssh-keyscan, once you have checked it, into the Secret's key known_hosts")
	}
	key, err := plainKey(c.SSHKey, c.SSHPassphrase)
	c.sshKey = key
	return err
}

// plainKey takes the passphrase off a key: ssh could ask for it only through
// one more program.
func plainKey(text []byte, passphrase string) ([]byte, error) {
	_, err := ssh.ParseRawPrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return lines(text), nil
	case !errors.As(err, &locked):
		return nil, fault.Invalid("the ssh private key cannot be read").
			WithHint("the Secret's key identity must hold a PEM block, as ssh-keygen writes it").Because(err)
	case passphrase == "":
		return nil, fault.Invalid("the ssh private key has a passphrase").WithHint("put it into the Secret's key password")
	}
	key, err := ssh.ParseRawPrivateKeyWithPassphrase(text, []byte(passphrase))
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, fault.Invalid("the passphrase of the ssh private key is wrong").WithHint("check the Secret's key password")
	}
	if err != nil {
		return nil, fault.Invalid("the ssh private key cannot be read").Because(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return nil, fault.Invalid("the ssh private key is of a kind that is not supported").Because(err)
	}
	return pem.EncodeToMemory(block), nil
}

// lines ends a text in one line break, which ssh insists on. It is a copy: the
// caller's bytes are shared by all who use the credential.
func lines(text []byte) []byte { return append(bytes.Clone(bytes.TrimSpace(text)), '\n') }

func (c *credential) checkHTTP(u giturl.URL) error {
	if len(c.SSHKey) > 0 {
		return fault.Invalid("an ssh key cannot be used with an %s url", u.Scheme).WithHint("use the ssh url, or a username and password")
	}
	if c.BearerToken != "" && c.Password != "" {
		return fault.Invalid("the credential has both a password and a bearer token").WithHint("leave one out")
	}
	if strings.ContainsAny(c.BearerToken+c.Username+c.Password, "\r\n") {
		return fault.Invalid("the credential holds a line break").WithHint("a file was probably put into the Secret with its trailing newline")
	}
	if len(c.CA) > 0 && !x509.NewCertPool().AppendCertsFromPEM(c.CA) {
		return fault.Invalid("the CA holds no certificate").WithHint("the Secret's key ca.crt must hold PEM")
	}
	if len(c.ClientCert)+len(c.ClientKey) > 0 {
		if _, err := tls.X509KeyPair(c.ClientCert, c.ClientKey); err != nil {
			return fault.Invalid("the client certificate and its key do not fit").
				WithHint("the Secret needs both tls.crt and tls.key, in PEM").Because(err)
		}
	}
	if c.ProxyURL == "" {
		return nil
	}
	p, err := url.Parse(c.ProxyURL)
	if err != nil || p.Host == "" || !strings.Contains(" http https socks5 socks5h ", " "+p.Scheme+" ") {
		return fault.Invalid("the proxy address cannot be used").WithHint("write http://host:port, https://host:port or socks5://host:port")
	}
	return nil
}

// secret says whether the credential must not reach another server.
func (c credential) secret() bool {
	return c.BearerToken != "" || c.Password != "" || len(c.ClientKey) > 0
}

// public is what of the credential any server may see.
func (c credential) public() source.Auth {
	return source.Auth{CA: c.CA, ProxyURL: c.ProxyURL}
}

// id tells credentials apart in memory, without holding them.
func (c credential) id(salt [32]byte) string {
	text, _ := json.Marshal(c.Auth) // strings and bytes cannot fail
	mac := hmac.New(sha256.New, salt[:])
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

// header is the Authorization that the credential stands for; "" if none. It is
// sent at once, which saves the round trip of a 401.
func (c credential) header() string {
	switch {
	case c.BearerToken != "":
		return "Bearer " + c.BearerToken
	case c.Password != "":
		// Forges take any user with a token, but not none.
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(cmp.Or(c.Username, "git")+":"+c.Password))
	}
	return ""
}

// words are what must not show in anything that git says.
func (c credential) words() []string {
	out := []string{c.Password, c.BearerToken, c.SSHPassphrase}
	if h := c.header(); h != "" {
		_, v, _ := strings.Cut(h, " ")
		out = append(out, v)
	}
	if p, err := url.Parse(c.ProxyURL); err == nil && p.User != nil {
		pw, _ := p.User.Password()
		out = append(out, pw)
	}
	return out
}

// handOver puts the credential where git finds it, for one call: secrets go
// into the environment or into files that only we can read, never on a command
// line. done removes the files.
func (c credential) handOver(u giturl.URL, dir string) (out call, done func(), err error) {
	files, err := os.MkdirTemp(dir, "call-")
	if err != nil {
		return call{}, nil, diskFault(err)
	}
	done = func() { _ = os.RemoveAll(files) }
	write := func(name string, data []byte) string {
		p := filepath.Join(files, name)
		if e := os.WriteFile(p, data, 0o600); e != nil && err == nil {
			err = diskFault(e)
		}
		return p
	}
	if u.Scheme == "ssh" {
		out.env = []string{"GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND=" + sshCommand(write("identity", c.sshKey), write("known_hosts", lines(c.KnownHosts)))}
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		out.config = c.httpConfig(u, write)
	}
	if err != nil {
		done()
		return call{}, nil, err
	}
	return out, done, nil
}

func (c credential) httpConfig(u giturl.URL, write func(string, []byte) string) []setting {
	var out []setting
	scope := "http." + u.Origin() + "/."
	if h := c.header(); h != "" {
		out = append(out, setting{scope + "extraHeader", "Authorization: " + h})
	}
	if c.secret() {
		// git would send the header on to wherever the server redirects. redirect.go
		// follows instead, and only on the same host.
		out = append(out, setting{"http.followRedirects", "false"})
	}
	if len(c.CA) > 0 {
		out = append(out, setting{"http.sslCAInfo", write("ca.crt", append(systemRoots(), c.CA...))})
	}
	if len(c.ClientKey) > 0 {
		out = append(out, setting{scope + "sslCert", write("tls.crt", c.ClientCert)}, setting{scope + "sslKey", write("tls.key", c.ClientKey)})
	}
	if c.ProxyURL != "" {
		out = append(out, setting{"http.proxy", c.ProxyURL})
	}
	return out
}

// sshCommand is read by a shell, so the paths are quoted.
func sshCommand(key, knownHosts string) string {
	opts := []string{
		"ssh", "-F", os.DevNull, "-i", key,
		"-o", "UserKnownHostsFile=" + knownHosts, "-o", "GlobalKnownHostsFile=" + os.DevNull, "-o", "StrictHostKeyChecking=yes",
		"-o", "UpdateHostKeys=no", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
		"-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no",
		"-o", "ForwardAgent=no", "-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no", "-o", "ConnectTimeout=20",
	}
	for i, o := range opts {
		opts[i] = "'" + strings.ReplaceAll(o, "'", `'\''`) + "'"
	}
	return strings.Join(opts, " ")
}

// systemRoots returns the certificates that the machine trusts, since a CA given
// to git would otherwise replace them.
func systemRoots() []byte {
	for _, p := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"} {
		if data, err := os.ReadFile(p); err == nil {
			return append(data, '\n')
		}
	}
	return nil
}

// client is what speaks HTTP for us where git does not: LFS and redirects.
func (c credential) client() *http.Client {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(c.CA)
	conf := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if pair, err := tls.X509KeyPair(c.ClientCert, c.ClientKey); err == nil {
		conf.Certificates = []tls.Certificate{pair}
	}
	t := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: time.Minute}
	if p, err := url.Parse(c.ProxyURL); err == nil && c.ProxyURL != "" {
		t.Proxy = http.ProxyURL(p)
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

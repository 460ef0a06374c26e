package stack

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// held is the Secrets of namespace team.
type held map[string]map[string]string

func (h held) Secret(_ context.Context, namespace, name string) (map[string][]byte, error) {
	s, ok := h[name]
	if !ok || namespace != "team" {
		return nil, fault.NotFound("Secret %s/%s does not exist", namespace, name)
	}
	out := map[string][]byte{}
	for k, v := range s {
		out[k] = []byte(v)
	}
	return out, nil
}

// material is generated once; nothing in it is a real credential.
type material struct{ key, locked, known, cert, certKey, otherKey string }

func newMaterial(t *testing.T) material {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(priv, "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	m := material{
		key:    string(pem.EncodeToMemory(key)),
		locked: string(pem.EncodeToMemory(locked)),
		known:  "# git.example\ngit.example " + string(ssh.MarshalAuthorizedKey(host)),
	}
	m.cert, m.certKey = pair(t)
	_, m.otherKey = pair(t)
	return m
}

func pair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

func TestSourceSpec(t *testing.T) {
	m := newMaterial(t)
	const https, overSSH = "https://git.example/org/repo.git", "git@git.example:org/repo.git"
	cases := map[string]struct {
		why    string
		url    string
		secret map[string]string
		proxy  map[string]string
		want   source.Auth
		fails  []string // one fault each, as it is read
	}{
		"Anonymous": {
			why: "A public repository needs no Secret.",
			url: https,
		},
		"Basic": {
			why:    "Editors and base64 leave a line end that no password has.",
			url:    https,
			secret: map[string]string{"username": "ana\n", "password": "s3cret\n"},
			want:   source.Auth{Username: "ana", Password: "s3cret"},
		},
		"NoPassword": {
			why:    "A user alone would be asked for a password that nobody can type.",
			url:    https,
			secret: map[string]string{"username": "ana", "pasword": "s3cret"},
			fails:  []string{`Secret team/cred has no key "password", only pasword, username`},
		},
		"NoUsername": {
			why:    "A password alone is half a credential.",
			url:    https,
			secret: map[string]string{"password": "s3cret"},
			fails:  []string{`Secret team/cred has no key "username", only password`},
		},
		"Bearer": {
			why:    "A token goes into the header as it is.",
			url:    https,
			secret: map[string]string{"bearerToken": "t0ken"},
			want:   source.Auth{BearerToken: "t0ken"},
		},
		"BearerAndBasic": {
			why:    "There is one Authorization header.",
			url:    https,
			secret: map[string]string{"bearerToken": "t0ken", "username": "ana", "password": "s3cret"},
			fails:  []string{`Secret team/cred: key "bearerToken" is set beside "username"`},
		},
		"Certificates": {
			why:    "A custom CA and a client certificate go together with a login.",
			url:    https,
			secret: map[string]string{"ca.crt": m.cert, "tls.crt": m.cert, "tls.key": m.certKey},
			want:   source.Auth{CA: []byte(m.cert), ClientCert: []byte(m.cert), ClientKey: []byte(m.certKey)},
		},
		"AllIsWrongAtOnce": {
			why:    "People mend a Secret once, not once per key.",
			url:    https,
			secret: map[string]string{"username": "ana", "ca.crt": "nope", "tls.crt": m.cert},
			fails: []string{
				`Secret team/cred has no key "password", only ca.crt, tls.crt, username`,
				`Secret team/cred: key "ca.crt" holds no PEM certificate`,
				`Secret team/cred has no key "tls.key", only ca.crt, tls.crt, username`,
			},
		},
		"ForeignKey": {
			why:    "The mismatch would otherwise show as a handshake error of the server's.",
			url:    https,
			secret: map[string]string{"tls.crt": m.cert, "tls.key": m.otherKey},
			fails:  []string{`Secret team/cred: key "tls.crt" and "tls.key" are no pair of PEM certificate and key`},
		},
		"KeyWithoutCertificate": {
			why:    "Half a pair is a mistake, not a wish.",
			url:    https,
			secret: map[string]string{"tls.key": m.certKey},
			fails:  []string{`Secret team/cred has no key "tls.crt", only tls.key`},
		},
		"Empty": {
			why:   "A Secret that is named is meant to hold something.",
			url:   https,
			fails: []string{`Secret team/cred holds no credential`}, secret: map[string]string{"token": "x"},
		},
		"SSH": {
			why:    "The scp form is ssh.",
			url:    overSSH,
			secret: map[string]string{"identity": m.key, "known_hosts": m.known},
			want:   source.Auth{SSHKey: []byte(m.key), KnownHosts: []byte(m.known)},
		},
		"SSHPassphrase": {
			why:    "Keys of people have passphrases.",
			url:    "ssh://git@git.example/org/repo.git",
			secret: map[string]string{"identity": m.locked, "password": "open sesame", "known_hosts": m.known},
			want:   source.Auth{SSHKey: []byte(m.locked), SSHPassphrase: "open sesame", KnownHosts: []byte(m.known)},
		},
		"SSHWrongPassphrase": {
			why:    "ssh would ask on a terminal that is not there.",
			url:    overSSH,
			secret: map[string]string{"identity": m.locked, "password": "open barley", "known_hosts": m.known},
			fails:  []string{`Secret team/cred: key "password" does not open the key under "identity"`},
		},
		"SSHLocked": {
			why:    "The same, without one.",
			url:    overSSH,
			secret: map[string]string{"identity": m.locked, "known_hosts": m.known},
			fails:  []string{`Secret team/cred: key "identity" is a key with a passphrase`},
		},
		"SSHUnneededPassphrase": {
			why:    "It does no harm.",
			url:    overSSH,
			secret: map[string]string{"identity": m.key, "password": "x", "known_hosts": m.known},
			want:   source.Auth{SSHKey: []byte(m.key), SSHPassphrase: "x", KnownHosts: []byte(m.known)},
		},
		"SSHNothing": {
			why:   "There is no anonymous ssh.",
			url:   overSSH,
			fails: []string{`source team/app: "git@git.example:org/repo.git" is reached over ssh, and no credential is named`},
		},
		"SSHNoHosts": {
			why:    "Trust on first use is no trust: there is no first time that anybody sees.",
			url:    overSSH,
			secret: map[string]string{"identity": m.key},
			fails:  []string{`Secret team/cred has no key "known_hosts", only identity`},
		},
		"SSHGarbage": {
			why:    "Both keys are looked at.",
			url:    overSSH,
			secret: map[string]string{"identity": "-----", "known_hosts": "git.example"},
			fails: []string{
				`Secret team/cred: key "identity" is not a private key`,
				`Secret team/cred: key "known_hosts" holds no host key`,
			},
		},
		"SSHOnlyComments": {
			why:    "A failed ssh-keyscan leaves comments alone.",
			url:    overSSH,
			secret: map[string]string{"identity": m.key, "known_hosts": "# git.example:22 SSH-2.0\n"},
			fails:  []string{`Secret team/cred: key "known_hosts" holds no host key`},
		},
		"Proxy": {
			why:   "User and password are keys of their own.",
			url:   https,
			proxy: map[string]string{"address": "http://proxy.example:3128", "username": "p", "password": "w:d"},
			want:  source.Auth{ProxyURL: "http://p:w%3Ad@proxy.example:3128"},
		},
		"ProxyAddress": {
			why:   "host:port is no URL, and which protocol to speak is not guessed.",
			url:   https,
			proxy: map[string]string{"address": "proxy.example:3128"},
			fails: []string{`Secret team/proxy: key "address" is not a URL`},
		},
		"ProxyScheme": {
			why:   "git would take the address for a helper.",
			url:   https,
			proxy: map[string]string{"address": "ext://sh"},
			fails: []string{`Secret team/proxy: key "address" has scheme "ext"`},
		},
		"ProxyMissing": {
			why:   "A proxy without address is none.",
			url:   https,
			proxy: map[string]string{},
			fails: []string{`Secret team/proxy has no key "address"`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			src := &v1alpha1.Source{}
			src.Namespace, src.Name = "team", "app"
			src.Spec.Git = &v1alpha1.GitSource{URL: tc.url, LFS: true, Ref: &v1alpha1.GitRef{Semver: ">=1"}}
			secrets := held{}
			if tc.secret != nil {
				secrets["cred"] = tc.secret
				src.Spec.Git.SecretRef = &v1alpha1.LocalRef{Name: "cred"}
			}
			if tc.proxy != nil {
				secrets["proxy"] = tc.proxy
				src.Spec.Git.ProxySecretRef = &v1alpha1.LocalRef{Name: "proxy"}
			}
			spec, ref, err := SourceSpec(t.Context(), secrets, src)
			var got []string
			for _, f := range fault.All(err) {
				got = append(got, f.Error())
				for _, s := range []string{"s3cret", "t0ken", "sesame", "barley"} {
					if strings.Contains(f.Error()+f.Hint, s) {
						t.Errorf("%s\nfault tells the secret: %v (%s)", tc.why, f, f.Hint)
					}
				}
			}
			if diff := cmp.Diff(tc.fails, got); diff != "" {
				t.Fatalf("%s\nfaults (-want +got):\n%s", tc.why, diff)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(source.Spec{URL: tc.url, LFS: true, Auth: tc.want}, spec); diff != "" {
				t.Errorf("%s\nSourceSpec (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(source.Ref{Semver: ">=1"}, ref); diff != "" {
				t.Errorf("%s\nref (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestSourceSpecMissing(t *testing.T) {
	src := &v1alpha1.Source{}
	src.Namespace, src.Name = "team", "app"
	if _, _, err := SourceSpec(t.Context(), held{}, src); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("a Source without spec.git: got %v, want an Invalid", err)
	}
	src.Spec.Git = &v1alpha1.GitSource{URL: "https://git.example/x", SecretRef: &v1alpha1.LocalRef{Name: "gone"}}
	if _, _, err := SourceSpec(t.Context(), held{}, src); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a Secret that is gone: got %v, want a NotFound", err)
	}
	src.Spec.Git.SecretRef = nil
	if _, ref, err := SourceSpec(t.Context(), held{}, src); err != nil || ref.Branch != "main" {
		t.Errorf("no ref: got %v, %v, want branch main", ref, err)
	}
}

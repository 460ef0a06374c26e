package access_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes/access"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

const goodConfig = `apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://prod.example:6443", certificate-authority-data: Q0E=}}]
users: [{name: u, user: {token: s3cret}}]
`

// secrets is what the tests' Targets can name.
func secrets(kubeconfig string) access.Secrets {
	all := map[string]map[string][]byte{
		"prod":  {"kubeconfig": []byte(kubeconfig)},
		"token": {"token": []byte("s3cret\n"), "odd": []byte("two words")},
		"ca":    {"ca.crt": []byte("CA")},
	}
	return func(name string) (map[string][]byte, error) {
		if d, ok := all[name]; ok {
			return d, nil
		}
		return nil, fault.NotFound("there is no Secret %q", name)
	}
}

func TestConfig(t *testing.T) {
	ref := func(name, key string) *v1alpha1.KeyRef { return &v1alpha1.KeyRef{Name: name, Key: key} }
	file := func(old, with string) string { return strings.Replace(goodConfig, old, with, 1) }
	cases := map[string]struct {
		why        string
		spec       v1alpha1.KubernetesTarget
		kubeconfig string
		exec       []string
		want       *rest.Config
		kind       fault.Kind
		says       string // part of the fault, place included
	}{
		"InCluster": {
			why:  "The cluster that holds the Target needs no Secret.",
			spec: v1alpha1.KubernetesTarget{InCluster: true},
			want: &rest.Config{Host: "https://home.example"},
		},
		"Kubeconfig": {
			why:        "The second usual key is found without being named.",
			spec:       v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("prod", "")},
			kubeconfig: goodConfig,
			want:       &rest.Config{Host: "https://prod.example:6443", BearerToken: "s3cret", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("CA")}},
		},
		"Token": {
			why:  "Files end in a newline; a token does not.",
			spec: v1alpha1.KubernetesTarget{Server: "https://prod.example", CASecretRef: ref("ca", ""), Token: &v1alpha1.TokenCredential{SecretRef: *ref("token", "")}},
			want: &rest.Config{Host: "https://prod.example", BearerToken: "s3cret", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("CA")}},
		},
		"NoSecret": {
			why:  "The fault of whoever reads Secrets is passed on.",
			spec: v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("nope", "")},
			kind: fault.KindNotFound, says: `no Secret "nope"`,
		},
		"NoKey": {
			why:        "People misspell keys, so the existing ones are shown.",
			spec:       v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("prod", "config")},
			kubeconfig: goodConfig,
			kind:       fault.KindNotFound, says: `Secret "prod" has no key "config"`,
		},
		"NotAKubeconfig": {
			why:        "The parser's message may quote what it was given.",
			spec:       v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("prod", "")},
			kubeconfig: "users: [{name: u, user: {token: s3cret",
			kind:       fault.KindInvalid, says: "Secret prod, key kubeconfig: it is not a kubeconfig",
		},
		"NoContext": {
			why:        "Without a current context nobody knows which cluster is meant.",
			spec:       v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("prod", "")},
			kubeconfig: file("current-context: here", "current-context: there"),
			kind:       fault.KindInvalid, says: `no context "there"`,
		},
		"CertificateFile": {
			why:        "A tenant must not learn anything of the server's files.",
			spec:       v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("prod", "")},
			kubeconfig: file("certificate-authority-data: Q0E=", "certificate-authority: /etc/passwd"),
			kind:       fault.KindInvalid, says: `"certificate-authority"`,
		},
		"TokenFile": {
			why:        "Above all not the server's own token.",
			spec:       v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("prod", "")},
			kubeconfig: file("token: s3cret", "tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token"),
			kind:       fault.KindInvalid, says: `"tokenFile"`,
		},
		"KeyFile": {
			why:        "A key file is a file.",
			spec:       v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("prod", "")},
			kubeconfig: file("token: s3cret", "client-certificate-data: Q0E=, client-key: /etc/key"),
			kind:       fault.KindInvalid, says: `"client-key"`,
		},
		"ExecNotAllowed": {
			why:        "A program of the server's is run only if its operator said so.",
			spec:       v1alpha1.KubernetesTarget{KubeconfigSecretRef: ref("prod", "")},
			kubeconfig: file("{token: s3cret}", "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never}}"),
			kind:       fault.KindDenied, says: `the server does not allow the credential plugin "sh"`,
		},
		"ExecByAnotherSpelling": {
			why:  "An allowed name does not allow a path that ends in it.",
			spec: v1alpha1.KubernetesTarget{Server: "https://prod.example", Exec: &v1alpha1.ExecCredential{Command: "/tmp/sh", APIVersion: "client.authentication.k8s.io/v1"}},
			exec: []string{"sh"},
			kind: fault.KindDenied, says: `"/tmp/sh"`,
		},
		"ExecWithPreload": {
			why:  "Whoever sets LD_PRELOAD chooses the program after all.",
			spec: v1alpha1.KubernetesTarget{Server: "https://prod.example", Exec: &v1alpha1.ExecCredential{Command: "sh", APIVersion: "client.authentication.k8s.io/v1", Env: map[string]string{"LD_PRELOAD": "/tmp/x.so"}}},
			exec: []string{"sh"},
			kind: fault.KindDenied, says: "LD_PRELOAD",
		},
		"ExecNotInstalled": {
			why:  "Allowed and absent are two troubles.",
			spec: v1alpha1.KubernetesTarget{Server: "https://prod.example", Exec: &v1alpha1.ExecCredential{Command: "no-such-plugin", APIVersion: "client.authentication.k8s.io/v1"}},
			exec: []string{"no-such-plugin"},
			kind: fault.KindNotFound, says: "not installed",
		},
		"PlainHTTP": {
			why:  "A token must not travel in the clear.",
			spec: v1alpha1.KubernetesTarget{Server: "http://prod.example", Token: &v1alpha1.TokenCredential{SecretRef: *ref("token", "")}},
			kind: fault.KindInvalid, says: "spec.kubernetes.server",
		},
		"OddToken": {
			why:  "Pasting the wrong thing is caught before it becomes a header.",
			spec: v1alpha1.KubernetesTarget{Server: "https://prod.example", Token: &v1alpha1.TokenCredential{SecretRef: *ref("token", "odd")}},
			kind: fault.KindInvalid, says: "Secret token, key odd: it is not a bearer token",
		},
		"Nothing": {
			why:  "The API refuses it already; the CLI has no API.",
			kind: fault.KindInvalid, says: "set one of",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := access.Options{InCluster: &rest.Config{Host: "https://home.example"}, ExecCommands: tc.exec}
			got, err := access.Config(tc.spec, secrets(tc.kubeconfig), o)
			if tc.want == nil {
				checkFault(t, err, tc.kind, tc.says)
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", tc.why, err)
			}
			type part struct{ Host, Token, CA string }
			of := func(c *rest.Config) part { return part{c.Host, c.BearerToken, string(c.CAData)} }
			if d := cmp.Diff(of(tc.want), of(got)); d != "" {
				t.Errorf("%s\nConfig (-want +got):\n%s", tc.why, d)
			}
		})
	}
}

func checkFault(t *testing.T, err error, kind fault.Kind, says string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
	if f := fault.As(err); !strings.Contains(f.Error(), says) {
		t.Errorf("got %q, want it to say %q", f.Error(), says)
	}
	if f := fault.As(err); strings.Contains(f.Error()+f.Hint, "s3cret") {
		t.Errorf("the fault shows a secret: %s", f)
	}
}

// TestExec runs a real plugin against a real server that checks its token.
func TestExec(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "plugin")
	t.Setenv("SERVER_SECRET", "must not be seen")
	write := func(body string) {
		t.Helper()
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	seen := ""
	status := http.StatusOK
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		w.WriteHeader(status)
	}))
	defer api.Close()
	client := func() *http.Client {
		t.Helper()
		spec := v1alpha1.KubernetesTarget{Server: api.URL, Exec: &v1alpha1.ExecCredential{
			Command: script, Args: []string{"get"}, Env: map[string]string{"REGION": "eu"}, APIVersion: "client.authentication.k8s.io/v1",
		}}
		cfg, err := access.Config(spec, secrets(""), access.Options{ExecCommands: []string{script}})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Insecure = true // the test server signs its own certificate
		c, err := rest.HTTPClientFor(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	get := func(c *http.Client) error {
		resp, err := c.Get(api.URL)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}

	runs := filepath.Join(dir, "runs")
	write(`echo run >>` + runs + `
printf '{"kind":"ExecCredential","status":{"token":"%s-%s-%s"}}' "$1" "$REGION" "${SERVER_SECRET:-clean}"`)
	c := client()
	for range 3 {
		if err := get(c); err != nil {
			t.Fatal(err)
		}
	}
	if seen != "Bearer get-eu-clean" {
		t.Errorf("the server saw %q; the plugin must get its arguments and its own environment only", seen)
	}
	if n := count(t, runs); n != 1 {
		t.Errorf("the plugin ran %d times for three requests, want once", n)
	}
	status = http.StatusUnauthorized
	_ = get(c)
	status = http.StatusOK
	_ = get(c)
	if n := count(t, runs); n != 2 {
		t.Errorf("the plugin ran %d times, want once more after its token was refused", n)
	}

	write("echo s3cret >&2; exit 3")
	checkFault(t, get(client()), fault.KindDenied, "exit status 3")
	write("echo s3cret")
	checkFault(t, get(client()), fault.KindDenied, "did not print an ExecCredential")
	write(`echo '{"kind":"ExecCredential","status":{"clientCertificateData":"x"}}'`)
	checkFault(t, get(client()), fault.KindDenied, "gave no token")
}

func count(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "\n")
}

// FuzzKubeconfig feeds documents of tenants to the reader: it must neither
// panic nor let a file name through.
func FuzzKubeconfig(f *testing.F) {
	f.Add([]byte(goodConfig))
	f.Add([]byte(strings.Replace(goodConfig, "token: s3cret", "tokenFile: /etc/passwd", 1)))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		spec := v1alpha1.KubernetesTarget{KubeconfigSecretRef: &v1alpha1.KeyRef{Name: "x", Key: "k"}}
		secret := func(string) (map[string][]byte, error) { return map[string][]byte{"k": raw}, nil }
		cfg, err := access.Config(spec, secret, access.Options{})
		if err != nil {
			return
		}
		if cfg.CAFile != "" || cfg.CertFile != "" || cfg.KeyFile != "" || cfg.BearerTokenFile != "" || cfg.ExecProvider != nil || cfg.AuthProvider != nil {
			t.Errorf("reaches beyond the document: %+v", cfg)
		}
	})
}

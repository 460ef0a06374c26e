package access

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// plugin is a credential plugin (client.authentication.k8s.io). client-go can
// run them, but hands them the whole environment of the server.
type plugin struct {
	command    string
	args       []string
	env        map[string]string
	apiVersion string

	path string

	mu      sync.Mutex
	token   string
	expires time.Time // zero: until it is refused
}

const (
	// pluginTime bounds one run of a plugin: some ask a cloud over the network.
	pluginTime = 30 * time.Second
	// pluginOutput bounds what is read of one.
	pluginOutput = 1 << 20
	// freshness is how long before its end a token is renewed.
	freshness = time.Minute
)

// attach makes cfg use p. It does not run it.
func (p *plugin) attach(cfg *rest.Config, o Options) error {
	if !slices.Contains(o.ExecCommands, p.command) {
		return fault.Denied("the server does not allow the credential plugin %q", p.command).
			WithHint("the operator allows it with --exec-credential-commands=%s", p.command)
	}
	if p.apiVersion != "client.authentication.k8s.io/v1" && p.apiVersion != "client.authentication.k8s.io/v1beta1" {
		return fault.Invalid("the credential plugin speaks %q, which is none of client.authentication.k8s.io/v1 and v1beta1", p.apiVersion)
	}
	for name := range p.env {
		if name == "PATH" || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "DYLD_") {
			return fault.Denied("a credential plugin's environment may not set %q", name).
				WithHint("it decides which code runs, and that is the operator's choice")
		}
	}
	path, err := exec.LookPath(p.command)
	if err != nil {
		return fault.NotFound("the credential plugin %q is not installed beside the server", p.command).Because(err)
	}
	p.path = path
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bearer{plugin: p, next: next} })
	return nil
}

// bearer puts the plugin's token on every request.
type bearer struct {
	plugin *plugin
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := b.plugin.current(r.Context())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := b.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		b.plugin.forget(token)
	}
	return resp, err
}

// WrappedRoundTripper lets client-go find the connection underneath.
func (b *bearer) WrappedRoundTripper() http.RoundTripper { return b.next }

// forget makes the next request run the plugin again, unless somebody has
// already.
func (p *plugin) forget(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.token == token {
		p.token = ""
	}
}

func (p *plugin) current(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.token != "" && (p.expires.IsZero() || time.Now().Before(p.expires.Add(-freshness))) {
		return p.token, nil
	}
	c, err := p.run(ctx)
	if err != nil {
		return "", err
	}
	p.token, p.expires = c.Status.Token, c.Status.ExpirationTimestamp
	return p.token, nil
}

// credential is the part of an ExecCredential that is read.
type credential struct {
	Kind   string `json:"kind"`
	Status struct {
		Token                 string    `json:"token"`
		ExpirationTimestamp   time.Time `json:"expirationTimestamp"`
		ClientCertificateData string    `json:"clientCertificateData"`
	} `json:"status"`
}

func (p *plugin) run(ctx context.Context) (credential, error) {
	ctx, cancel := context.WithTimeout(ctx, pluginTime)
	defer cancel()
	out, errs := limited{max: pluginOutput}, limited{max: 4 << 10}
	cmd := exec.CommandContext(ctx, p.path, p.args...)
	cmd.Env = p.environment()
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		// What it wrote to stderr may hold anything, so it goes to the log alone.
		return credential{}, fault.Denied("the credential plugin %q failed: %s", p.command, outcome(ctx, err)).
			Because(fmt.Errorf("%w: %s", err, errs.String()))
	}
	var c credential
	if err := json.Unmarshal(out.Bytes(), &c); err != nil || c.Kind != "ExecCredential" {
		return credential{}, fault.Denied("the credential plugin %q did not print an ExecCredential", p.command)
	}
	if c.Status.Token == "" {
		f := fault.Denied("the credential plugin %q gave no token", p.command)
		if c.Status.ClientCertificateData != "" {
			f = f.WithHint("plugins that give client certificates are not supported")
		}
		return credential{}, f
	}
	return c, nil
}

func outcome(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return "it did not end within " + pluginTime.String()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ProcessState.String()
	}
	return "it could not be started"
}

// environment is all that a plugin sees: enough to find programs and its own
// configuration, and what the Target gives it.
func (p *plugin) environment() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	for k, v := range p.env {
		env = append(env, k+"="+v)
	}
	slices.Sort(env)
	info, _ := json.Marshal(map[string]any{
		"apiVersion": p.apiVersion, "kind": "ExecCredential", "spec": map[string]any{"interactive": false},
	})
	return append(env, "KUBERNETES_EXEC_INFO="+string(info))
}

// limited keeps the first max bytes and drops the rest.
type limited struct {
	bytes.Buffer
	max int
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	if room := l.max - l.Len(); room > 0 {
		l.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

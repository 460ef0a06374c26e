// Package remote is the way of a command to a Lockstep server: where it is, what the
// person proves themselves with, and one call.
//
// Servers are kept as contexts in lockstep/config.yaml below $XDG_CONFIG_HOME, which
// nobody else can read. LOCKSTEP_SERVER, LOCKSTEP_TOKEN and LOCKSTEP_CONTEXT win over
// the file, and a flag over them.
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Config is the file.
type Config struct {
	Current  string    `json:"current,omitempty"`
	Contexts []Context `json:"contexts,omitempty"`
}

// Context is a server with who one is there.
type Context struct {
	Name   string `json:"name"`
	Server string `json:"server"`
	Token  string `json:"token,omitempty"`
}

// File is where the Config is.
func File(getenv func(string) string) (string, error) {
	dir := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return "", fault.Usage("there is no folder for the configuration").WithHint("set XDG_CONFIG_HOME")
		}
	}
	return filepath.Join(dir, "lockstep", "config.yaml"), nil
}

// Load reads the file; a missing one is empty.
func Load(getenv func(string) string) (Config, error) {
	file, err := File(getenv)
	if err != nil {
		return Config{}, err
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return Config{}, nil
	}
	var c Config
	if err == nil {
		err = yaml.UnmarshalStrict(raw, &c)
	}
	if err != nil {
		return c, fault.Invalid("%s cannot be read", file).Because(err).WithHint("correct it, or delete it and sign in again")
	}
	return c, nil
}

// Save writes the file whole or not at all, for nobody else to read.
func (c Config) Save(getenv func(string) string) error {
	file, err := File(getenv)
	if err != nil {
		return err
	}
	raw, err := yaml.Marshal(c)
	if err != nil {
		return fault.Internal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fault.Invalid("%s cannot be written", file).Because(err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".config-*") // 0600 from the start
	if err != nil {
		return fault.Invalid("%s cannot be written", file).Because(err)
	}
	_, err = tmp.Write(raw)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fault.Invalid("%s cannot be written", file).Because(err)
	}
	return nil
}

// Find returns the context of a name.
func (c Config) Find(name string) (Context, bool) {
	i := slices.IndexFunc(c.Contexts, func(x Context) bool { return x.Name == name })
	if i < 0 {
		return Context{}, false
	}
	return c.Contexts[i], true
}

// Put adds a context or replaces the one of its name, and makes it the current one.
func (c *Config) Put(x Context) {
	c.Current = x.Name
	for i := range c.Contexts {
		if c.Contexts[i].Name == x.Name {
			c.Contexts[i] = x
			return
		}
	}
	c.Contexts = append(c.Contexts, x)
}

// Choose returns the server that a command speaks to. asked is an address or the
// name of a context, "" for what the environment or the file says.
func Choose(getenv func(string) string, asked string) (Context, error) {
	c, err := Load(getenv)
	if err != nil {
		return Context{}, err
	}
	if asked == "" {
		asked = getenv("LOCKSTEP_SERVER")
	}
	name := getenv("LOCKSTEP_CONTEXT")
	if name == "" {
		name = c.Current
	}
	if asked != "" {
		name = asked
	}
	out, ok := c.Find(name)
	if !ok && strings.Contains(name, "://") {
		server, err := Address(name)
		if err != nil {
			return Context{}, err
		}
		if out, ok = c.Find(NameOf(server)); !ok {
			out, ok = Context{Name: NameOf(server), Server: server}, true
		}
	}
	switch {
	case !ok && name == "":
		return out, fault.Usage("no Lockstep server is chosen").WithHint("lockstep login https://lockstep.example.org, or set LOCKSTEP_SERVER")
	case !ok:
		return out, fault.NotFound("there is no context %q", name).WithHint("lockstep config get-contexts lists them")
	}
	if token := getenv("LOCKSTEP_TOKEN"); token != "" {
		out.Token = token
	}
	return out, nil
}

// Address reads the address of a server, which may be below a path. Only this machine
// may do without https: what is sent there signs one in.
func Address(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fault.Usage("%q is no address of a server", text).WithHint("https://lockstep.example.org")
	}
	if host := u.Hostname(); u.Scheme == "http" && host != "localhost" && !strings.HasPrefix(host, "127.") && host != "::1" {
		return "", fault.Usage("%q is not https", text).WithHint("anybody on the way could act as you; only this machine may do without")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(path.Clean("/"+u.EscapedPath()), "/"), nil
}

// NameOf returns what a context of a server is called.
func NameOf(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	return u.Host + u.EscapedPath()
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

var client = &http.Client{
	Timeout: 30 * time.Second,
	// A token goes to the server that it was given for, and to no other.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Call sends a request to the API and reads the answer into out; in and out may be
// nil.
func (x Context) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fault.Internal(err)
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, x.Server+"/api/v1"+path, body)
	if err != nil {
		return fault.Internal(err)
	}
	r.Header.Set("Accept", "application/json")
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if x.Token != "" {
		r.Header.Set("Authorization", "Bearer "+x.Token)
	}
	resp, err := client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Unavailable("the server %s does not answer", x.Server).Because(err).WithHint("is the address right, and the server up?")
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fault.Unavailable("the server %s broke off", x.Server).Because(err)
	}
	if resp.StatusCode >= 300 {
		return said(resp.StatusCode, raw, x.Server)
	}
	if out == nil || len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fault.Unavailable("%s does not answer as Lockstep does", x.Server).Because(err)
	}
	return nil
}

// said makes of a problem the fault that it was on the server.
func said(status int, raw []byte, server string) error {
	var p struct{ Title, Detail, Place, Hint string }
	if err := json.Unmarshal(raw, &p); err != nil || p.Detail == "" {
		return fault.Unavailable("%s answers %d, and not as Lockstep does", server, status).WithHint("is it the address of a Lockstep server?")
	}
	kind := fault.KindInternal
	for k := fault.Kind(0); k <= fault.KindTooLarge; k++ {
		if k.Consequence().Status == status {
			kind = k
		}
		if k.String() == p.Title {
			kind = k
			break
		}
	}
	f := fault.New(kind, "%s", p.Detail)
	f.Where, f.Hint = p.Place, p.Hint
	return f
}

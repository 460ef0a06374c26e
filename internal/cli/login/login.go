// Package login signs a terminal in and out of a Lockstep server.
package login

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/remote"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

type options struct {
	env                *env.Env
	Server, Name       string
	SSO, Device, Token bool
	NoBrowser          bool
	Output             string
	// open shows an address to the person.
	open func(string) error
}

// New returns the command login.
func New(e *env.Env) *cobra.Command {
	o := &options{env: e, open: browse}
	cmd := &cobra.Command{
		Use:   "login [SERVER]",
		Short: "Sign in to a Lockstep server",
		Long: `Sign in to a Lockstep server.

The browser opens and asks whether this terminal may act as you. What the terminal is
given is kept in lockstep/config.yaml below $XDG_CONFIG_HOME, which nobody else can
read, and is good for this server only.`,
		Example: `  lockstep login https://lockstep.example.org

  # on a machine without a browser: a code to type in one elsewhere
  lockstep login https://lockstep.example.org --device

  # a token that somebody made for this
  lockstep login https://lockstep.example.org --token < token.txt`,
		Args: env.AtMost("SERVER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Server = args[0]
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.SSO, "sso", false, "by a browser on this machine (the default)")
	f.BoolVar(&o.Device, "device", false, "by a code, typed in a browser elsewhere")
	f.BoolVar(&o.Token, "token", false, "by a token, read from standard input")
	f.BoolVar(&o.NoBrowser, "no-browser", false, "print the address and open nothing")
	f.StringVar(&o.Name, "name", "", "what the context is called (default the server's host)")
	env.Output(cmd, &o.Output, form.Single)
	cmd.MarkFlagsMutuallyExclusive("sso", "device", "token")
	return cmd
}

// granted is what a server gives a terminal.
type granted struct {
	Status, Token, Person, Display string
}

// Answer is what -o json prints. What one is signed in with stays in the file.
type Answer struct {
	form.Head `json:",inline"`
	Context   string `json:"context"`
	Server    string `json:"server"`
	Person    string `json:"person"`
}

func (o *options) run(ctx context.Context) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	x, err := o.server()
	if err != nil {
		return err
	}
	way := o.loopback
	switch {
	case o.Device:
		way = o.device
	case o.Token:
		way = o.token
	}
	got, err := way(ctx, x)
	if err != nil {
		return err
	}
	x.Token = got.Token
	if o.Name != "" {
		x.Name = o.Name
	}
	c, err := remote.Load(o.env.Getenv)
	if err != nil {
		return err
	}
	c.Put(x)
	if err := c.Save(o.env.Getenv); err != nil {
		return err
	}
	if !f.ForPeople() {
		return f.Write(o.env.IO.Out, Answer{form.Of("SignedIn"), x.Name, x.Server, got.Person})
	}
	o.env.IO.Notef("Signed in to %s as %s.", x.Server, got.Person)
	return nil
}

func (o *options) server() (remote.Context, error) {
	if o.Server == "" {
		return remote.Choose(o.env.Getenv, "")
	}
	if c, err := remote.Load(o.env.Getenv); err == nil {
		if x, ok := c.Find(o.Server); ok {
			return x, nil
		}
	}
	server, err := remote.Address(o.Server)
	return remote.Context{Name: remote.NameOf(server), Server: server}, err
}

// me is what the terminal calls itself.
func me() string {
	host, err := os.Hostname()
	if err != nil {
		return "lockstep"
	}
	return "lockstep on " + host
}

// patience is how long a person has.
const patience = 10 * time.Minute

// loopback has the browser bring a code to a port of this machine.
func (o *options) loopback(ctx context.Context, x remote.Context) (granted, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return granted{}, fault.Unavailable("no port of this machine can be listened on").Because(err).WithHint("use --device")
	}
	state, verifier := rand.Text()+rand.Text(), rand.Text()+rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	came := make(chan url.Values, 1)
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		// Other pages can make a browser come here; only ours knows the state.
		if r.URL.Path != "/callback" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			http.Error(w, "This is not what the terminal waits for.", http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte("The terminal goes on. You can close this page.\n")) // the browser may be gone
		select {
		case came <- q:
		default:
		}
	})}
	go func() { _ = srv.Serve(l) }() // ends with Shutdown
	defer func() {
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer stop()
		_ = srv.Shutdown(end)
	}()
	at := x.Server + "/auth/cli?" + url.Values{
		"port": {strconv.Itoa(l.Addr().(*net.TCPAddr).Port)}, "state": {state}, "client": {me()},
		"challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
	o.env.IO.Notef("Sign in here:\n  %s", at)
	if !o.NoBrowser {
		_ = o.open(at) // the address is printed
	}
	select {
	case <-ctx.Done():
		return granted{}, waited(ctx)
	case q := <-came:
		if q.Get("code") == "" {
			return granted{}, fault.Denied("the person in the browser said no")
		}
		var got granted
		err := unsigned(x).Call(ctx, http.MethodPost, "/auth/cli", map[string]string{"code": q.Get("code"), "verifier": verifier}, &got)
		return got, err
	}
}

// unsigned forgets what one had: signing in is for those who are not.
func unsigned(x remote.Context) remote.Context {
	x.Token = ""
	return x
}

func waited(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return fault.Timeout("nobody signed in within %s", patience).WithHint("lockstep login again")
	}
	return ctx.Err()
}

// device shows a code and waits until somebody typed it elsewhere.
func (o *options) device(ctx context.Context, x remote.Context) (granted, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var d struct {
		Code     string `json:"device_code"`
		User     string `json:"user_code"`
		Verify   string `json:"verification_uri"`
		Interval int    `json:"interval"`
	}
	if err := unsigned(x).Call(ctx, http.MethodPost, "/auth/device", map[string]string{"client": me()}, &d); err != nil {
		return granted{}, err
	}
	o.env.IO.Notef("In a browser, go to\n  %s\nand type\n  %s", d.Verify, d.User)
	every := time.NewTicker(time.Duration(max(d.Interval, 1)) * time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return granted{}, waited(ctx)
		case <-every.C:
		}
		var got granted
		if err := unsigned(x).Call(ctx, http.MethodPost, "/auth/device/token", map[string]string{"device_code": d.Code}, &got); err != nil {
			return got, err
		}
		if got.Token != "" {
			return got, nil
		}
	}
}

// token reads a token from standard input: what is in arguments, all processes see.
func (o *options) token(ctx context.Context, x remote.Context) (granted, error) {
	line, err := bufio.NewReader(o.env.IO.In).ReadString('\n')
	x.Token = strings.TrimSpace(line)
	if x.Token == "" {
		return granted{}, fault.Usage("standard input has no token").WithHint("lockstep login --token < FILE").Because(err)
	}
	var who struct{ Name string }
	if err := x.Call(ctx, http.MethodGet, "/me", nil, &who); err != nil {
		return granted{}, err
	}
	return granted{Token: x.Token, Person: who.Name}, nil
}

// browse opens an address in the browser of the person.
func browse(at string) error {
	switch runtime.GOOS {
	case "darwin":
		return exec.Command("open", at).Start()
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", at).Start()
	}
	return exec.Command("xdg-open", at).Start()
}

// NewLogout returns the command logout.
func NewLogout(e *env.Env) *cobra.Command {
	return &cobra.Command{
		Use:     "logout [CONTEXT]",
		Short:   "Sign out of a Lockstep server",
		Example: `  lockstep logout`,
		Args:    env.AtMost("CONTEXT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return logout(cmd.Context(), e, strings.Join(args, ""))
		},
	}
}

func logout(ctx context.Context, e *env.Env, asked string) error {
	x, err := remote.Choose(e.Getenv, asked)
	if err != nil {
		return err
	}
	c, err := remote.Load(e.Getenv)
	if err != nil {
		return err
	}
	if x.Token == "" {
		e.IO.Notef("Nobody is signed in to %s.", x.Server)
		return nil
	}
	err = x.Call(ctx, http.MethodPost, "/auth/logout", struct{}{}, nil)
	// What no longer holds, or is a token that somebody else ends, is forgotten here
	// all the same.
	if err != nil && fault.KindOf(err) != fault.KindUnauthenticated && fault.KindOf(err) != fault.KindDenied {
		return err
	}
	if kept, ok := c.Find(x.Name); ok {
		was := c.Current
		kept.Token = ""
		c.Put(kept)
		c.Current = was
		if err := c.Save(e.Getenv); err != nil {
			return err
		}
	}
	e.IO.Notef("Signed out of %s.", x.Server)
	return nil
}

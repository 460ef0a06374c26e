package demo

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
)

//go:embed all:samples
var samples embed.FS

// repositories are the directories of samples.
var repositories = []string{"shop", "platform", "guestbook"}

// gitServer serves the repositories and announces pushes.
type gitServer struct {
	url    string
	secret string
	hooks  atomic.Pointer[string] // where pushes are announced; nil until known
	http   *http.Server
}

func (s *session) startGit(ctx context.Context) (*gitServer, error) {
	g := &gitServer{secret: s.state.Secret}
	for _, name := range repositories {
		if err := s.fill(name); err != nil {
			return nil, err
		}
	}
	handler, err := httpserver.New(httpserver.Options{Dir: s.place.path("git"), ReceivePack: true, OnPush: g.announce})
	if err != nil {
		return nil, fault.NotFound("git has no http-backend on this machine").
			WithHint("install git with its server part; on some systems it is a package of its own").Because(err)
	}
	l, port, err := listen(s.state.GitPort, firstGitPort)
	if err != nil {
		return nil, err
	}
	s.state.GitPort = port
	g.url = "http://" + l.Addr().String()
	g.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = g.http.Serve(l) }() // ends with stop
	for _, name := range repositories {
		if err := s.clone(ctx, name, g.url); err != nil {
			g.stop()
			return nil, err
		}
	}
	return g, nil
}

func (s *session) bare(name string) string { return s.place.path("git", name+".git") }

// fill puts the past of a sample into its repository, once.
func (s *session) fill(name string) error {
	repo, err := httpserver.Create(s.bare(name))
	if err != nil {
		return fault.Invalid("repository %q cannot be created", name).Because(err)
	}
	if _, err := repo.Git("rev-parse", "--verify", "--quiet", "refs/heads/main"); err == nil {
		return nil
	}
	all, err := unfold(name)
	if err != nil {
		return err
	}
	first, _ := split(all)
	if err := repo.Import(stream(first, "", s.Now())); err != nil {
		return fault.Invalid("repository %q cannot be filled", name).Because(err)
	}
	return nil
}

// split parts a past into what is there from the start, and what comes once that is
// live.
func split(all []snapshot) (first, later []snapshot) {
	i := slices.IndexFunc(all, func(s snapshot) bool { return s.subject == keeping })
	if i < 0 {
		return all, nil
	}
	return all[:i], all[i:]
}

// catchUp pushes what comes later, once, and announces it. The clones follow, unless
// somebody has been at work in them. It returns the commit that was pushed to the
// shop; "" for none.
func (g *gitServer) catchUp(ctx context.Context, s *session) (tip string, err error) {
	for _, name := range repositories {
		all, err := unfold(name)
		if err != nil {
			return "", err
		}
		first, later := split(all)
		if len(later) == 0 {
			continue
		}
		repo, err := httpserver.Create(s.bare(name))
		if err != nil {
			return "", fault.Invalid("repository %q cannot be opened", name).Because(err)
		}
		// Who was killed in between, or has pushed already, is not to be given it twice.
		before := first[len(first)-1].subject
		if got, err := repo.Git("log", "-1", "--format=%s", "refs/heads/main"); err != nil || got != before {
			continue
		}
		if err := repo.Import(stream(later, "refs/heads/main^0", s.Now())); err != nil {
			return "", fault.Invalid("repository %q cannot be filled", name).Because(err)
		}
		if tip, err = repo.Git("rev-parse", "refs/heads/main"); err != nil {
			return "", fault.Invalid("repository %q cannot be read", name).Because(err)
		}
		g.announce(name + ".git")
		if err := git(ctx, "-C", s.place.path(name), "pull", "--quiet", "--ff-only"); err != nil {
			return "", err
		}
	}
	return tip, nil
}

// clone makes the working tree that the user edits, or points it at where the
// server is now.
func (s *session) clone(ctx context.Context, name, server string) error {
	url, dir := server+"/"+name+".git", s.place.path(name)
	if _, err := os.Stat(dir); err == nil {
		return git(ctx, "-C", dir, "remote", "set-url", "origin", url)
	}
	if err := git(ctx, "clone", "--quiet", url, dir); err != nil {
		return err
	}
	for key, value := range map[string]string{"user.name": "You", "user.email": "you@shop.example"} {
		if err := git(ctx, "-C", dir, "config", key, value); err != nil {
			return err
		}
	}
	return nil
}

func git(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fault.Invalid("git %s: %s", strings.Join(args, " "), bytes.TrimSpace(out)).Because(err)
	}
	return nil
}

// announceTo tells where the Lockstep server listens.
func (g *gitServer) announceTo(url string) { g.hooks.Store(&url) }

// announce posts what a Git server posts after a push.
func (g *gitServer) announce(repo string) {
	to := g.hooks.Load()
	if to == nil {
		return
	}
	body, err := json.Marshal(map[string]any{
		"ref":        "refs/heads/main",
		"repository": map[string]string{"clone_url": g.url + "/" + repo},
	})
	if err != nil {
		return
	}
	mac := hmac.New(sha256.New, []byte(g.secret))
	mac.Write(body)
	name := strings.TrimSuffix(repo, ".git")
	req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("%s/hooks/%s/%s", *to, name, name), bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Gitea-Event", "push")
	req.Header.Set("X-Gitea-Signature", hex.EncodeToString(mac.Sum(nil)))
	client := &http.Client{Timeout: 5 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		// The server polls too; a lost announcement costs seconds.
		return
	}
	_ = resp.Body.Close()
}

func (g *gitServer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if g.http.Shutdown(ctx) != nil {
		_ = g.http.Close()
	}
}

const (
	firstServerPort = 7420
	firstGitPort    = 7421
	// ports is how many are tried before the system chooses.
	ports = 20
)

// listen takes the port of the last time, else the first free one from first on.
func listen(last, first int) (net.Listener, int, error) {
	tries := []int{}
	if last != 0 {
		tries = append(tries, last)
	}
	for p := first; p < first+2*ports; p += 2 {
		tries = append(tries, p)
	}
	for _, p := range append(tries, 0) {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err == nil {
			return l, l.Addr().(*net.TCPAddr).Port, nil
		}
	}
	return nil, 0, fault.Unavailable("no port is free on 127.0.0.1")
}

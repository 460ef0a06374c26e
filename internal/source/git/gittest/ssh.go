// Package gittest runs real Git servers for tests: SSH, a proxy, certificates.
// HTTP is in httpserver, which the demo shares.
package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSH is a server that lets one key read the repositories below Dir, through
// git's own upload-pack, and write to them by receive-pack where it was started so.
type SSH struct {
	Dir string
	// Addr is host:port.
	Addr string
	// Key is the PEM of the private key that is let in.
	Key []byte
	// KnownHosts names the server's host key.
	KnownHosts []byte

	commands []string // of git that may be run
	listener net.Listener
	conns    sync.WaitGroup
}

// NewKey returns a fresh private key, as PEM and as a signer. passphrase may be
// empty.
func NewKey(passphrase string) ([]byte, ssh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		return nil, nil, err
	}
	signer, err := ssh.NewSignerFromKey(key)
	return pem.EncodeToMemory(block), signer, err
}

// NewSSH starts a server on a free port of the loopback interface. passphrase
// is put on the key that is let in.
func NewSSH(dir, passphrase string) (*SSH, error) { return start(dir, passphrase, "upload-pack") }

// NewWritableSSH is NewSSH for one that takes pushes.
func NewWritableSSH(dir, passphrase string) (*SSH, error) {
	return start(dir, passphrase, "upload-pack", "receive-pack")
}

func start(dir, passphrase string, commands ...string) (*SSH, error) {
	_, host, err := NewKey("")
	if err != nil {
		return nil, err
	}
	key, user, err := NewKey(passphrase)
	if err != nil {
		return nil, err
	}
	conf := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if string(k.Marshal()) != string(user.PublicKey().Marshal()) {
			return nil, fmt.Errorf("unknown key")
		}
		return nil, nil
	}}
	conf.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	s := &SSH{Dir: dir, Addr: addr, Key: key, commands: commands, listener: l, KnownHosts: []byte(knownhosts.Line([]string{knownhosts.Normalize(addr)}, host.PublicKey()) + "\n")}
	go s.serve(conf)
	return s, nil
}

// Close stops the server.
func (s *SSH) Close() error {
	err := s.listener.Close()
	s.conns.Wait()
	return err
}

func (s *SSH) serve(conf *ssh.ServerConfig) {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.conns.Go(func() { s.handle(c, conf) })
	}
}

func (s *SSH) handle(c net.Conn, conf *ssh.ServerConfig) {
	defer func() { _ = c.Close() }()
	_, channels, requests, err := ssh.NewServerConn(c, conf)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for nc := range channels {
		if nc.ChannelType() != "session" {
			_ = nc.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		ch, reqs, err := nc.Accept()
		if err != nil {
			return
		}
		go s.session(ch, reqs)
	}
}

func (s *SSH) session(ch ssh.Channel, reqs <-chan *ssh.Request) {
	defer func() { _ = ch.Close() }()
	protocol := ""
	for r := range reqs {
		switch r.Type {
		case "env":
			var kv struct{ Name, Value string }
			if ssh.Unmarshal(r.Payload, &kv) == nil && kv.Name == "GIT_PROTOCOL" {
				protocol = kv.Value
			}
			_ = r.Reply(true, nil)
		case "exec":
			var cmd struct{ Line string }
			_ = ssh.Unmarshal(r.Payload, &cmd)
			_ = r.Reply(true, nil)
			status := s.run(ch, cmd.Line, protocol)
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
			return
		default:
			_ = r.Reply(false, nil)
		}
	}
}

// run runs one of the commands that are allowed: git-upload-pack '/repo.git'.
func (s *SSH) run(ch ssh.Channel, line, protocol string) uint32 {
	name, repo, _ := strings.Cut(line, " ")
	command := strings.TrimPrefix(name, "git-")
	if !slices.Contains(s.commands, command) {
		_, _ = fmt.Fprintf(ch.Stderr(), "only %s is allowed\n", strings.Join(s.commands, " and "))
		return 1
	}
	args := []string{command, filepath.Join(s.Dir, filepath.Clean("/"+strings.Trim(repo, "'")))}
	if command == "upload-pack" {
		args = slices.Insert(args, 1, "--strict")
	}
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_PROTOCOL="+protocol, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	in, err := cmd.StdinPipe()
	if err != nil {
		return 1
	}
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	if err := cmd.Start(); err != nil {
		return 1
	}
	go func() { _, _ = io.Copy(in, ch); _ = in.Close() }()
	if err := cmd.Wait(); err != nil {
		return 128
	}
	return 0
}

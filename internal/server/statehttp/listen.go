package statehttp

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/state"
)

// identity is what the runs' listener proves itself with. It is the same after a
// restart and on each replica, so that a run which was told of one trusts the next,
// and nobody else who happens to listen there.
type identity struct {
	ca   []byte
	cert tls.Certificate
}

func identify(key []byte) (identity, error) {
	seed, err := state.Derive(key, "state listener v1", ed25519.SeedSize)
	if err != nil {
		return identity{}, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	// Every field is fixed: the same key makes the same certificate.
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lockstep states"},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1).To4()}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, private.Public(), private)
	if err != nil {
		return identity{}, fault.Internal(err)
	}
	return identity{
		ca:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private},
	}, nil
}

const portFile = "state-port"

// Run listens for runs until ctx ends: at once where a server before has, since one
// of its runs may be going on, else when the first credential is minted.
func (s *Server) Run(ctx context.Context) {
	s.mu.Lock()
	s.open = func() error { return s.listen(ctx) }
	s.mu.Unlock()
	if s.lastPort() != 0 {
		if _, err := s.listening(); err != nil {
			s.log.Error("runs cannot reach their states", "error", err.Error())
		}
	}
	s.states.Run(ctx)
}

// listening returns the address of the listener, and has it opened if it is not.
func (s *Server) listening() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.address != "" {
		return s.address, nil
	}
	if s.open == nil {
		return "", fault.Unavailable("the server of states does not run")
	}
	if err := s.open(); err != nil {
		return "", err
	}
	return s.address, nil
}

// listen opens the listener. The caller has the mutex.
func (s *Server) listen(ctx context.Context) error {
	port := s.lastPort()
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil && port != 0 {
		s.log.Warn("the port of states is taken; runs of the server before do not find theirs", "port", port, "error", err.Error())
		l, err = net.Listen("tcp4", "127.0.0.1:0")
	}
	if err != nil {
		return fault.Unavailable("cannot listen on loopback for runs").Because(err)
	}
	s.address = l.Addr().String()
	s.remember(l.Addr().(*net.TCPAddr).Port)
	srv := &http.Server{
		Handler: s.ForRuns(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(grace) // what is still open after the grace is cut
	})
	go func() {
		err := srv.Serve(tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{s.tls.cert}}))
		if !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("runs cannot reach their states any more", "error", err.Error())
		}
	}()
	return nil
}

func (s *Server) lastPort() int {
	raw, err := os.ReadFile(filepath.Join(s.dir, portFile))
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || port < 1024 || port > 65535 {
		return 0
	}
	return port
}

func (s *Server) remember(port int) {
	if port == s.lastPort() {
		return
	}
	file := filepath.Join(s.dir, portFile)
	if err := os.WriteFile(file, []byte(strconv.Itoa(port)+"\n"), 0o600); err != nil {
		s.log.Warn("the port of states is not remembered; a run that outlives the server will not find its state", "error", err.Error())
	}
}

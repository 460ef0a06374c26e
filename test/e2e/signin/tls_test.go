package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/test/world"
)

// certify writes a certificate of a name with its key.
func certify(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "EC PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificate renews the certificate under a server, which goes on.
func TestCertificate(t *testing.T) {
	t.Parallel()
	w, dir := world.New(t), t.TempDir()
	certify(t, dir, "before")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(world.Binary(t), "serve", "--kubeconfig", w.Cluster.Kubeconfig, "--data-dir", t.TempDir(), "--listen", addr,
		"--system-namespace", w.Namespace, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"))
	said := &lines{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	shown := func() (string, string) {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // which one it is, is looked at
		if err != nil {
			return "", err.Error() + "\n" + said.String()
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName, said.String()
	}
	w.Eventually("the server speaks TLS", 30*time.Second, func() (bool, string) {
		name, last := shown()
		return name == "before", last
	})
	certify(t, dir, "after")
	w.Eventually("the new certificate is served", 20*time.Second, func() (bool, string) {
		name, last := shown()
		return name == "after", name + last
	})
}

package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/lockstep-dev/lockstep/devcluster/internal/place"
)

const lifetime = 10 * 365 * 24 * time.Hour

// An Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// PEM of the certificate, for those who must trust it.
	PEM []byte
}

// A Pair is a certificate and its private key, both PEM.
type Pair struct {
	Cert []byte
	Key  []byte
}

// A Subject is the one a certificate speaks of.
type Subject struct {
	Name   string
	Groups []string
	// Hosts make it a server certificate.
	Hosts []string
}

// OpenAuthority loads the authority kept at path+".crt" and ".key", or makes it.
func OpenAuthority(path, name string) (*Authority, error) {
	pair, err := ReadPair(path)
	if os.IsNotExist(err) {
		return createAuthority(path, name)
	}
	if err != nil {
		return nil, err
	}
	return parseAuthority(pair)
}

func createAuthority(path, name string) (*Authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	pair, err := sign(template, nil)
	if err != nil {
		return nil, err
	}
	if err := WritePair(path, pair); err != nil {
		return nil, err
	}
	return parseAuthority(pair)
}

func parseAuthority(pair Pair) (*Authority, error) {
	cert, err := parseCert(pair.Cert)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(pair.Key)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert, key: key, PEM: pair.Cert}, nil
}

// Issue signs a new certificate for the subject.
func (a *Authority) Issue(s Subject) (Pair, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: s.Name, Organization: s.Groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(s.Hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range s.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	return sign(template, a)
}

// Keep loads the pair at path or issues and writes it.
func (a *Authority) Keep(path string, s Subject) (Pair, error) {
	pair, err := ReadPair(path)
	if err == nil {
		return pair, nil
	}
	if !os.IsNotExist(err) {
		return Pair{}, err
	}
	if pair, err = a.Issue(s); err != nil {
		return Pair{}, err
	}
	return pair, WritePair(path, pair)
}

// sign fills in what all certificates share. A nil authority signs itself.
func sign(template *x509.Certificate, by *Authority) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make a key for %q: %w", template.Subject.CommonName, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return Pair{}, fmt.Errorf("make a serial number: %w", err)
	}
	template.SerialNumber = serial
	// An hour back, for virtual machines whose clock was just set.
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(lifetime)

	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return Pair{}, fmt.Errorf("sign a certificate for %q: %w", template.Subject.CommonName, err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), Key: keyPEM}, nil
}

// ReadPair reads path+".crt" and path+".key".
func ReadPair(path string) (Pair, error) {
	cert, err := os.ReadFile(path + ".crt")
	if err != nil {
		return Pair{}, err
	}
	key, err := os.ReadFile(path + ".key")
	return Pair{Cert: cert, Key: key}, err
}

// WritePair writes what [ReadPair] reads. The certificate goes last: a crash in
// between leaves a pair that counts as missing and is made anew.
func WritePair(path string, pair Pair) error {
	if err := place.WriteFile(path+".key", pair.Key); err != nil {
		return err
	}
	return place.WriteFile(path+".crt", pair.Cert)
}

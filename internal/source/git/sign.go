package git

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"golang.org/x/crypto/ssh"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// maxCommitMessage bounds what a message may be made to carry.
const maxCommitMessage = 64 << 10

// signed returns the text of the commit object. It is written and signed here and
// not by git, so that a key never lies in a file and no program but git is needed.
func signed(c source.Commit, tree string) ([]byte, error) {
	name, email := plain(c.Author.Name), plain(c.Author.Email)
	if name == "" || email == "" {
		return nil, fault.Invalid("a commit needs the name and the address of its author")
	}
	who := fmt.Sprintf("%s <%s> %d +0000", name, email, c.Author.At.Unix())
	head := "tree " + tree + "\nparent " + c.Onto + "\nauthor " + who + "\ncommitter " + who + "\n"
	body := "\n" + message(c.Message)
	signature, err := sign(c.Signing, []byte(head+body))
	if err != nil || signature == "" {
		return []byte(head + body), err
	}
	header := "gpgsig"
	if len(tree) == 64 {
		header = "gpgsig-sha256"
	}
	// The lines of a header's value begin with a space.
	return []byte(head + header + " " + strings.ReplaceAll(strings.TrimSpace(signature), "\n", "\n ") + "\n" + body), nil
}

// sign returns the armored signature of a commit's text, "" where it is not to be
// signed.
func sign(s source.Signing, text []byte) (string, error) {
	switch {
	case len(s.SSHKey) > 0 && len(s.PGPKey) > 0:
		return "", fault.Invalid("there are two signing keys").WithHint("keep one of them")
	case len(s.SSHKey) > 0:
		return signSSH(s, text)
	case len(s.PGPKey) > 0:
		return signPGP(s, text)
	}
	return "", nil
}

// signSSH signs as "ssh-keygen -Y sign -n git" does, which is what git asks it for.
func signSSH(s source.Signing, text []byte) (string, error) {
	key, err := plainKey(s.SSHKey, s.Passphrase)
	if err != nil {
		return "", unsigned(err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return "", unsigned(err)
	}
	const namespace, digest = "git", "sha512"
	sum := sha512.Sum512(text)
	payload := append([]byte("SSHSIG"), ssh.Marshal(struct{ Namespace, Reserved, Hash, Sum string }{namespace, "", digest, string(sum[:])})...)
	var signature *ssh.Signature
	if as, ok := signer.(ssh.AlgorithmSigner); ok && signer.PublicKey().Type() == ssh.KeyAlgoRSA {
		signature, err = as.SignWithAlgorithm(rand.Reader, payload, ssh.KeyAlgoRSASHA512) // SHA-1 is refused everywhere
	}
	if signature == nil && err == nil {
		signature, err = signer.Sign(rand.Reader, payload)
	}
	if err != nil {
		return "", unsigned(err)
	}
	blob := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Version                                      uint32
		PublicKey, Namespace, Reserved, Hash, Signed string
	}{1, string(signer.PublicKey().Marshal()), namespace, "", digest, string(ssh.Marshal(signature))})...)
	return string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: blob})), nil
}

func signPGP(s source.Signing, text []byte) (string, error) {
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(s.PGPKey))
	if err != nil || len(ring) == 0 || ring[0].PrivateKey == nil {
		return "", unsigned(err)
	}
	key := ring[0]
	if err := key.DecryptPrivateKeys([]byte(s.Passphrase)); err != nil {
		return "", fault.Invalid("the passphrase of the signing key is missing or wrong").Because(err)
	}
	var out strings.Builder
	if err := openpgp.ArmoredDetachSign(&out, key, bytes.NewReader(text), nil); err != nil {
		return "", unsigned(err)
	}
	return out.String(), nil
}

// unsigned words why there is no signature; what a library says of a key is for the
// log.
func unsigned(err error) error {
	f := fault.Invalid("the commit could not be signed").
		WithHint("the signing key is an ssh private key as ssh-keygen writes it, or an armored OpenPGP private key").Because(err)
	var known *fault.Fault
	if errors.As(err, &known) {
		f.What += ": " + known.What
	}
	return f
}

// plain keeps what a line of a commit's header can hold.
func plain(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == '<' || r == '>' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}

// message keeps what a commit's message can hold, and no more of it than anybody
// reads.
func message(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxCommitMessage)], "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s) + "\n"
}

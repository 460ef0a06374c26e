package signin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// class is what a bearer secret is for, one letter of it.
type class byte

const (
	classToken   class = 't' // of a machine
	classJob     class = 'j' // exchanged for the token of a CI job
	classSession class = 's' // of a CLI that a person signed in with
)

// A bearer secret is "lockstep_", its class, 32 random characters and 6 that check
// them: scanners find it, and tell it from an example, without asking anybody.
const (
	bearerPrefix = "lockstep_"
	bearerRandom = 32
	bearerCheck  = 6
	alphabet     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// mint returns a new bearer secret.
func mint(c class) string {
	body := string(c) + pick(alphabet, bearerRandom)
	return bearerPrefix + body + check(body)
}

// pick returns n random letters.
func pick(letters string, n int) string {
	out, bound := make([]byte, n), big.NewInt(int64(len(letters)))
	for i := range out {
		k, err := rand.Int(rand.Reader, bound)
		if err != nil {
			panic(err) // rand.Reader does not fail, and a guessable secret is worse than none
		}
		out[i] = letters[k.Int64()]
	}
	return string(out)
}

// check returns the checksum of a body, always of the same length.
func check(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	out := make([]byte, bearerCheck)
	for i := range out {
		out[bearerCheck-1-i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return string(out)
}

// classOf reads a bearer secret. It says nothing about whether anybody gave it out.
func classOf(secret string) (class, error) {
	body, ok := strings.CutPrefix(secret, bearerPrefix)
	if !ok || len(body) != 1+bearerRandom+bearerCheck {
		return 0, errNotBearer()
	}
	body, sum := body[:1+bearerRandom], body[1+bearerRandom:]
	if check(body) != sum || strings.Trim(body, alphabet) != "" {
		return 0, errNotBearer()
	}
	switch c := class(body[0]); c {
	case classToken, classJob, classSession:
		return c, nil
	}
	return 0, errNotBearer()
}

func errNotBearer() *fault.Fault {
	return fault.Unauthenticated("the token is not one of Lockstep's").
		WithHint("is it whole? it begins with %q; lockstep login gets a new one", bearerPrefix)
}

// opaque returns a secret for a cookie or an address.
func opaque() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: the program ends instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newID returns a name for something that is no secret.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// hashOf is what is kept of a secret. The secrets are long and random, so that a
// quick hash is as good as a slow one; and they are looked up by it, so that how
// long a comparison takes tells nothing about them.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

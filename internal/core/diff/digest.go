package diff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Digester reduces objects and secret values to digests. Key is the
// installation's own; whoever has it can test guesses at a Secret's content,
// nobody else can. A new Key makes every Secret look changed once.
type Digester struct{ Key []byte }

const prefix = "sha256-"

// Object returns "sha256-" and 32 hex digits over the whole desired object. For
// a Secret the hash is keyed, because the digest is written on the live object
// where many may read it.
func (d Digester) Object(o lockstep.Object) string {
	e := encoders.Get().(*encoder)
	defer e.release()
	e.value(o.Tree)
	if isSecret(o.Tree) {
		return text(d.keyed(e.buf))
	}
	sum := sha256.Sum256(e.buf)
	return text(sum[:])
}

// Mask stands for a secret value wherever a person or a record may see it:
// equal values have equal masks.
func (d Digester) Mask(v any) string {
	return maskSign + d.short(v)
}

// short tells two values apart that look alike.
func (d Digester) short(v any) string { return hex.EncodeToString(d.keyed(Canonical(v))[:2]) }

const maskSign = "••• "

func (d Digester) keyed(b []byte) []byte {
	mac := hmac.New(sha256.New, d.Key)
	mac.Write(b)
	return mac.Sum(nil)
}

func text(sum []byte) string {
	var out [len(prefix) + 32]byte
	copy(out[:], prefix)
	hex.Encode(out[len(prefix):], sum[:16])
	return string(out[:])
}

func isSecret(tree map[string]any) bool {
	return tree["kind"] == "Secret" && tree["apiVersion"] == "v1"
}

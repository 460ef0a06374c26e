package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// A sealer encrypts what leaves the server and comes back, and what is kept and has
// to be presented to somebody again. All replicas have the same key.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (*sealer, error) {
	// A key of its own: the one that it is made from is used elsewhere, too.
	derived, err := hkdf.Key(sha256.New, key, nil, "lockstep sign-in", 32)
	if err != nil {
		return nil, fault.Internal(err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fault.Internal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return &sealer{aead: aead}, nil
}

// seal encrypts v for a purpose; it opens for no other.
func (s *sealer) seal(purpose string, v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return s.aead.Seal(nil, nil, raw, []byte(purpose)), nil
}

func (s *sealer) open(purpose string, sealed []byte, v any) error {
	raw, err := s.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return fault.Unauthenticated("what came back is not what was given out").Because(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fault.Internal(err)
	}
	return nil
}

// maxCookie is more than any cookie of ours has, and as much as browsers keep.
const maxCookie = 4 << 10

func (s *sealer) sealText(purpose string, v any) (string, error) {
	sealed, err := s.seal(purpose, v)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func (s *sealer) openText(purpose, text string, v any) error {
	if len(text) > maxCookie {
		return fault.Unauthenticated("what came back is too long")
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return fault.Unauthenticated("what came back is not what was given out").Because(err)
	}
	return s.open(purpose, sealed, v)
}

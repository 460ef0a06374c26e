package state

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// seal makes of a content what nobody reads without the installation's key, and only
// in the place that it was made for.
type seal struct {
	aead        cipher.AEAD
	digestKey   []byte
	fingerprint string
}

// sealMagic begins what is sealed, so that another way to seal can come.
var sealMagic = []byte("LSS1")

// Derive returns a key for one purpose from the installation's key.
func Derive(key []byte, purpose string, length int) ([]byte, error) {
	if len(key) < 32 {
		return nil, fault.Invalid("the key for states has %d bytes, and 32 are needed", len(key))
	}
	out, err := hkdf.Key(sha256.New, key, nil, "lockstep "+purpose, length)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return out, nil
}

func newSeal(key []byte) (*seal, error) {
	sub, err := Derive(key, "state content v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		return nil, fault.Internal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fault.Internal(err)
	}
	digestKey, err := Derive(key, "state digest v1", 32)
	if err != nil {
		return nil, err
	}
	print, err := Derive(key, "state fingerprint v1", 6)
	if err != nil {
		return nil, err
	}
	return &seal{aead: aead, digestKey: digestKey, fingerprint: hex.EncodeToString(print)}, nil
}

// digest tells equal contents, to nobody else.
func (s *seal) digest(content []byte) string {
	mac := hmac.New(sha256.New, s.digestKey)
	mac.Write(content)
	return hex.EncodeToString(mac.Sum(nil))
}

// place binds what is sealed to one version of one state.
func place(k Key, id string) []byte {
	return []byte("lockstep state\x00" + k.Unit.Namespace + "\x00" + k.Unit.Name + "\x00" + k.Workspace + "\x00" + id)
}

// close packs and seals a content.
func (s *seal) close(k Key, id string, content []byte) ([]byte, error) {
	var packed bytes.Buffer
	// A state packs to a tenth at any level; the tool waits meanwhile.
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return nil, fault.Internal(err)
	}
	if _, err := z.Write(content); err != nil {
		return nil, fault.Internal(err)
	}
	if err := z.Close(); err != nil {
		return nil, fault.Internal(err)
	}
	return s.aead.Seal(bytes.Clone(sealMagic), nil, packed.Bytes(), place(k, id)), nil
}

// open undoes close. What it returns has exactly v.Size bytes.
func (s *seal) open(k Key, v Version, sealed []byte) ([]byte, error) {
	if v.Key != s.fingerprint {
		return nil, fault.Unavailable("version %d of its state is sealed with the key %s, and the server has %s", v.Number, short(v.Key), s.fingerprint).At("stack %s", k).
			WithHint("put the Secret with the installation's key back from a backup; nothing else opens it")
	}
	bad := func() error {
		return fault.Unavailable("version %d of its state was changed where it is kept", v.Number).At("stack %s", k).
			WithHint("put it back from a backup, or go back to another version: lockstep state restore %s", k.Unit)
	}
	rest, ok := bytes.CutPrefix(sealed, sealMagic)
	if !ok {
		return nil, bad()
	}
	packed, err := s.aead.Open(nil, nil, rest, place(k, v.ID))
	if err != nil {
		return nil, bad()
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, bad()
	}
	content := make([]byte, 0, v.Size)
	into := bytes.NewBuffer(content)
	n, err := io.Copy(into, io.LimitReader(z, v.Size+1))
	if err != nil || n != v.Size {
		return nil, bad()
	}
	return into.Bytes(), nil
}

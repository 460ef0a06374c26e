package keeper

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
)

// Seal encrypts data with a key of 32 bytes, bound to what it is for.
func Seal(key, data []byte, what string) ([]byte, error) {
	a, err := aead(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.NonceSize(), a.NonceSize()+len(data)+a.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return a.Seal(nonce, nonce, data, []byte(what)), nil
}

// Open decrypts what Seal encrypted for the same.
func Open(key, sealed []byte, what string) ([]byte, error) {
	a, err := aead(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < a.NonceSize() {
		return nil, errors.New("too short to be sealed")
	}
	return a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(what))
}

func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// What is sealed, so that none can stand in for the other.
const (
	forReport = "lockstep terraform report"
	forState  = "lockstep terraform unsaved state"
)

// Report opens what the tool said of errors.
func (r Result) Report(key []byte) (Report, error) {
	if len(r.Sealed) == 0 {
		return Report{}, nil
	}
	data, err := Open(key, r.Sealed, forReport)
	if err != nil {
		return Report{}, err
	}
	var out Report
	return out, json.Unmarshal(data, &out)
}

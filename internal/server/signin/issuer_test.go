package signin

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// issuer is a provider that can be made to do what a real one cannot: forge, lie,
// forget people and fall silent.
type testIssuer struct {
	*httptest.Server
	key *rsa.PrivateKey
	// claims of the next ID token, on top of the right ones.
	claims map[string]any
	// signs with another key than the published one.
	forger *rsa.PrivateKey
	// alg of the header, when it is to lie.
	alg string
	// down answers nothing; removed no longer knows the person.
	down, removed bool
	groups        []string
	nonce         string
	refreshed     int
}

func newTestIssuer(t *testing.T) *testIssuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &testIssuer{key: key, groups: []string{"platform"}}
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"userinfo_endpoint": i.URL + "/userinfo", "end_session_endpoint": i.URL + "/end", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		i.nonce = q.Get("nonce")
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"code"}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("grant_type") == "refresh_token" {
			i.refreshed++
			if i.removed {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
				return
			}
		} else if r.PostFormValue("code_verifier") == "" {
			http.Error(w, "no PKCE", http.StatusBadRequest)
			return
		}
		reply(w, map[string]any{"access_token": "access", "token_type": "Bearer", "refresh_token": "refresh", "id_token": i.token(t, nil)})
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"sub": "1", "email": "ana@example.org", "groups": i.groups})
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

// token returns a signed token with the claims of the issuer and then more.
func (i *testIssuer) token(t *testing.T, more map[string]any) string {
	t.Helper()
	now := time.Now()
	c := map[string]any{
		"iss": i.URL, "aud": "lockstep", "sub": "1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": i.nonce,
		"email": "ana@example.org", "name": "Ana", "groups": i.groups,
	}
	for _, over := range []map[string]any{i.claims, more} {
		for k, v := range over {
			c[k] = v
		}
	}
	alg := "RS256"
	if i.alg != "" {
		alg = i.alg
	}
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(map[string]string{"alg": alg, "kid": "1", "typ": "JWT"}) + "." + part(c)
	if alg == "none" {
		return text + "."
	}
	key := i.key
	if i.forger != nil {
		key = i.forger
	}
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

package helmchart

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Credentials reads the Secret that goes with a repository: username, password
// and ca.crt, or a .dockerconfigjson as kubectl makes it. No value of it is in
// the fault.
func Credentials(repo string, secret map[string][]byte) ([]Credential, error) {
	if len(secret) == 0 {
		return nil, nil
	}
	if raw, ok := secret[".dockerconfigjson"]; ok {
		return dockerConfig(raw)
	}
	c := Credential{
		URL:      repo,
		Username: strings.TrimSpace(string(secret["username"])),
		Password: strings.TrimRight(string(secret["password"]), "\r\n"),
		CA:       secret["ca.crt"],
	}
	if c.Username == "" && len(c.CA) == 0 {
		return nil, fault.Invalid("the Secret for %q has none of username, ca.crt and .dockerconfigjson", repo).
			WithHint("give it username and password, ca.crt, or make it with: kubectl create secret docker-registry")
	}
	return []Credential{c}, nil
}

// dockerConfig reads what docker login and kubectl write: registry → login.
func dockerConfig(raw []byte) ([]Credential, error) {
	wrong := fault.Invalid("the key .dockerconfigjson is not a Docker configuration").
		WithHint("make the Secret with: kubectl create secret docker-registry")
	var file struct {
		Auths map[string]struct {
			Username, Password, Auth string
		} `json:"auths"`
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Auths) == 0 {
		return nil, wrong
	}
	var out []Credential
	for host, a := range file.Auths {
		if a.Username == "" && a.Auth != "" {
			plain, err := base64.StdEncoding.DecodeString(a.Auth)
			if err != nil {
				return nil, wrong
			}
			a.Username, a.Password, _ = strings.Cut(string(plain), ":")
		}
		out = append(out, Credential{URL: "oci://" + hostOf(host), Username: a.Username, Password: a.Password})
	}
	return out, nil
}

// hostOf takes the registry out of "https://registry.example/v1/".
func hostOf(s string) string {
	if u, err := url.Parse(s); err == nil && u.Host != "" {
		return u.Host
	}
	return strings.TrimSuffix(s, "/")
}

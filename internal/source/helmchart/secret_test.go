package helmchart

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestCredentialsOfSecret(t *testing.T) {
	const repo = "https://charts.example/stable"
	cases := map[string]struct {
		why    string
		secret map[string][]byte
		want   []Credential
		fails  bool
	}{
		"None":  {why: "A public repository needs no Secret.", want: nil},
		"Login": {why: "A password may end in a line break that an editor put there.", secret: map[string][]byte{"username": []byte("ada"), "password": []byte("s3cret\n")}, want: []Credential{{URL: repo, Username: "ada", Password: "s3cret"}}},
		"Authority": {
			why:    "A private authority may guard a repository that needs no login.",
			secret: map[string][]byte{"ca.crt": []byte("pem")}, want: []Credential{{URL: repo, CA: []byte("pem")}},
		},
		"Docker": {
			why:    "kubectl create secret docker-registry is how most people make one.",
			secret: map[string][]byte{".dockerconfigjson": []byte(`{"auths":{"https://registry.example/v1/":{"auth":"YWRhOnMzY3JldA=="}}}`)},
			want:   []Credential{{URL: "oci://registry.example", Username: "ada", Password: "s3cret"}},
		},
		"Typo":   {why: "A misspelled key must not mean an anonymous request.", secret: map[string][]byte{"user": []byte("ada")}, fails: true},
		"Broken": {why: "Half a configuration is the author's mistake.", secret: map[string][]byte{".dockerconfigjson": []byte(`{"auths":{"r":{"auth":"s3cret!!"}}}`)}, fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Credentials(repo, tc.secret)
			if errors.Is(err, fault.KindInvalid) != tc.fails {
				t.Fatalf("%s\nerror: %v", tc.why, err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") { // a check of the text, not a decision by it
				t.Errorf("the fault shows a password: %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

package faulty

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCallOf(t *testing.T) {
	tests := map[string]struct {
		method, url, contentType string
		want                     Call
	}{
		"list in a namespace":    {"GET", "/api/v1/namespaces/web/configmaps", "", Call{"list", "configmaps"}},
		"get one":                {"GET", "/api/v1/namespaces/web/configmaps/a", "", Call{"get", "configmaps"}},
		"a namespace itself":     {"GET", "/api/v1/namespaces/web", "", Call{"get", "namespaces"}},
		"list of all namespaces": {"GET", "/apis/apps/v1/deployments?limit=500", "", Call{"list", "deployments"}},
		"watch":                  {"GET", "/apis/apps/v1/deployments?watch=true", "", Call{"watch", "deployments"}},
		"subresource":            {"PATCH", "/apis/lockstep.dev/v1alpha1/namespaces/web/stacks/a/status", "application/merge-patch+json", Call{"patch", "stacks/status"}},
		"server-side apply":      {"PATCH", "/api/v1/namespaces/web/configmaps/a", "application/apply-patch+yaml", Call{"apply", "configmaps"}},
		"create":                 {"POST", "/api/v1/namespaces", "", Call{"create", "namespaces"}},
		"delete":                 {"DELETE", "/api/v1/namespaces/web/pods/a", "", Call{"delete", "pods"}},
		"discovery":              {"GET", "/apis", "", Call{"get", "/apis"}},
		"health":                 {"GET", "/readyz", "", Call{"get", "/readyz"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.url, nil)
			r.Header.Set("Content-Type", tt.contentType)
			if got := CallOf(r); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	tests := map[string]struct {
		method, url string
		want        bool
	}{
		"reading changes nothing": {"GET", "/api/v1/namespaces/web/configmaps", false},
		"a status is a change":    {"PATCH", "/apis/lockstep.dev/v1alpha1/namespaces/web/stacks/a/status", true},
		"events are no part":      {"POST", "/apis/events.k8s.io/v1/namespaces/web/events", false},
		"leases are no part":      {"PUT", "/apis/coordination.k8s.io/v1/namespaces/web/leases/a", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.url, http.NoBody)
			if got := Changes(r); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

package history

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/internal/store/storetest"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestAPI asks a real cluster who may see which part of the record.
func TestAPI(t *testing.T) {
	w := world.New(t)
	own, other := lockstep.Unit{Namespace: w.Namespace, Name: "shop"}, lockstep.Unit{Namespace: w.Cluster.Namespace(t), Name: "till"}
	role := func(name string, rules ...rbacv1.PolicyRule) {
		w.Create(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name}, Rules: rules})
		w.Create(&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		})
	}
	group := []string{v1alpha1.GroupVersion.Group}
	role("oidc:viewer", rbacv1.PolicyRule{APIGroups: group, Resources: []string{"stacks"}, Verbs: []string{"get", "list"}})
	auditor := "oidc:auditor-" + w.Namespace
	w.Create(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: auditor}, Rules: []rbacv1.PolicyRule{{APIGroups: group, Resources: []string{"auditentries", "stacks"}, Verbs: []string{"get", "list"}}}})
	w.Create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: auditor}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: auditor},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: auditor}},
	})
	checker, err := access.New(access.Options{
		Config:     w.Cluster.Config(t),
		Namespaces: func(context.Context) ([]string, error) { return []string{own.Namespace, other.Namespace}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(checker.Close)
	s, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "lockstep.db"), db.Migrated)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now := time.Now()
	_, err = s.Append(t.Context(), storetest.Call(now, own, "one"), storetest.Call(now, other, "two"),
		storetest.Released(own, 1, store.Succeeded, now.Add(-time.Minute), now),
		store.Record{Draft: store.Draft{Verb: "login", Detail: store.LoginDetail{Provider: "oidc"}}})
	if err != nil {
		t.Fatal(err)
	}
	remembered, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	api := httpapi.New(&httpapi.Deps{
		Access: checker, History: func() (store.Store, error) { return s, nil },
		Remembered: func(context.Context, store.Store) (store.Head, error) { return remembered, nil },
	})
	get := func(person, path string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, httpapi.Prefix+path, nil)
		if person != "" {
			r = r.WithContext(access.With(r.Context(), lockstep.Person{Name: person, Via: lockstep.ProofSession}))
		}
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
	releases := "/stacks/" + own.String() + "/releases"
	cases := map[string]struct {
		why, person, path string
		status            int
		has, hasNot       []string
	}{
		"Nobody":        {"Whoever has not signed in sees nothing.", "", "/audit", 401, nil, nil},
		"Auditor":       {"All of it, logins as well.", auditor, "/audit", 200, []string{`"one"`, `"two"`, `"login"`, `"all":true`}, nil},
		"Viewer":        {"What is about Stacks of others is absent, and so are logins.", "oidc:viewer", "/audit", 200, []string{`"one"`, `"all":false`}, []string{`"two"`, `"login"`, other.Namespace}},
		"Stranger":      {"Nothing, and no hint that there is something.", "oidc:eve", "/audit", 200, []string{`"items":[]`}, []string{"one"}},
		"Verify":        {"", auditor, "/audit/verify", 200, []string{`"ok":true`, `"entries":4`, `"remembered":"4:`}, nil},
		"VerifyHead":    {"What is handed in goes before what is remembered.", auditor, "/audit/verify?head=9:" + store.Origin, 200, []string{`"ok":false`, `"truncated"`}, nil},
		"VerifyViewer":  {"Verifying is for who may read the whole.", "oidc:viewer", "/audit/verify", 403, nil, nil},
		"VerifyBadHead": {"", auditor, "/audit/verify?head=x", 400, nil, nil},
		"Releases":      {"", "oidc:viewer", releases, 200, []string{`"number":1`, `"total":1`, `"leadSeconds":60`}, []string{"objects"}},
		"Release":       {"With what changed.", "oidc:viewer", releases + "/1", 200, []string{`"data.x"`, `"done"`}, nil},
		"ReleaseNone":   {"", "oidc:viewer", releases + "/7", 404, nil, nil},
		"ReleasesEve":   {"", "oidc:eve", releases, 403, nil, []string{"number"}},
		"Timeline":      {"", "oidc:viewer", "/stacks/" + own.String() + "/timeline", 200, []string{`"release"`}, []string{`"call"`}},
		"Insights":      {"", "oidc:viewer", "/insights?namespace=" + own.Namespace, 200, []string{`"releases":1`, `"leadP50Seconds":60`}, nil},
		"InsightsAll":   {"Numbers over all tell of what one may not see.", "oidc:viewer", "/insights", 403, nil, nil},
		"BadCursor":     {"", auditor, "/audit?cursor=!", 400, nil, nil},
		"BadKind":       {"", auditor, "/audit?kind=x", 422, nil, nil},
		"SQL":           {"", auditor, "/audit?q=" + "%27%3B+DROP+TABLE+entries%3B--", 200, []string{`"items":[]`}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, body := get(tc.person, tc.path)
			if status != tc.status {
				t.Errorf("%s\nstatus %d, want %d\n%s", tc.why, status, tc.status, body)
			}
			for _, s := range tc.has {
				if !strings.Contains(body, s) {
					t.Errorf("%s\n%s is not in\n%s", tc.why, s, body)
				}
			}
			for _, s := range tc.hasNot {
				if strings.Contains(body, s) {
					t.Errorf("%s\n%s is in\n%s", tc.why, s, body)
				}
			}
		})
	}
	var seqs []int64
	for path := "/audit?limit=1"; ; {
		var page httpapi.AuditPage
		_, body := get(auditor, path)
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err, body)
		}
		for _, e := range page.Items {
			seqs = append(seqs, e.Seq)
		}
		if page.Next == "" {
			break
		}
		path = "/audit?limit=1&cursor=" + page.Next
	}
	if diff := cmp.Diff([]int64{4, 3, 2, 1}, seqs); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

package lockstep

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddress(t *testing.T) {
	for name, tt := range map[string]struct {
		why, in string
		want    Key // zero if it is none
	}{
		"Root":       {"A resource of the root module.", "fakecloud_database.main", Key{Group: "terraform", Kind: "fakecloud_database", Name: "fakecloud_database.main"}},
		"Module":     {"The type is the last but one name.", "module.db.fakecloud_database.main", Key{Group: "terraform", Kind: "fakecloud_database", Name: "module.db.fakecloud_database.main"}},
		"Slash":      {"A slash in an index separates nothing.", `module.db["x/y"].module.n[0].fakecloud_database.main["a/b"]`, Key{Group: "terraform", Kind: "fakecloud_database", Name: `module.db["x/y"].module.n[0].fakecloud_database.main["a/b"]`}},
		"Bracket":    {"Nor does anything else that is quoted.", `a_b.c["]./\"x"]`, Key{Group: "terraform", Kind: "a_b", Name: `a_b.c["]./\"x"]`}},
		"Data":       {"A data source is of the type of what it reads.", "module.m.data.a_b.c", Key{Group: "terraform", Kind: "a_b", Name: "module.m.data.a_b.c"}},
		"Deposed":    {"What a replacement left behind is an object of its own.", "a_b.c[1] (deposed 1a2b3c4d)", ResourceKey("a_b", "a_b.c[1]", "1a2b3c4d")},
		"Output":     {"Outputs are listed with resources.", "output.url", OutputKey("url")},
		"Kubernetes": {"A slash outside of brackets is Kubernetes'.", "Deployment.apps/web/api", Key{Group: "apps", Kind: "Deployment", Namespace: "web", Name: "api"}},
		"Role":       {"Names on a cluster may hold brackets.", `ClusterRole.rbac.authorization.k8s.io/a["b"]`, Key{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: `a["b"]`}},
		"OneWord":    {"A bare word names nothing.", "fakecloud_database", Key{}},
		"ModuleOnly": {"A module is no resource.", "module.db", Key{}},
		"Open":       {"An index ends.", `a_b.c["x`, Key{}},
		"After":      {"Nothing follows an index but a dot.", `a_b.c["x"]y`, Key{}},
		"TypeIndex":  {"A type has no index.", `a_b["x"].c`, Key{}},
		"Empty":      {"Nothing is nobody's name.", "", Key{}},
		"Mixed":      {"An address has no form with slashes.", "a_b.terraform/a_b.c", Key{}},
		"Spaces":     {"People's words are no address.", "a_b.c (deposed x y)", Key{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseKey(tt.in)
			if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != (tt.want == Key{}) {
				t.Fatalf("%s\nerror %v, (-want +got):\n%s", tt.why, err, diff)
			}
			if err == nil && (got.String() != tt.in || got.HasAddress() && got.Short() != tt.in) {
				t.Errorf("%s\nprinted as %q and %q", tt.why, got.String(), got.Short())
			}
		})
	}
}

// FuzzParseKey: what is read prints as it was, and is read again as the same.
func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"Deployment.apps/web/api", "Namespace/web", `module.db["x/y"].a_b.main["a\"]/b"]`, "data.a.b", "a.b (deposed 00)", "output.x", "a.b[0]", "/", "a/b/c/d", "x.terraform/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKey(s)
		if err != nil {
			return
		}
		again, err := ParseKey(k.String())
		if err != nil || again != k {
			t.Fatalf("%q is read as %+v, that printed is read as %+v, %v", s, k, again, err)
		}
		if k.HasAddress() && (k.String() != s || k.Kind == "") {
			t.Fatalf("%q prints as %q", s, k)
		}
	})
}

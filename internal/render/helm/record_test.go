package helm

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/lockstep-dev/lockstep/internal/core/helmrecord"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

func recordedChart(t *testing.T, ask bool) render.Result {
	t.Helper()
	res, err := Render(context.Background(), render.Request{
		Path: "c", Namespace: "web", Release: "shop",
		Tree: memory.NewTree(map[string]string{
			"c/Chart.yaml":          "apiVersion: v2\nname: shop\nversion: 1.2.3\nappVersion: '7'\n",
			"c/values.yaml":         "colour: grey\nsize: 1\n",
			"c/crds/c.yaml":         "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: xs.example.com}\n",
			"c/templates/a.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {colour: {{ .Values.colour }}}\n",
			"c/templates/h.yaml":    "apiVersion: v1\nkind: Pod\nmetadata: {name: h, annotations: {helm.sh/hook: 'pre-install, test-success', helm.sh/hook-weight: '-2', helm.sh/hook-delete-policy: hook-succeeded}}\n",
			"c/templates/NOTES.txt": "It is {{ .Values.colour }}.",
		}),
		Helm: &render.HelmSpec{ReleaseName: "shop", Values: []byte(`{"colour":"teal"}`), Record: ask},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestRecordOnlyWhereAsked keeps values out of results that nobody wants them in.
func TestRecordOnlyWhereAsked(t *testing.T) {
	if res := recordedChart(t, false); res.Record != nil {
		t.Errorf("nobody asked for it: %s", res.Record)
	}
}

// TestHelmReadsTheRecord writes records as the server does, and reads them with
// Helm's own storage.
func TestHelmReadsTheRecord(t *testing.T) {
	draft := recordedChart(t, true).Record
	var have []map[string]any
	owner := helmrecord.Owner{Namespace: "apps", Name: "shop", UID: "u"}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	steps := []struct {
		release int64
		status  helmrecord.Status
		want    []string
	}{
		{3, helmrecord.Deployed, []string{"1 deployed"}},
		{3, helmrecord.Deployed, []string{"1 deployed"}},
		{4, helmrecord.Failed, []string{"1 deployed", "2 failed"}},
		{4, helmrecord.Deployed, []string{"1 superseded", "2 deployed"}},
		{5, helmrecord.Deployed, []string{"1 superseded", "2 superseded", "3 deployed"}},
	}
	for i, s := range steps {
		w, err := helmrecord.Record(have, "web", helmrecord.Ended{Owner: owner, Release: s.release, Status: s.status, Note: "commit x", At: at.Add(time.Duration(i) * time.Hour), Draft: draft})
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 && len(w.Put) > 0 {
			t.Errorf("it is on record, and yet %d are written", len(w.Put))
		}
		have = stored(have, w)
		if diff := gocmp.Diff(s.want, historyOf(t, have)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
	rel := helmStorage(t, have)
	got, err := rel.Last("shop")
	if err != nil {
		t.Fatal(err)
	}
	last := got.(*release.Release)
	if last.Chart.Metadata.Version != "1.2.3" || last.Config["colour"] != "teal" || last.Chart.Values["colour"] != "grey" || last.Info.Notes != "It is teal." || last.Namespace != "web" {
		t.Errorf("got %+v of %+v with %v", last, last.Chart.Metadata, last.Config)
	}
	if !last.Info.FirstDeployed.Equal(at) || !last.Info.LastDeployed.Equal(at.Add(4*time.Hour)) {
		t.Errorf("deployed from %s to %s", last.Info.FirstDeployed, last.Info.LastDeployed)
	}
	if !strings.HasPrefix(last.Manifest, "---\n# Source: shop/templates/a.yaml\n") || strings.Contains(last.Manifest, "CustomResourceDefinition") || strings.Contains(last.Manifest, "Pod") {
		t.Errorf("manifest:\n%s", last.Manifest)
	}
	h := last.Hooks[0]
	if diff := gocmp.Diff([]release.HookEvent{"pre-install", "test"}, h.Events); diff != "" || h.Weight != -2 || h.Path != "shop/templates/h.yaml" || h.DeletePolicies[0] != "hook-succeeded" {
		t.Errorf("hook %+v\n%s", h, diff)
	}
}

// stored is what the API would have after w.
func stored(have []map[string]any, w helmrecord.Writes) []map[string]any {
	for _, tree := range w.Put {
		md := tree["metadata"].(map[string]any)
		if md["resourceVersion"] == nil {
			md["resourceVersion"] = "1"
			have = append(have, tree)
			continue
		}
		for i, o := range have {
			if o["metadata"].(map[string]any)["name"] == md["name"] {
				have[i] = tree
			}
		}
	}
	return have
}

func helmStorage(t *testing.T, have []map[string]any) *storage.Storage {
	t.Helper()
	secrets := fake.NewClientset().CoreV1().Secrets("web")
	for _, tree := range have {
		data, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		s := &corev1.Secret{}
		if err := json.Unmarshal(data, s); err != nil {
			t.Fatal(err)
		}
		s.ResourceVersion = ""
		if _, err := secrets.Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return storage.Init(driver.NewSecrets(secrets))
}

func historyOf(t *testing.T, have []map[string]any) []string {
	t.Helper()
	all, err := helmStorage(t, have).History("shop")
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(all))
	for _, r := range all {
		rel := r.(*release.Release)
		out[rel.Version-1] = string(rune('0'+rel.Version)) + " " + rel.Info.Status.String()
	}
	return out
}

package observe

import (
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/world"
)

// The values that nobody may see. Each is in a place of its own.
const (
	inManifest  = "Zq1-in-a-secret-of-git"
	inBroken    = "Zq2-in-a-secret-that-is-refused"
	inWrong     = "Zq3-where-no-text-belongs"
	gitPassword = "Zq4-password-of-the-repository"
	badPassword = "Zq5-password-that-is-refused"
	hookToken   = "Zq6-token-of-the-webhook"
	inValues    = "Zq7-in-values-of-a-chart"
	inVariable  = "Zq8-in-a-variable"
	targetToken = "Zq9-token-of-a-target"
)

// TestSecretsStayUnseen runs Lockstep as loud as it gets, over secrets in every
// place that has one, and looks for them in all that it says.
func TestSecretsStayUnseen(t *testing.T) {
	w := world.New(t)
	c := newCollector(t)
	debug := freeAddr(t)
	server := w.Serve(world.ServeOptions{
		Args: []string{"--log-level", "debug", "--debug-listen", debug},
		Env:  []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_BSP_SCHEDULE_DELAY=50"},
	})
	private := privateRepo(t)
	secret(w, "good", map[string]string{"username": "u", "password": gitPassword})
	secret(w, "wrong", map[string]string{"username": "u", "password": badPassword})
	secret(w, "hook", map[string]string{"token": hookToken})
	secret(w, "values", map[string]string{"values.yaml": "password: " + inValues + "\n"})
	secret(w, "variables", map[string]string{"PASSWORD": inVariable})
	secret(w, "target", map[string]string{"token": targetToken})
	src := w.Source("private", private)
	patch(w, src, `{"spec":{"git":{"secretRef":{"name":"good"}},"webhook":{"secretRef":{"name":"hook"}}}}`)
	refused := w.Source("refused", private)
	patch(w, refused, `{"spec":{"git":{"secretRef":{"name":"wrong"}}}}`)
	target := &v1alpha1.Target{Spec: v1alpha1.TargetSpec{Kubernetes: &v1alpha1.KubernetesTarget{
		Server: "https://127.0.0.1:1", Token: &v1alpha1.TokenCredential{SecretRef: v1alpha1.KeyRef{Name: "target"}},
	}}}
	target.Namespace, target.Name = w.Namespace, "dead"
	w.Create(target)

	plain, broken, wrong, chart, sub, far := stackOf(w, "plain", "private"), stackOf(w, "broken", "private"), stackOf(w, "wrong", "private"),
		stackOf(w, "chart", "private"), stackOf(w, "sub", "private"), stackOf(w, "far", "private")
	chart.Spec.Helm = &v1alpha1.HelmRender{ValuesFrom: []v1alpha1.ValuesFrom{{Kind: "Secret", Name: "values"}}}
	sub.Spec.Substitute = &v1alpha1.Substitute{From: []v1alpha1.SubstituteFrom{{Kind: "Secret", Name: "variables"}}}
	far.Spec.Source.Path = "plain"
	far.Spec.Target.Name = "dead"
	for _, s := range []*v1alpha1.Stack{plain, broken, wrong, chart, sub, far} {
		w.Create(s)
	}
	reason(w, plain, v1alpha1.ReasonReady)
	reason(w, broken, "Invalid")
	reason(w, wrong, "Invalid")
	reason(w, chart, "Invalid")
	reason(w, sub, v1alpha1.ReasonReady)
	reason(w, far, "Unavailable")
	w.Eventually("the refused credential is said", within, func() (bool, string) {
		return strings.Contains(server.Log(), "source "+w.Namespace+"/refused") || strings.Contains(server.Log(), w.Namespace+"/refused"), ""
	})
	push(w, server, "private", hookToken)
	push(w, server, "private", "guess")

	said := map[string]string{
		"metrics":   get(t, "http://"+server.Addr+"/metrics"),
		"the dump":  get(t, "http://"+debug+"/debug/fleet"),
		"a stack":   get(t, "http://"+debug+"/debug/stacks/"+w.Namespace+"/plain"),
		"events":    events(w),
		"the state": state(w),
	}
	server.Stop()
	said["the log"], said["traces"] = server.Log(), c.text()
	for where, text := range said {
		if len(text) < 200 {
			t.Errorf("%s: only %q; what is not there cannot hold a secret", where, text)
		}
		for _, value := range []string{inManifest, inBroken, inWrong, gitPassword, badPassword, hookToken, inValues, inVariable, targetToken} {
			for form, v := range map[string]string{"as it is": value, "in base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")} {
				if at := strings.Index(text, v); at >= 0 {
					t.Errorf("%s show %s, %s: …%s…", where, value, form, text[max(0, at-200):min(len(text), at+100)])
				}
			}
		}
	}
	if !strings.Contains(said["the log"], "level=DEBUG msg=git") || !strings.Contains(said["the log"], " pass=") {
		t.Error("the log is not as loud as it gets, or does not name passes")
	}
}

// privateRepo is a repository that asks for a password, with a secret in each
// sort of file.
func privateRepo(t *testing.T) (url string) {
	dir := t.TempDir()
	repo, err := httpserver.Create(filepath.Join(dir, "private.git"))
	if err != nil {
		t.Fatal(err)
	}
	commit(t, repo, map[string]string{
		"plain/s.yaml":           "apiVersion: v1\nkind: Secret\nmetadata: {name: plain}\nstringData: {password: " + inManifest + "}\n",
		"broken/s.yaml":          "apiVersion: v1\nkind: Secret\nmetadata: {name: broken}\ntype: kubernetes.io/tls\nstringData: {password: " + inBroken + "}\n",
		"wrong/s.yaml":           "apiVersion: v1\nkind: Secret\nmetadata: {name: wrong}\ndata: {password: " + inWrong + "}\n",
		"sub/s.yaml":             "apiVersion: v1\nkind: Secret\nmetadata: {name: sub}\nstringData: {password: \"${PASSWORD}\"}\n",
		"chart/Chart.yaml":       "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"chart/templates/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: chart}\nstringData: {password: {{ .Values.password | toYaml }}, fails: {{ required .Values.password nil }} }\n",
	})
	handler, err := httpserver.New(httpserver.Options{Dir: dir, Username: "u", Password: gitPassword})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return srv.URL + "/private.git"
}

func events(w *world.World) string {
	w.T.Helper()
	var list eventsv1.EventList
	if err := w.Client.List(w.T.Context(), &list, client.InNamespace(w.Namespace)); err != nil {
		w.T.Fatal(err)
	}
	return dump(w.T, list.Items)
}

// state is what Lockstep has written about its own kinds.
func state(w *world.World) string {
	w.T.Helper()
	var stacks v1alpha1.StackList
	var sources v1alpha1.SourceList
	var targets v1alpha1.TargetList
	var out strings.Builder
	for _, l := range []client.ObjectList{&stacks, &sources, &targets} {
		if err := w.Client.List(w.T.Context(), l, client.InNamespace(w.Namespace)); err != nil {
			w.T.Fatal(err)
		}
		out.WriteString(dump(w.T, l))
	}
	return out.String()
}

func dump(t testing.TB, v any) string {
	t.Helper()
	out, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestUnchangedSaysNothing: a pass that finds all as it should be writes no line
// at the level that people run with, sends no event and writes no status.
func TestUnchangedSaysNothing(t *testing.T) {
	w := world.New(t)
	server := w.Serve(world.ServeOptions{})
	repo, url := w.Repo("quiet")
	commit(t, repo, map[string]string{"shop/a.yaml": configMap("quiet", "one")})
	src := w.Source("quiet", url)
	s := stackOf(w, "shop", "quiet")
	w.Create(s)
	reason(w, s, v1alpha1.ReasonReady)
	if n := strings.Count(server.Log(), "msg=pass "); n != 1 {
		t.Errorf("%d lines about the one pass that did something, want 1:\n%s", n, server.Log())
	}
	before := server.Log()
	fetched := server.Metric("lockstep_source_fetch_duration_seconds_count")
	commit(t, repo, map[string]string{"other/a.yaml": configMap("other", "one")})
	w.Poke(src)
	w.Eventually("the commit that touches nothing was fetched", within, func() (bool, string) {
		return server.Metric("lockstep_source_fetch_duration_seconds_count") > fetched, ""
	})
	if after := server.Log(); after != before {
		t.Errorf("a commit that touches no Stack is worth these lines:\n%s", after[len(before):])
	}
	if err := syscall.Kill(server.PID, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	w.Eventually("the level is changed", within, func() (bool, string) {
		return strings.Contains(server.Log(), "log level changed"), server.Log()
	})
	w.Poke(src)
	w.Eventually("the log is loud", within, func() (bool, string) {
		return strings.Contains(server.Log(), "level=DEBUG msg=git"), server.Log()
	})
}

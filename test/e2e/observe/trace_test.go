package observe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestTrace follows a push from the webhook to the request that applied it, at a
// collector that reads the protocol itself.
func TestTrace(t *testing.T) {
	w := world.New(t)
	c := newCollector(t)
	server := w.Serve(world.ServeOptions{
		Args: []string{"--log-format", "json"},
		Env:  []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_SERVICE_NAME=lockstep-test"},
	})
	repo, url := w.Repo("traced")
	commit(t, repo, map[string]string{"shop/a.yaml": configMap("a", "one")})
	secret(w, "hook", map[string]string{"token": "t0ken"})
	src := w.Source("traced", url)
	patch(w, src, `{"spec":{"webhook":{"secretRef":{"name":"hook"}}}}`)
	s := stackOf(w, "shop", "traced")
	w.Create(s)
	reason(w, s, v1alpha1.ReasonReady)

	second := commit(t, repo, map[string]string{"shop/a.yaml": configMap("a", "two")})
	if code := push(w, server, "traced", "t0ken"); code != 202 {
		t.Fatalf("the push was answered with %d", code)
	}
	w.Eventually("the second commit is live and its trace is here", within, func() (bool, string) {
		if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(s), s); err != nil {
			return false, err.Error()
		}
		p := passOf(c, second)
		// The status is written after the pass, which its span belongs to.
		return s.Status.Revision == second && p != nil && len(p.find("patch stacks/status")) > 0 && len(c.trees()["webhook"]) > 0, s.Status.Revision
	})
	pass := passOf(c, second)
	checkPass(t, pass, s, w)

	hook := c.trees()["webhook"]
	fetches := hook[len(hook)-1].find("fetch")
	if len(fetches) != 1 {
		t.Fatalf("the webhook led to %d fetches in its trace, want 1:\n%s", len(fetches), printed(hook[0]))
	}
	if git := fetches[0].find("git"); len(git) == 0 || git[0].attrs["git.verb"] != "fetch" {
		t.Errorf("git is not below the fetch:\n%s", printed(fetches[0]))
	}
	if len(pass.Links) != 1 || id(pass.Links[0].TraceId, pass.Links[0].SpanId) != id(fetches[0].TraceId, fetches[0].SpanId) {
		t.Errorf("the pass does not follow from the fetch that brought its commit: %v", pass.Links)
	}
	if c.about["service.name"] != "lockstep-test" {
		t.Errorf("service.name is %q", c.about["service.name"])
	}
	if traceID := fmt.Sprintf("%x", pass.TraceId); !strings.Contains(server.Log(), `"trace_id":"`+traceID+`"`) {
		t.Errorf("no log line names the trace %s", traceID)
	}

	// A collector that is out of order is no trouble of ours.
	c.fail(true)
	third := commit(t, repo, map[string]string{"shop/a.yaml": configMap("a", "three")})
	push(w, server, "traced", "t0ken")
	live := &corev1.ConfigMap{}
	live.Namespace, live.Name = w.Namespace, "a"
	w.Eventually("the third commit is live without a collector", within, func() (bool, string) {
		err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(live), live)
		return err == nil && live.Data["key"] == "three", live.Data["key"]
	})
	c.fail(false)
	began := time.Now()
	server.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if passOf(c, third) == nil {
		t.Error("what was not sent yet was lost when the server stopped")
	}
}

// passOf is the pass that applied something of commit.
func passOf(c *collector, commit string) *span {
	for _, p := range c.trees()["pass"] {
		if p.attrs["lockstep.revision"] == commit && len(p.find("apply object")) > 0 {
			return p
		}
	}
	return nil
}

// checkPass wants the tree of a pass that applied one object.
func checkPass(t *testing.T, pass *span, s *v1alpha1.Stack, w *world.World) {
	t.Helper()
	want := map[string]string{
		"lockstep.stack.namespace": w.Namespace,
		"lockstep.stack.name":      "shop",
		"lockstep.outcome":         "Ready",
		"lockstep.revision":        s.Status.Revision,
		"lockstep.key":             s.Status.Key,
		"lockstep.plan.digest":     s.Status.History[0].Digest,
		"lockstep.steps":           "1",
	}
	if diff := cmp.Diff(want, pass.attrs); diff != "" {
		t.Errorf("attributes of the pass (-want +got):\n%s", diff)
	}
	var got []string
	for _, c := range pass.children {
		got = append(got, c.Name)
	}
	// What is live is asked before the plan and after the apply, the second time
	// inside of it.
	if diff := cmp.Diff([]string{"resolve", "render", "observe", "plan", "apply", "report"}, got); diff != "" {
		t.Errorf("beats of the pass (-want +got):\n%s\n%s", diff, printed(pass))
	}
	chain := []string{"apply", "apply stage", "apply object", "apply configmaps"}
	at := pass
	for _, name := range chain {
		next := at.find(name)
		if len(next) != 1 {
			t.Fatalf("%d spans %q below %q, want 1:\n%s", len(next), name, at.Name, printed(pass))
		}
		at = next[0]
	}
	if at.attrs["http.response.status_code"] != "200" || at.attrs["lockstep.target"] != "in-cluster" {
		t.Errorf("the request's span says %v", at.attrs)
	}
	reports := pass.find("report")
	if len(reports) != 1 || len(reports[0].find("patch stacks/status")) != 1 {
		t.Errorf("the status is not written below the report:\n%s", printed(pass))
	}
}

func printed(s *span) string {
	var out strings.Builder
	s.print("", &out)
	return out.String()
}

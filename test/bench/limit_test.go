package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// bare is the control: the HTTP/2 client that client-go would use, bodies made
// beforehand, answers thrown away.
type bare struct {
	t    testing.TB
	http *http.Client
	host string
}

func newBare(t testing.TB, cfg *rest.Config) bare {
	t.Helper()
	c, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return bare{t: t, http: c, host: cfg.Host}
}

const (
	applyPatch = "application/apply-patch+yaml"
	mergePatch = "application/merge-patch+json"
	jsonBody   = "application/json"
)

func (b bare) send(method, path, contentType string, body []byte) error {
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.host+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	if method != http.MethodDelete {
		req.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(resp.Body); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer.String())
	}
	return nil
}

// all runs do(0) … do(n-1) on so many workers and returns the wall time.
func all(t testing.TB, n, workers int, do func(i int) error) time.Duration {
	t.Helper()
	work := make(chan int)
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	started := time.Now()
	for range workers {
		wg.Go(func() {
			for i := range work {
				if err := do(i); err != nil {
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	return time.Since(started)
}

// apply sends one server-side apply.
func (b bare) apply(namespace string, o object, body []byte) error {
	path := o.api + "/namespaces/" + namespace + "/" + o.resource + "/" + o.name + "?fieldManager=limit&force=true"
	return b.send(http.MethodPatch, path, applyPatch, body)
}

// bodies are the objects of n Stacks, ready to be sent.
type bodies struct {
	objects []object
	json    [][]byte
}

func made(t testing.TB, s shape, n int, rev string) bodies {
	t.Helper()
	var out bodies
	for i := range n {
		for _, o := range s(i, rev) {
			out.objects = append(out.objects, o)
			out.json = append(out.json, must(t)(yaml.YAMLToJSON([]byte(o.yaml))))
		}
	}
	return out
}

// objectLimit applies the objects and nothing else.
func (b bare) objectLimit(t testing.TB, namespace string, made bodies) time.Duration {
	t.Helper()
	return all(t, len(made.json), 32, func(i int) error { return b.apply(namespace, made.objects[i], made.json[i]) })
}

// fairLimit is the least that any tool with one custom resource for each unit
// has to do: create n Stacks, apply their objects, write n statuses. No server
// runs meanwhile. Afterwards everything is removed again.
func (f *field) fairLimit(s shape, n int) time.Duration {
	f.b.Helper()
	namespace := f.Cluster.Namespace(f.b)
	took := f.fairLimitLeft(namespace, s, n)
	f.wipe(namespace, n)
	return took
}

// fairLimitLeft is fairLimit that leaves everything there.
func (f *field) fairLimitLeft(namespace string, s shape, n int) time.Duration {
	t, b := f.b, f.bare
	t.Helper()
	stacks, statuses := make([][]byte, n), make([][]byte, n)
	for i := range n {
		s := newStack(namespace, i)
		s.APIVersion, s.Kind = "lockstep.dev/v1alpha1", "Stack"
		stacks[i] = must(t)(json.Marshal(s))
		statuses[i] = []byte(`{"status":{"observedGeneration":1,"key":"sha256:0","revision":"0000000000000000000000000000000000000000","objects":1,` +
			`"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"live","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`)
	}
	objects := made(t, s, n, "1")
	api := "/apis/lockstep.dev/v1alpha1/namespaces/" + namespace + "/stacks"
	total := all(t, n, 8, func(i int) error { return b.send(http.MethodPost, api, jsonBody, stacks[i]) })
	total += b.objectLimit(t, namespace, objects)
	total += all(t, n, 32, func(i int) error {
		return b.send(http.MethodPatch, api+"/"+app(i)+"/status", mergePatch, statuses[i])
	})
	t.Logf("limit %d × %d: %s; load %s", n, len(objects.objects)/n, total, load(t))
	return total
}

// load is the machine's, which says how much of a time to believe.
func load(t testing.TB) string {
	t.Helper()
	return strings.Join(strings.Fields(string(must(t)(os.ReadFile("/proc/loadavg"))))[:2], " ")
}

// wipe removes what a control left: nobody else would take the finalizers off.
func (f *field) wipe(namespace string, n int) {
	f.b.Helper()
	api := "/apis/lockstep.dev/v1alpha1/namespaces/" + namespace + "/stacks"
	all(f.b, n, 16, func(i int) error {
		err := f.bare.send(http.MethodPatch, api+"/"+app(i), mergePatch, []byte(`{"metadata":{"finalizers":null},"spec":{"pause":{}}}`))
		if err != nil {
			return err
		}
		return f.bare.send(http.MethodDelete, api+"/"+app(i), jsonBody, nil)
	})
	f.sweep(namespace)
	// The policy puts a finalizer back that was taken off before the deletion.
	f.Eventually("the control's stacks gone", time.Minute, func() (bool, string) {
		var l v1alpha1.StackList
		if err := f.Client.List(f.b.Context(), &l, client.InNamespace(namespace)); err != nil {
			return false, err.Error()
		}
		for _, s := range l.Items {
			_ = f.bare.send(http.MethodPatch, api+"/"+s.Name, mergePatch, []byte(`{"metadata":{"finalizers":null}}`))
		}
		return len(l.Items) == 0, fmt.Sprint(len(l.Items))
	})
}

// sweep deletes every object that a run may have left in a namespace, and waits
// until the control plane has done with it.
func (f *field) sweep(namespace string) {
	f.b.Helper()
	for _, path := range []string{"/api/v1/%s/configmaps", "/apis/apps/v1/%s/deployments", "/apis/networking.k8s.io/v1/%s/ingresses", "/api/v1/%s/services"} {
		path = fmt.Sprintf(path, "namespaces/"+namespace)
		if err := f.bare.send(http.MethodDelete, path+"?labelSelector=tier%3Dbench", jsonBody, []byte(`{"propagationPolicy":"Background"}`)); err != nil {
			f.b.Fatal(err)
		}
	}
	time.Sleep(2 * time.Second)
}

// line is a warm bare clone, as the control of a commit has it.
type line struct{ dir, head string }

func newLine(t testing.TB, url string) *line {
	t.Helper()
	dir := t.TempDir()
	git(t, "", "clone", "--quiet", "--bare", url, dir)
	return &line{dir: dir, head: git(t, dir, "rev-parse", "main")}
}

// commitLimit is the least from a push to a change that is live: one fetch,
// diff-tree, read the file, apply it, seen by a watch.
func (b bare) commitLimit(t testing.TB, namespace string, l *line, o object, seen func()) time.Duration {
	t.Helper()
	started := time.Now()
	git(t, l.dir, "fetch", "--quiet", "--no-tags", "origin", "+refs/heads/main:refs/heads/main")
	changed := strings.Fields(git(t, l.dir, "diff-tree", "-r", "--name-only", l.head, "main"))
	content := git(t, l.dir, "cat-file", "blob", "main:"+changed[len(changed)-1])
	if err := b.apply(namespace, o, must(t)(yaml.YAMLToJSON([]byte(content)))); err != nil {
		t.Fatal(err)
	}
	seen()
	took := time.Since(started)
	l.head = git(t, l.dir, "rev-parse", "main")
	return took
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(bytes.TrimSpace(out))
}

func must(t testing.TB) func([]byte, error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

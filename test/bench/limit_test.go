package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
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

// fairLimit is the least that any tool with one custom resource for each unit
// has to do: create n Stacks, apply n ConfigMaps, write n statuses. No server
// runs meanwhile.
func fairLimit(t testing.TB, b bare, namespace string, n int) time.Duration {
	t.Helper()
	stacks, objects, statuses := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	for i := range n {
		s := newStack(namespace, i)
		s.APIVersion, s.Kind = "lockstep.dev/v1alpha1", "Stack"
		stacks[i] = must(t)(json.Marshal(s))
		objects[i] = must(t)(yaml.YAMLToJSON([]byte(configMap(i, "1"))))
		statuses[i] = []byte(`{"status":{"observedGeneration":1,"key":"sha256:0","revision":"0000000000000000000000000000000000000000","objects":1,` +
			`"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"live","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`)
	}
	api := "/apis/lockstep.dev/v1alpha1/namespaces/" + namespace + "/stacks"
	total := all(t, n, 8, func(i int) error { return b.send(http.MethodPost, api, jsonBody, stacks[i]) })
	total += all(t, n, 32, func(i int) error { return b.apply(namespace, i, objects[i]) })
	total += all(t, n, 32, func(i int) error {
		return b.send(http.MethodPatch, api+"/"+app(i)+"/status", mergePatch, statuses[i])
	})
	return total
}

func (b bare) apply(namespace string, i int, body []byte) error {
	path := "/api/v1/namespaces/" + namespace + "/configmaps/" + app(i) + "?fieldManager=limit&force=true"
	return b.send(http.MethodPatch, path, applyPatch, body)
}

// objectLimit applies n ConfigMaps at one revision and nothing else.
func objectLimit(t testing.TB, b bare, namespace string, n int, rev string) time.Duration {
	t.Helper()
	objects := make([][]byte, n)
	for i := range n {
		objects[i] = must(t)(yaml.YAMLToJSON([]byte(configMap(i, rev))))
	}
	return all(t, n, 32, func(i int) error { return b.apply(namespace, i, objects[i]) })
}

// commitLimit is the least from a poke to a change that is live: one fetch into a
// warm bare clone, diff-tree, read the file, apply it.
func commitLimit(t testing.TB, b bare, namespace string, repo *httpserver.Repo, url string, i int, rev string) time.Duration {
	t.Helper()
	clone := t.TempDir()
	git(t, "", "clone", "--quiet", "--bare", url, clone)
	before := git(t, clone, "rev-parse", "main")
	if _, err := repo.Change("main", "one path", map[string]string{"apps/" + app(i) + "/configmap.yaml": configMap(i, rev)}); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	git(t, clone, "fetch", "--quiet", "--no-tags", "origin", "+refs/heads/main:refs/heads/main")
	changed := git(t, clone, "diff-tree", "-r", "--name-only", before, "main")
	content := git(t, clone, "cat-file", "blob", "main:"+changed)
	body := must(t)(yaml.YAMLToJSON([]byte(content)))
	if err := b.apply(namespace, i, body); err != nil {
		t.Fatal(err)
	}
	return time.Since(started)
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

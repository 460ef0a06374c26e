// Package observe looks at a running Lockstep the way those do who watch it: with
// a collector of traces, a real Prometheus, and a reader of logs and events.
package observe

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/world"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// within is how long anything may take here.
const within = 30 * time.Second

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: %q}\n", name, value)
}

func stackOf(w *world.World, name, source string) *v1alpha1.Stack {
	return &v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: source, Path: name}},
	}
}

// reason waits until s is at reason.
func reason(w *world.World, s *v1alpha1.Stack, want string) {
	w.T.Helper()
	w.Eventually(s.Name+" is "+want, within, func() (bool, string) {
		if err := w.Client.Get(w.T.Context(), client.ObjectKeyFromObject(s), s); err != nil {
			return false, err.Error()
		}
		c := readyOf(s)
		return c.Reason == want && s.Status.ObservedGeneration == s.Generation, c.Reason + ": " + c.Message
	})
}

func readyOf(s *v1alpha1.Stack) metav1.Condition {
	for _, c := range s.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c
		}
	}
	return metav1.Condition{}
}

func secret(w *world.World, name string, data map[string]string) {
	w.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name}, StringData: data})
}

// push announces a push to a Source, as GitHub does.
func push(w *world.World, server *world.Server, source, token string) int {
	w.T.Helper()
	body := []byte(`{"ref": "refs/heads/main", "repository": {"clone_url": "https://git.example/app.git"}}`)
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write(body)
	req, err := http.NewRequest(http.MethodPost, "http://"+server.Addr+"/hooks/"+w.Namespace+"/"+source, bytes.NewReader(body))
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.T.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func get(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", url, resp.Status, body)
	}
	return string(body)
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func commit(t testing.TB, repo *httpserver.Repo, files map[string]string) string {
	t.Helper()
	hash, err := repo.Change("main", "a change", files)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func patch(w *world.World, o client.Object, body string) {
	w.T.Helper()
	if err := w.Client.Patch(w.T.Context(), o, client.RawPatch("application/merge-patch+json", []byte(body))); err != nil {
		w.T.Fatal(err)
	}
}

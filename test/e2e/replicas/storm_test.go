package replicas

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// TestWebhookStorm delivers one push a thousand times, to two replicas in turn. The
// commit is live at once, and the Git server is asked a few times.
func TestWebhookStorm(t *testing.T) {
	const deliveries, secret = 1000, "s3cret"
	s := newScene(t, 4)
	a, b := s.serve("a", t.TempDir()), s.serve("b", t.TempDir())
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "hook"},
		StringData: map[string]string{"token": secret},
	})
	s.source.Spec.Webhook = &v1alpha1.Webhook{SecretRef: v1alpha1.KeyRef{Name: "hook"}}
	s.create()
	s.live("one", 30*time.Second)

	body := `{"ref":"refs/heads/main","before":"","after":"","repository":{"clone_url":"` + s.source.Spec.Git.URL + `"}}`
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	signature := fmt.Sprintf("sha256=%x", mac.Sum(nil))
	deliver := func(addr string) (int, time.Duration) {
		req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/hooks/"+s.Namespace+"/fleet", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-GitHub-Event", "push")
		req.Header.Set("X-Hub-Signature-256", signature)
		start := time.Now()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode, time.Since(start)
	}
	for _, addr := range []string{a.Addr, b.Addr} {
		s.Eventually("the hook's secret is known", 10*time.Second, func() (bool, string) {
			code, _ := deliver(addr)
			return code == http.StatusAccepted, fmt.Sprint(code)
		})
	}
	time.Sleep(3 * time.Second) // what those caused is over

	fetches := func() float64 {
		return a.Metric("lockstep_source_fetch_duration_seconds_count") + b.Metric("lockstep_source_fetch_duration_seconds_count")
	}
	before := fetches()
	files := map[string]string{}
	for i := range s.n {
		files[path(i)] = s.manifest(i, "two")
	}
	s.commit(files)
	var refused, slowest atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for w := range 20 {
		wg.Go(func() {
			for i := range deliveries / 20 {
				code, took := deliver([]string{a.Addr, b.Addr}[(w+i)%2])
				if code != http.StatusAccepted {
					refused.Add(1)
				}
				for old := slowest.Load(); int64(took) > old && !slowest.CompareAndSwap(old, int64(took)); old = slowest.Load() {
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	s.live("two", 5*time.Second)
	time.Sleep(2500 * time.Millisecond)
	n := fetches() - before
	t.Logf("%d deliveries in %s, the slowest answer after %s: %v fetches by two replicas", deliveries, took, time.Duration(slowest.Load()), n)
	if refused.Load() > 0 {
		t.Errorf("%d deliveries were refused", refused.Load())
	}
	// Each replica: two at once, one a second while it lasts, one after; and the one
	// that keeps the Source one for what the other passed on.
	if limit := 2*(3+took.Seconds()) + 3; n > limit {
		t.Errorf("%v fetches, want at most %v", n, limit)
	}
}

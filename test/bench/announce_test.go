package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

const hookToken = "of-the-benchmarks"

// announcedSource creates the fleet's Source, whose pushes are announced as a Git
// host does it.
func (x *fleet) announcedSource() *v1alpha1.Source {
	x.b.Helper()
	x.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: x.Namespace, Name: "hook"}, StringData: map[string]string{"token": hookToken}})
	src := &v1alpha1.Source{
		ObjectMeta: metav1.ObjectMeta{Namespace: x.Namespace, Name: "bench"},
		Spec: v1alpha1.SourceSpec{
			Interval: metav1.Duration{Duration: time.Hour},
			Git:      &v1alpha1.GitSource{URL: x.url, Ref: &v1alpha1.GitRef{Branch: "main"}},
			Webhook:  &v1alpha1.Webhook{SecretRef: v1alpha1.KeyRef{Name: "hook"}},
		},
	}
	x.Create(src)
	return src
}

// announce sends the announcement of a push and returns when it was sent. No more
// than one in a second is sent: those that come faster are gathered.
func (x *fleet) announce() time.Time {
	x.b.Helper()
	time.Sleep(time.Until(x.announced.Add(1100 * time.Millisecond)))
	body, _ := json.Marshal(map[string]string{"url": x.url, "ref": "refs/heads/main"})
	mac := hmac.New(sha256.New, []byte(hookToken))
	mac.Write(body)
	req, err := http.NewRequestWithContext(x.b.Context(), http.MethodPost, "http://"+x.server.Addr+"/hooks/"+x.Namespace+"/bench", bytes.NewReader(body))
	if err != nil {
		x.b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	x.announced = time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		x.b.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		x.b.Fatalf("the announcement was answered with %s", resp.Status)
	}
	return x.announced
}

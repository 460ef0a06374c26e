package driver_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestRefusals checks what a person reads when the API says no.
func TestRefusals(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)

	t.Run("MissingNamespace", func(t *testing.T) {
		o := p.object(t, settings)
		o.Tree["metadata"].(map[string]any)["namespace"] = p.namespace + "-not"
		x.refused(x.apply(lockstep.Create, o), fault.KindNotFound, p.namespace+"-not", "createNamespace", "apps/shop.yaml:7")
	})
	t.Run("UnknownField", func(t *testing.T) {
		o := p.object(t, web)
		o.Tree["spec"].(map[string]any)["replica"] = int64(2)
		x.refused(x.apply(lockstep.Create, o), fault.KindInvalid, "spec.replica", "apps/shop.yaml:7")
	})
	t.Run("WrongType", func(t *testing.T) {
		o := p.object(t, web)
		o.Tree["spec"].(map[string]any)["replicas"] = "two"
		x.refused(x.apply(lockstep.Create, o), fault.KindInvalid, "replicas")
	})
	t.Run("InvalidValue", func(t *testing.T) {
		o := p.object(t, web)
		o.Tree["spec"].(map[string]any)["replicas"] = int64(-2)
		x.refused(x.apply(lockstep.Create, o), fault.KindInvalid, "spec.replicas: ", "greater than or equal to 0")
	})
	t.Run("UnknownKind", func(t *testing.T) {
		o := p.object(t, "apiVersion: nobody.example/v1\nkind: Nothing\nmetadata: {name: x, namespace: NS}")
		x.refused(x.apply(lockstep.Create, o), fault.KindNotFound, "Nothing.nobody.example", "CustomResourceDefinition")
	})
	t.Run("RetiredVersion", func(t *testing.T) {
		o := p.object(t, web)
		o.Tree["apiVersion"] = "apps/v1beta1"
		x.refused(x.apply(lockstep.Create, o), fault.KindNotFound, "apps/v1beta1", "apps/v1")
	})
	t.Run("Question", func(t *testing.T) {
		o := p.object(t, "apiVersion: authorization.k8s.io/v1\nkind: SelfSubjectAccessReview\nmetadata: {name: x}")
		_, err := x.Observe(t.Context(), driver.Query{Unit: x.unit, Desired: []lockstep.Object{o}})
		if !errors.Is(err, fault.KindInvalid) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ForbiddenIdentity", func(t *testing.T) {
		p.serviceAccount(t, "deployer")
		as := driver.Actor{Unit: x.unit, ServiceAccount: "deployer", ServiceAccountNamespace: p.namespace}
		x.refused(x.send(as, stepFor(lockstep.Create, p.object(t, settings))), fault.KindDenied,
			"service account "+p.namespace+"/deployer", "patch configmaps", p.namespace, "kubectl auth can-i")
	})
	t.Run("Admission", func(t *testing.T) {
		p.denyBig(t)
		o := p.object(t, web)
		spec(o)["replicas"] = int64(77)
		x.refused(x.untilRefused(o), fault.KindInvalid, "no more than 50", "deny-big")
	})
	t.Run("AdmissionForbids", func(t *testing.T) {
		o := p.object(t, web)
		spec(o)["replicas"] = int64(13)
		x.refused(x.apply(lockstep.Create, o), fault.KindDenied, "thirteen is unlucky", "admission check")
	})
	t.Run("BrokenWebhook", func(t *testing.T) {
		p.breakAdmission(t)
		x.refused(x.untilRefused(p.object(t, settings)), fault.KindUnavailable, "broken.shop.example", "apps/shop.yaml:7")
	})
	t.Run("SecretIsNotQuoted", func(t *testing.T) {
		o := p.object(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: NS}\ndata: {password: 4711}")
		out := x.apply(lockstep.Create, o)
		x.refused(out, fault.KindInvalid, "Secret")
		f := fault.As(out.Err)
		if text := fmt.Sprint(f, f.Unwrap()); strings.Contains(text, "4711") {
			t.Errorf("the fault or its cause, which is logged, shows a value: %s", text)
		}
	})
}

// untilRefused applies again and again: a new policy or webhook takes effect
// after some seconds.
func (x *target) untilRefused(o lockstep.Object) lockstep.Outcome {
	x.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		out := x.apply(lockstep.Create, o)
		if out.Result == lockstep.Failed || time.Now().After(deadline) {
			return out
		}
		x.apply(lockstep.Delete, o)
	}
}

func (p place) serviceAccount(t *testing.T, name string) {
	t.Helper()
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := p.Client(t).CoreV1().ServiceAccounts(p.namespace).Create(t.Context(), sa, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestForbiddenWatch names the permission that is missing.
func TestForbiddenWatch(t *testing.T) {
	p := newPlace(t)
	p.serviceAccount(t, "blind")
	x := connect(t, p, func(o *kubernetes.Options) {
		o.Config.Impersonate.UserName = "system:serviceaccount:" + p.namespace + ":blind"
	})
	_, err := x.Observe(t.Context(), driver.Query{Unit: x.unit, Desired: []lockstep.Object{p.object(t, settings)}})
	x.refused(lockstep.Outcome{Result: lockstep.Failed, Err: err}, fault.KindDenied, "list configmaps")
}

// TestNamespaces watches only where the credential reaches.
func TestNamespaces(t *testing.T) {
	p := newPlace(t)
	p.serviceAccount(t, "local")
	p.allow(t, "local")
	x := connect(t, p, func(o *kubernetes.Options) {
		o.Config.Impersonate.UserName = "system:serviceaccount:" + p.namespace + ":local"
		o.Namespaces = []string{p.namespace}
	})
	o := p.object(t, settings)
	x.observe(o)
	x.must(lockstep.Create, o)
	p.Edit(t, o.Key(), func(tree map[string]any) { tree["data"].(map[string]any)["a"] = "9" })
	eventually(t, "drift", func() bool { return len(x.live(o).Drift) == 1 })

	far := p.object(t, settings)
	far.Tree["metadata"].(map[string]any)["namespace"] = "default"
	_, err := x.Observe(t.Context(), driver.Query{Unit: x.unit, Desired: []lockstep.Object{far}})
	x.refused(lockstep.Outcome{Result: lockstep.Failed, Err: err}, fault.KindDenied, `"default"`)
}

// TestOutage cuts the line to the API: what is asked meanwhile fails with the
// address in it, and afterwards everything goes on by itself.
func TestOutage(t *testing.T) {
	p := newPlace(t)
	line := newLine(t, p.Config(t).Host)
	x := connect(t, p, func(o *kubernetes.Options) {
		o.Config.Host = "https://" + line.addr()
		o.Config.ServerName = "localhost"
	})
	o := p.object(t, settings)
	x.must(lockstep.Create, o)

	line.cut()
	x.refused(x.apply(lockstep.Update, o), fault.KindUnavailable, line.addr())
	eventually(t, "Observe to say that it is blind", func() bool {
		_, err := x.Observe(t.Context(), driver.Query{Unit: x.unit, Desired: []lockstep.Object{o}})
		return errors.Is(err, fault.KindUnavailable)
	})
	p.Edit(t, o.Key(), func(tree map[string]any) { tree["data"].(map[string]any)["a"] = "9" })

	line.mend(t)
	want := []lockstep.FieldChange{{Path: "data.a", From: `"9"`, To: `"1"`, Manager: "somebody", Operation: "Update"}}
	eventually(t, "the drift of the outage, with its culprit", func() bool {
		// Without the desired objects, as a pass asks that has nothing to render.
		live, err := x.Observe(t.Context(), driver.Query{Unit: x.unit})
		return err == nil && len(live.Objects) == 1 && slices.Equal(live.Objects[0].Drift, want)
	})
	if x.heard(o.Key()) == 0 {
		t.Error("nobody was told")
	}
	x.must(lockstep.Update, o)
}

// line is a TCP connection to the API that can be cut.
type line struct {
	to   string
	mu   sync.Mutex
	l    net.Listener
	open map[net.Conn]bool
}

func newLine(t *testing.T, host string) *line {
	t.Helper()
	u, err := url.Parse(host)
	if err != nil {
		t.Fatal(err)
	}
	n := &line{to: u.Host, open: map[net.Conn]bool{}}
	n.listen(t, "127.0.0.1:0")
	t.Cleanup(n.cut)
	return n
}

func (n *line) addr() string { return n.l.Addr().String() }

func (n *line) listen(t *testing.T, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	n.l = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go n.join(c)
		}
	}()
}

func (n *line) join(c net.Conn) {
	d, err := net.Dial("tcp", n.to)
	if err != nil {
		c.Close()
		return
	}
	n.mu.Lock()
	n.open[c], n.open[d] = true, true
	n.mu.Unlock()
	go func() { _, _ = io.Copy(d, c); d.Close() }()
	_, _ = io.Copy(c, d)
	c.Close()
}

func (n *line) cut() {
	n.l.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		c.Close()
	}
	n.open = map[net.Conn]bool{}
}

func (n *line) mend(t *testing.T) { n.listen(t, n.addr()) }

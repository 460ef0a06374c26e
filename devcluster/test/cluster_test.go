package test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// TestCluster asks one cluster everything that does not need a restart.
func TestCluster(t *testing.T) {
	dir := t.TempDir()
	c := up(t, dir, "--nodes", "2")
	client := c.client(t)

	t.Run("ReportsItsVersion", func(t *testing.T) {
		got, err := client.Discovery().ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if got.GitVersion != "v1.36.3" || got.Major != "1" || got.Minor != "36" {
			t.Errorf("server version is %s (%s.%s), want v1.36.3 (1.36)", got.GitVersion, got.Major, got.Minor)
		}
	})
	t.Run("IsUsableOnceReady", func(t *testing.T) {
		if _, err := client.CoreV1().ServiceAccounts("default").Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
		if _, err := client.RbacV1().ClusterRoles().Get(t.Context(), "cluster-admin", metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("HasReadyNodes", func(t *testing.T) {
		eventually(t, func(ctx context.Context) string { return unreadyNodes(ctx, client, 2) })
	})
	t.Run("Workloads", func(t *testing.T) { testWorkloads(t, client) })
	t.Run("Failures", func(t *testing.T) { testFailures(t, client) })
	t.Run("UsersObeyRBAC", func(t *testing.T) {
		path := run(t, "user", "--dir", dir, "team/anna", "--group", "readers", "--group", "painters")
		anna := clientOf(t, configOf(t, path))
		mustBeForbidden(t, anna, "default")
		bind(t, client, rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: "painters"})
		mustBeAllowed(t, anna, "default")
		mustBeForbidden(t, anna, "kube-system")
	})
	t.Run("ServiceAccountsObeyRBAC", func(t *testing.T) {
		bot := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "bot"}}
		if _, err := client.CoreV1().ServiceAccounts("default").Create(t.Context(), bot, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		config := rest.AnonymousClientConfig(configOf(t, c.config))
		config.BearerToken = run(t, "token", "--dir", dir, "default/bot")
		robot := clientOf(t, config)
		mustBeForbidden(t, robot, "default")
		bind(t, client, rbacv1.Subject{Kind: "ServiceAccount", Namespace: "default", Name: "bot"})
		mustBeAllowed(t, robot, "default")
		mustBeForbidden(t, robot, "kube-system")
	})
	t.Run("NobodySeesOnlyHealth", func(t *testing.T) {
		server := configOf(t, c.config).Host
		for path, want := range map[string]int{"/readyz": 200, "/livez": 200, "/version": 401, "/api/v1/namespaces": 401} {
			if got := statusOf(t, server+path); got != want {
				t.Errorf("GET %s without credentials: %d, want %d", path, got, want)
			}
		}
	})
	t.Run("SecondUpIsRefused", func(t *testing.T) {
		_, stderr, err := try("up", "--dir", dir)
		if err == nil {
			t.Fatal("a second up in the same directory started")
		}
		if want := fmt.Sprintf("pid %d", c.cmd.Process.Pid); !strings.Contains(stderr, want) {
			t.Errorf("the refusal does not name %q: %s", want, stderr)
		}
		if _, _, err := try("wipe", "--dir", dir); err == nil {
			t.Error("wipe took the data of a running cluster")
		}
	})
	t.Run("CountsRequests", func(t *testing.T) {
		text, err := client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "apiserver_request_total{") {
			t.Error("/metrics has no apiserver_request_total")
		}
	})
	t.Run("Status", func(t *testing.T) {
		out := run(t, "status", "--dir", dir)
		for _, want := range []string{"ready", dir, fmt.Sprint(c.cmd.Process.Pid)} {
			if !strings.Contains(out, want) {
				t.Errorf("status does not say %q:\n%s", want, out)
			}
		}
		t.Log("\n" + out)
	})
	// Clients that watch must not hold up a stop.
	watch, err := client.CoreV1().Pods("").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	c.stop(t)
	if out := run(t, "status", "--dir", dir); !strings.Contains(out, "stopped") {
		t.Errorf("status of a stopped cluster:\n%s", out)
	}
}

func unreadyNodes(ctx context.Context, client kubernetes.Interface, want int) string {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	ready := 0
	for _, node := range nodes.Items {
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	if ready != want || len(nodes.Items) != want {
		return fmt.Sprintf("%d of %d nodes are ready, want %d", ready, len(nodes.Items), want)
	}
	return ""
}

// bind lets the subject view the namespace default.
func bind(t *testing.T, admin kubernetes.Interface, who rbacv1.Subject) {
	t.Helper()
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "view-"},
		Subjects:   []rbacv1.Subject{who},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
	}
	if _, err := admin.RbacV1().RoleBindings("default").Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func mustBeForbidden(t *testing.T, client kubernetes.Interface, namespace string) {
	t.Helper()
	_, err := client.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("listing config maps of %s should be forbidden (403), got: %v", namespace, err)
	}
}

func mustBeAllowed(t *testing.T, client kubernetes.Interface, namespace string) {
	t.Helper()
	// The authorizer reads bindings from a watch, so a new one takes a moment.
	eventually(t, func(ctx context.Context) string {
		if _, err := client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{}); err != nil {
			return err.Error()
		}
		return ""
	})
}

func statusOf(t *testing.T, url string) int {
	t.Helper()
	// The certificate is the cluster's own; who answers is not the question here.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

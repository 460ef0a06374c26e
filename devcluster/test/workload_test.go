package test

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

//go:embed testdata/workloads.yaml
var workloads string

func testWorkloads(t *testing.T, client kubernetes.Interface) {
	create(t, client, workloads)
	const ns = "default"
	eventually(t, func(ctx context.Context) string {
		d, err := client.AppsV1().Deployments(ns).Get(ctx, "web", metav1.GetOptions{})
		return short("ready replicas of deployment web", 3, d.Status.ReadyReplicas, err)
	})
	eventually(t, func(ctx context.Context) string {
		d, err := client.AppsV1().DaemonSets(ns).Get(ctx, "agent", metav1.GetOptions{})
		return short("ready pods of daemon set agent", 2, d.Status.NumberReady, err)
	})
	eventually(t, func(ctx context.Context) string {
		s, err := client.AppsV1().StatefulSets(ns).Get(ctx, "db", metav1.GetOptions{})
		return short("ready replicas of stateful set db, which needs volumes", 2, s.Status.ReadyReplicas, err)
	})
	eventually(t, func(ctx context.Context) string {
		j, err := client.BatchV1().Jobs(ns).Get(ctx, "migrate", metav1.GetOptions{})
		return short("completions of job migrate", 1, j.Status.Succeeded, err)
	})
	eventually(t, func(ctx context.Context) string {
		s, err := client.CoreV1().Services(ns).Get(ctx, "web", metav1.GetOptions{})
		return short("addresses of load balancer web", 1, int32(len(s.Status.LoadBalancer.Ingress)), err)
	})

	// Claims of a stateful set outlive it; deleting one must free its volume.
	if err := client.AppsV1().StatefulSets(ns).Delete(t.Context(), "db", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().PersistentVolumeClaims(ns).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) string {
		v, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
		return short("volumes left", 0, int32(len(v.Items)), err)
	})
}

//go:embed testdata/failures.yaml
var failures string

func testFailures(t *testing.T, client kubernetes.Interface) {
	create(t, client, failures)
	for pod, want := range map[string]string{
		"crash":  "CrashLoopBackOff",
		"pull":   "ImagePullBackOff",
		"broken": "ImagePullBackOff",
	} {
		eventually(t, func(ctx context.Context) string {
			p, err := client.CoreV1().Pods("default").Get(ctx, pod, metav1.GetOptions{})
			if err != nil {
				return err.Error()
			}
			if len(p.Status.ContainerStatuses) == 0 || p.Status.ContainerStatuses[0].State.Waiting == nil {
				return fmt.Sprintf("pod %s is %s, want it to wait with %s", pod, p.Status.Phase, want)
			}
			if got := p.Status.ContainerStatuses[0].State.Waiting.Reason; got != want {
				return fmt.Sprintf("pod %s waits with %s, want %s", pod, got, want)
			}
			return ""
		})
	}
	eventually(t, func(ctx context.Context) string {
		j, err := client.BatchV1().Jobs("default").Get(ctx, "fails", metav1.GetOptions{})
		return short("failed pods of job fails", 1, j.Status.Failed, err)
	})
}

// short says what is missing, or nothing.
func short(what string, want, got int32, err error) string {
	if err != nil {
		return err.Error()
	}
	if got != want {
		return fmt.Sprintf("%s: %d, want %d", what, got, want)
	}
	return ""
}

// create makes the objects of a YAML stream, of the kinds used here.
func create(t *testing.T, client kubernetes.Interface, text string) {
	t.Helper()
	for doc := range strings.SplitSeq(text, "\n---\n") {
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(doc), &meta); err != nil {
			t.Fatal(err)
		}
		var err error
		o, ctx := metav1.CreateOptions{}, t.Context()
		switch meta.Kind {
		case "Deployment":
			_, err = client.AppsV1().Deployments("default").Create(ctx, decode[appsv1.Deployment](t, doc), o)
		case "DaemonSet":
			_, err = client.AppsV1().DaemonSets("default").Create(ctx, decode[appsv1.DaemonSet](t, doc), o)
		case "StatefulSet":
			_, err = client.AppsV1().StatefulSets("default").Create(ctx, decode[appsv1.StatefulSet](t, doc), o)
		case "Job":
			_, err = client.BatchV1().Jobs("default").Create(ctx, decode[batchv1.Job](t, doc), o)
		case "Service":
			_, err = client.CoreV1().Services("default").Create(ctx, decode[corev1.Service](t, doc), o)
		case "Pod":
			_, err = client.CoreV1().Pods("default").Create(ctx, decode[corev1.Pod](t, doc), o)
		default:
			t.Fatalf("create does not know kind %q", meta.Kind)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func decode[T any, P interface {
	*T
	runtime.Object
}](t *testing.T, doc string) P {
	t.Helper()
	object := P(new(T))
	if err := yaml.UnmarshalStrict([]byte(doc), object); err != nil {
		t.Fatal(err)
	}
	return object
}

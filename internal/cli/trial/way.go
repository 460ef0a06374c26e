package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// way is how tests are asked for: of a server, or by the kubeconfig.
type way interface {
	api.Kinds
	// Ask asks for the tests, and returns what the run that answers has as its request.
	Ask(ctx context.Context, s *v1alpha1.Stack) (string, error)
	// Log returns the last lines of a test's pods. That they cannot be read is no fault
	// of the test, so it returns none then.
	Log(ctx context.Context, s *v1alpha1.Stack, h v1alpha1.RunHook, lines int64) string
}

func wayOf(e *env.Env) (way, error) {
	g, err := e.Gateway()
	if err != nil {
		return nil, err
	}
	if g != nil {
		return served{g}, nil
	}
	c, err := e.Client()
	if err != nil {
		return nil, err
	}
	return direct{c, e}, nil
}

// logTime bounds the look for a log.
const logTime = 10 * time.Second

type served struct{ *gateway.Client }

func (s served) Ask(ctx context.Context, of *v1alpha1.Stack) (string, error) {
	return s.Test(ctx, stack.UnitOf(of))
}

func (s served) Log(ctx context.Context, of *v1alpha1.Stack, h v1alpha1.RunHook, lines int64) string {
	ctx, stop := context.WithTimeout(ctx, logTime)
	defer stop()
	id := lockstep.Key{Group: h.Group, Kind: h.Kind, Namespace: h.Namespace, Name: h.Name}.String()
	var pods []string
	text := map[string][]string{}
	err := s.Follow(ctx, "lines", func(data []byte) error {
		var batch []client.LogLine
		if err := json.Unmarshal(data, &batch); err != nil {
			return err
		}
		for _, l := range batch {
			if l.Note {
				continue
			}
			if !slices.Contains(pods, l.Pod) {
				pods = append(pods, l.Pod)
			}
			text[l.Pod] = append(text[l.Pod], l.Text)
		}
		return nil
	})(s.API().StreamLogs(ctx, of.Namespace, of.Name, &client.StreamLogsParams{Object: &id, Tail: &lines, Follow: new(false)}))
	if err != nil {
		return ""
	}
	var out []string
	for _, p := range pods {
		out = append(out, fmt.Sprintf("%s: %s", p, strings.Join(text[p], "\n")))
	}
	return strings.Join(out, "\n")
}

type direct struct {
	*api.Client
	e *env.Env
}

func (d direct) Ask(ctx context.Context, s *v1alpha1.Stack) (string, error) {
	at := d.e.Now().UTC().Format(time.RFC3339Nano)
	return at, d.Annotate(ctx, s, map[string]string{v1alpha1.AnnotationTestAt: at})
}

// Log reads where the kubeconfig reaches: the cluster that holds the stack.
func (d direct) Log(ctx context.Context, s *v1alpha1.Stack, h v1alpha1.RunHook, lines int64) string {
	if !stack.TargetOf(s).IsLocal() {
		return ""
	}
	cfg, err := d.e.Config()
	if err != nil {
		return ""
	}
	api, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return ""
	}
	ctx, stop := context.WithTimeout(ctx, logTime)
	defer stop()
	pods := api.CoreV1().Pods(h.Namespace)
	names := []string{h.Name}
	if h.Kind == "Job" {
		list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + h.Name})
		if err != nil {
			return ""
		}
		names = nil
		for _, p := range list.Items {
			names = append(names, p.Name)
		}
	}
	var out []string
	for _, name := range names {
		text, err := pods.GetLogs(name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(ctx)
		if err == nil && len(text) > 0 {
			out = append(out, fmt.Sprintf("%s: %s", name, strings.TrimRight(string(text), "\n")))
		}
	}
	return strings.Join(out, "\n")
}

package kin

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type m = map[string]any

func member(kind, name string, tree m) Member {
	k, err := lockstep.ParseKey(kind + "/s/" + name)
	if err != nil {
		panic(err)
	}
	return Member{Key: k, Tree: tree}
}

func workloadNamed(name string, spec m) Member {
	return member("Deployment.apps", name, m{"spec": m{"template": m{"metadata": m{"labels": m{"app": name}}, "spec": spec}}})
}

func TestCards(t *testing.T) {
	service := member("Service", "web", m{"spec": m{"selector": m{"app": "web"}}})
	ingress := member("Ingress.networking.k8s.io", "web", m{"spec": m{"rules": []any{m{"http": m{"paths": []any{m{"backend": m{"service": m{"name": "web"}}}}}}}}})
	uses := m{"volumes": []any{m{"configMap": m{"name": "shared"}}}}
	cases := map[string]struct {
		why  string
		in   []Member
		want map[string]string
	}{
		"Serves": {why: "A Service is on the card of whose pods it selects, and what points at it follows.",
			in:   []Member{ingress, service, workloadNamed("web", nil)},
			want: map[string]string{"web": "web", "Service web": "web", "Ingress web": "web"}},
		"Shared": {why: "What two workloads use is on neither's card.",
			in:   []Member{workloadNamed("a", uses), workloadNamed("b", uses), member("ConfigMap", "shared", nil)},
			want: map[string]string{"a": "a", "b": "b"}},
		"Scales": {why: "An autoscaler names what it scales.",
			in:   []Member{workloadNamed("web", nil), member("HorizontalPodAutoscaler.autoscaling", "x", m{"spec": m{"scaleTargetRef": m{"kind": "Deployment", "name": "web"}}})},
			want: map[string]string{"web": "web", "HorizontalPodAutoscaler x": "web"}},
		"Odd": {why: "What is not as it should be belongs nowhere and breaks nothing.",
			in:   []Member{member("Deployment.apps", "odd", m{"spec": m{"template": "no", "selector": 3}}), member("Service", "odd", m{"spec": []any{"x"}})},
			want: map[string]string{"odd": "odd"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for k, card := range Cards(tc.in) {
				name := k.Name
				if k.Kind != "Deployment" {
					name = k.Kind + " " + k.Name
				}
				got[name] = card.Name
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

package order

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// object makes one from "Kind.group/name".
func object(s string) lockstep.Object {
	kindGroup, name, _ := strings.Cut(s, "/")
	kind, group, _ := strings.Cut(kindGroup, ".")
	version := "v1"
	if group != "" {
		version = group + "/v1"
	}
	return lockstep.Object{Tree: map[string]any{"apiVersion": version, "kind": kind, "metadata": map[string]any{"name": name}}}
}

func TestStages(t *testing.T) {
	cases := map[string]struct {
		why  string
		in   []string
		want [][]string
	}{
		"NamespaceFirst": {
			why:  "Nothing can be applied into a namespace that does not exist yet.",
			in:   []string{"Deployment.apps/api", "Namespace/web", "ConfigMap/a"},
			want: [][]string{{"Namespace/web"}, {"ConfigMap/a"}, {"Deployment.apps/api"}},
		},
		"DefinitionBeforeItsObjects": {
			why:  "A custom resource is refused until its kind is served.",
			in:   []string{"Widget.example.com/w", "CustomResourceDefinition.apiextensions.k8s.io/widgets"},
			want: [][]string{{"CustomResourceDefinition.apiextensions.k8s.io/widgets"}, {"Widget.example.com/w"}},
		},
		"WebhooksLast": {
			why: "A webhook whose pods do not run yet refuses every write after it.",
			in: []string{"ValidatingWebhookConfiguration.admissionregistration.k8s.io/v", "APIService.apiregistration.k8s.io/a",
				"MutatingAdmissionPolicyBinding.admissionregistration.k8s.io/m", "Deployment.apps/api", "Service/api"},
			want: [][]string{{"Service/api"}, {"Deployment.apps/api"}, {
				"MutatingAdmissionPolicyBinding.admissionregistration.k8s.io/m",
				"ValidatingWebhookConfiguration.admissionregistration.k8s.io/v", "APIService.apiregistration.k8s.io/a"}},
		},
		"SameKindOfAnotherGroup": {
			why:  "Knative's Service is a workload, whatever its name.",
			in:   []string{"Service.serving.knative.dev/a", "Namespace.example.com/x", "Service/a"},
			want: [][]string{{"Service/a"}, {"Namespace.example.com/x", "Service.serving.knative.dev/a"}},
		},
		"OneStage": {
			why:  "Objects that need nothing wait for nothing.",
			in:   []string{"Deployment.apps/b", "Job.batch/a", "Deployment.apps/a"},
			want: [][]string{{"Deployment.apps/a", "Deployment.apps/b", "Job.batch/a"}},
		},
		"Nothing": {why: "No object, no stage."},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var in []lockstep.Object
			for _, s := range tc.in {
				in = append(in, object(s))
			}
			for range 5 {
				rand.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
				var got [][]string
				var keys []lockstep.Key
				for _, stage := range Stages(in) {
					var names []string
					for _, o := range stage {
						names = append(names, o.Key().String())
						keys = append(keys, o.Key())
					}
					got = append(got, names)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Fatalf("%s\nStages (-want +got):\n%s", tc.why, diff)
				}
				checkReverse(t, tc.want, Deletions(keys))
			}
		})
	}
}

func checkReverse(t *testing.T, want [][]string, got [][]lockstep.Key) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d stages to delete, want %d", len(got), len(want))
	}
	for i, stage := range got {
		var names []string
		for _, k := range stage {
			names = append(names, k.String())
		}
		if diff := cmp.Diff(want[len(want)-1-i], names); diff != "" {
			t.Errorf("deleting is the reverse of applying (-want +got):\n%s", diff)
		}
	}
}

func TestStageNames(t *testing.T) {
	for s, want := range map[string]string{
		"Namespace/a": "namespaces", "CustomResourceDefinition.apiextensions.k8s.io/a": "definitions", "Secret/a": "foundation",
		"ClusterRole.rbac.authorization.k8s.io/a": "foundation", "Pod/a": "workloads", "Any.thing/a": "workloads",
		"ValidatingAdmissionPolicy.admissionregistration.k8s.io/a": "admission",
	} {
		if rank, got := Stage(object(s)); got != want || Name(rank) != got {
			t.Errorf("Stage(%s) = %d %q, want %q", s, rank, got, want)
		}
	}
}

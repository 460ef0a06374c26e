// Package api_test asks a real API server about the rules of the kinds: only it
// knows whether one compiles, costs too much, and is understood.
package api_test

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// install creates the definitions. The API server refuses one whose rules do not
// compile or may cost too much.
func install(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	client, err := apiextensions.NewForConfig(c.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(deploy.CRDs, "crds/*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("found %v, %v; want three definitions", files, err)
	}
	for _, file := range files {
		raw, err := fs.ReadFile(deploy.CRDs, file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(raw, crd); err != nil {
			t.Fatal(err)
		}
		if _, err := client.CustomResourceDefinitions().Create(t.Context(), crd, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		await(t, client, crd.Name)
	}
}

func await(t *testing.T, client apiextensions.ApiextensionsV1Interface, name string) {
	t.Helper()
	for range 300 {
		crd, err := client.CustomResourceDefinitions().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range crd.Status.Conditions {
			if c.Type == apiextensionsv1.NonStructuralSchema && c.Status == apiextensionsv1.ConditionTrue {
				t.Fatalf("%s: %s", name, c.Message)
			}
			if c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s was not established", name)
}

// try creates an object as a dry run and returns what the API has against it.
func try(t *testing.T, client dynamic.Interface, namespace, kind, spec string) []string {
	t.Helper()
	o := &unstructured.Unstructured{}
	text := "apiVersion: lockstep.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: x, namespace: " + namespace + "}\nspec: " + spec + "\n"
	if err := yaml.UnmarshalStrict([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	at := schema.GroupVersionResource{Group: "lockstep.dev", Version: "v1alpha1", Resource: strings.ToLower(kind) + "s"}
	_, err := client.Resource(at).Namespace(namespace).Create(t.Context(), o, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
	// A definition is established a moment before its kind is served.
	for n := 0; apierrors.IsNotFound(err) && n < 250; n++ {
		time.Sleep(20 * time.Millisecond)
		_, err = client.Resource(at).Namespace(namespace).Create(t.Context(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	}
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range status.Status().Details.Causes {
		out = append(out, c.Field+": "+said(c.Message))
	}
	slices.Sort(out)
	return out
}

// said is a message without the value that it begins with where that is a
// string; other values are not repeated.
func said(message string) string {
	text := strings.TrimPrefix(message, "Invalid value: ")
	if quoted, err := strconv.QuotedPrefix(text); err == nil {
		text = strings.TrimPrefix(text[len(quoted):], ": ")
	}
	return text
}

func TestRules(t *testing.T) {
	c := cluster.Start(t)
	install(t, c)
	namespace := c.Namespace(t)
	client, err := dynamic.NewForConfig(c.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	const source, stack, target = "Source", "Stack", "Target"
	cases := map[string]struct {
		why  string
		kind string
		spec string
		want []string
	}{
		"SourceMinimal": {
			why:  "An address is enough.",
			kind: source, spec: "{git: {url: https://git.example/a.git}}",
		},
		"SourceOfEveryForm": {
			why:  "The scp form is no URL and is what forges show.",
			kind: source, spec: "{git: {url: 'git@git.example:org/a.git', ref: {semver: '>=1'}, secretRef: {name: x}}}",
		},
		"SourceOfNothing": {
			why:  "There is only git so far, and the message must say that it is missing.",
			kind: source, spec: "{}",
			want: []string{"spec: say where to pull from: spec.git is missing"},
		},
		"SourceTooOften": {
			why:  "A second is a denial of service.",
			kind: source, spec: "{interval: 1s, timeout: 2h, git: {url: https://git.example/a.git}}",
			want: []string{"spec.interval: interval must be between 5s and 24h", "spec.timeout: timeout must be between 1s and 1h"},
		},
		"SourceAddress": {
			why:  "git:// has neither encryption nor authentication.",
			kind: source, spec: "{git: {url: 'git://git.example/a.git'}}",
			want: []string{"spec.git.url: url must be https://…, http://…, ssh://… or user@host:path"},
		},
		"SourceOption": {
			why:  "A host that begins with a dash is an option of ssh.",
			kind: source, spec: "{git: {url: '-oProxyCommand=x@h:p'}}",
			want: []string{"spec.git.url: url must be https://…, http://…, ssh://… or user@host:path"},
		},
		"SourcePlainPassword": {
			why:  "Everybody on the way could read it.",
			kind: source, spec: "{git: {url: 'http://git.example/a.git', secretRef: {name: x}}}",
			want: []string{"spec.git: credentials are not sent over plain http; use https or ssh"},
		},
		"SourceLocalPassword": {
			why:  "On one machine there is no way to listen on.",
			kind: source, spec: "{git: {url: 'http://127.0.0.1:3000/a.git', secretRef: {name: x}}}",
		},
		"SourceTwoRefs": {
			why:  "Which of them counts would be a guess.",
			kind: source, spec: "{git: {url: https://git.example/a.git, ref: {branch: main, tag: v1}}}",
			want: []string{"spec.git.ref: set exactly one of branch, tag, semver, name and commit"},
		},
		"SourceRefs": {
			why:  "Each field says what it wants.",
			kind: source, spec: "{git: {url: https://git.example/a.git, ref: {branch: '--upload-pack=x'}}}",
			want: []string{"spec.git.ref.branch: branch is not a valid Git branch name"},
		},
		"SourceShortCommit": {
			why:  "A short hash may become ambiguous.",
			kind: source, spec: "{git: {url: https://git.example/a.git, ref: {commit: 1a2b3c4}}}",
			want: []string{"spec.git.ref.commit: commit must be a full hash of 40 or 64 lower-case hex digits"},
		},
		"SourceRefName": {
			why:  "main is a branch, not a full name.",
			kind: source, spec: "{git: {url: https://git.example/a.git, ref: {name: main}}}",
			want: []string{"spec.git.ref.name: name must be a full ref such as refs/pull/7/head"},
		},
		"StackMinimal": {
			why:  "Everything else has a default.",
			kind: stack, spec: "{source: {name: platform}}",
		},
		"StackFull": {
			why:  "The longest that people write stays within the budget.",
			kind: stack, spec: `{source: {name: team-a/platform, path: apps/shop, revision: "0123456789012345678901234567890123456789"},
  target: {name: fleet/prod-eu, namespace: shop, createNamespace: true}, kustomize: {images: [{name: a, newTag: b}], patches: [{patch: x, target: {kind: Deployment}}]},
  dependsOn: [{name: a}, {name: b/c}], interval: 1h, sync: {mode: manual, immutable: replace, deletion: wait, timeout: 1h, retryMax: 1m},
  ignoreDifferences: [{jsonPointers: [/spec/replicas]}, {managers: [hpa]}]}`,
		},
		"StackTwoRenderers": {
			why:  "One directory is rendered one way.",
			kind: stack, spec: "{source: {name: a}, helm: {}, kustomize: {}}",
			want: []string{"spec: set at most one of directory, kustomize, helm and terraform"},
		},
		"StackOutside": {
			why:  "It never gets as far as the tree.",
			kind: stack, spec: "{source: {name: a, path: ../../etc}}",
			want: []string{"spec.source.path: path must stay inside the source: '..' is not allowed"},
		},
		"StackNames": {
			why:  "Names of others have one form everywhere.",
			kind: stack, spec: "{source: {name: a/b/c, revision: HEAD}, target: {name: A, namespace: a.b}, dependsOn: [{name: _}]}",
			want: []string{
				"spec.dependsOn[0].name: dependsOn.name must be NAME or NAMESPACE/NAME",
				"spec.source.name: source.name must be NAME or NAMESPACE/NAME",
				"spec.source.revision: revision must be a full hash of 40 or 64 lower-case hex digits",
				"spec.target.name: target.name must be NAME or NAMESPACE/NAME",
				"spec.target.namespace: target.namespace must be a valid namespace name",
			},
		},
		"StackTimes": {
			why:  "Each says its bounds.",
			kind: stack, spec: "{source: {name: a}, interval: 1s, sync: {timeout: 1s, retryMax: 25h}}",
			want: []string{
				"spec.interval: interval must be between 10s and 168h",
				"spec.sync.retryMax: retryMax must be between 1s and 24h",
				"spec.sync.timeout: timeout must be between 10s and 24h",
			},
		},
		"StackHalfRules": {
			why:  "A rule that ignores nothing, an image that changes nothing, a chart from nowhere.",
			kind: stack, spec: "{source: {name: a}, ignoreDifferences: [{kind: Deployment}], kustomize: {images: [{name: a}]}}",
			want: []string{
				"spec.ignoreDifferences[0]: set jsonPointers, jqPaths or managers",
				"spec.kustomize.images[0]: an image needs newName, newTag or digest",
			},
		},
		"StackChart": {
			why:  "An alias of somebody's machine is no address.",
			kind: stack, spec: "{source: {name: a}, helm: {chart: {repo: '@bitnami', name: redis}}}",
			want: []string{"spec.helm.chart.repo: chart.repo must be https://…, http://… or oci://…"},
		},
		"TargetOfEveryForm": {
			why:  "A kubeconfig has its own address.",
			kind: target, spec: "{kubernetes: {kubeconfigSecretRef: {name: a}}}",
		},
		"TargetToken": {
			why:  "A token does not.",
			kind: target, spec: "{kubernetes: {server: 'https://h:6443', token: {secretRef: {name: a}}}}",
		},
		"TargetOfNothing": {
			why:  "Nothing is assumed about where changes go.",
			kind: target, spec: "{}",
			want: []string{"spec: say what the target is: spec.kubernetes is missing"},
		},
		"TargetTwoWays": {
			why:  "Which credential counts would be a guess.",
			kind: target, spec: "{kubernetes: {inCluster: true, kubeconfigSecretRef: {name: a}}}",
			want: []string{"spec.kubernetes: set exactly one of inCluster, kubeconfigSecretRef, token and exec"},
		},
		"TargetInClusterFalse": {
			why:  "False is as good as not there.",
			kind: target, spec: "{kubernetes: {inCluster: false}}",
			want: []string{"spec.kubernetes: set exactly one of inCluster, kubeconfigSecretRef, token and exec"},
		},
		"TargetWithoutServer": {
			why:  "A token alone leads nowhere.",
			kind: target, spec: "{kubernetes: {token: {secretRef: {name: a}}}}",
			want: []string{"spec.kubernetes: server goes with token or exec, and is needed there"},
		},
		"TargetPlain": {
			why:  "A token is not sent in the clear.",
			kind: target, spec: "{kubernetes: {server: 'http://h', exec: {command: aws}}}",
			want: []string{"spec.kubernetes.server: server must start with https://"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := try(t, client, namespace, tc.kind, tc.spec)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nmessages (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

package drift_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
)

// prepare makes what cases need beside their own object: a kind with every sort
// of list and two versions, and policies that change what is applied.
func prepare(t *testing.T, w *world) {
	w.create(t, widgets, "")
	for doc := range strings.SplitSeq(policies, "\n---\n") {
		w.create(t, doc, "")
	}
	d := discovery.NewDiscoveryClientForConfigOrDie(w.cluster.Config(t))
	probe := w.cluster.Namespace(t)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := d.ServerResourcesForGroupVersion("drift.example/v2")
		if err == nil && policyWorks(t, w, probe) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the API does not serve the kind or the policies: %v", err)
		}
	}
	if m, ok := w.mapper.(interface{ Reset() }); ok {
		m.Reset()
	}
}

func policyWorks(t *testing.T, w *world, ns string) bool {
	tree := parse(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: probe, labels: {mutate: \"yes\"}}\ndata: {image: web}")
	c := w.on(t, tree, ns)
	_ = c.Delete(t.Context(), "probe", metav1.DeleteOptions{})
	u, err := c.Create(t.Context(), &unstructured.Unstructured{Object: tree}, metav1.CreateOptions{})
	if err != nil {
		return false
	}
	image, _, _ := unstructured.NestedString(u.Object, "data", "image")
	return image == "mirror/web"
}

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.drift.example}
spec:
  group: drift.example
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
  - &v1
    name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              replicas: {type: integer}
              size: {type: string}
              memory: {x-kubernetes-int-or-string: true}
              port: {x-kubernetes-int-or-string: true}
              timeout: {type: string}
              note: {type: string, nullable: true}
              color: {type: string, default: blue}
              set: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              atomic: {type: array, x-kubernetes-list-type: atomic, items: {type: string}}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string}
                    count: {type: integer}
                    mode: {type: string, default: fast}
              options: {type: object, additionalProperties: {type: string}}
              nested: {type: object, properties: {deep: {type: object, properties: {value: {type: string}}}}}
              whole: {type: object, x-kubernetes-map-type: atomic, additionalProperties: {type: string}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
  - {<<: *v1, name: v2, storage: false}
`

const policies = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: drift-mirror}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    objectSelector: {matchLabels: {mutate: "yes"}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
  matchConditions: [{name: plain, expression: "has(object.data) && 'image' in object.data && !object.data.image.startsWith('mirror/')"}]
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: |
        [JSONPatch{op: "replace", path: "/data/image", value: "mirror/" + object.data.image},
         JSONPatch{op: "add", path: "/data/injected", value: "by policy"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: drift-mirror}
spec: {policyName: drift-mirror}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: drift-sidecar}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    objectSelector: {matchLabels: {sidecar: "yes"}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  matchConditions: [{name: lacking, expression: "!object.spec.template.spec.containers.exists(c, c.name == 'proxy')"}]
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: |
        [JSONPatch{op: "add", path: "/spec/template/spec/containers/-", value: Object.spec.template.spec.containers{name: "proxy", image: "proxy:1"}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: drift-sidecar}
spec: {policyName: drift-sidecar}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: drift-strip}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    objectSelector: {matchLabels: {strip: "yes"}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
  matchConditions: [{name: there, expression: "has(object.data) && 'forbidden' in object.data"}]
  mutations:
  - patchType: JSONPatch
    jsonPatch: {expression: '[JSONPatch{op: "remove", path: "/data/forbidden"}]'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: drift-strip}
spec: {policyName: drift-strip}
`

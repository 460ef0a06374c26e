package health

import (
	"testing"

	"sigs.k8s.io/yaml"
)

// TestOnHold: what the spec says of suspension counts before the status has
// seen the generation that says it.
func TestOnHold(t *testing.T) {
	cases := map[string]struct{ why, object, want string }{
		"Flux": {
			why:    "Its controllers return before they write a status.",
			object: "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {generation: 2}\nspec: {suspend: true}\nstatus: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}",
			want:   "Suspended: is suspended",
		},
		"FluxResumed": {
			why:    "Taken back, the status has to catch up as ever.",
			object: "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {generation: 3}\nspec: {suspend: false}\nstatus: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}",
			want:   "Progressing: its controller has not seen the newest change yet",
		},
		"Paused": {
			why:    "The other word for it.",
			object: "apiVersion: cluster.x-k8s.io/v1beta2\nkind: MachineDeployment\nmetadata: {generation: 2}\nspec: {paused: true}\nstatus: {observedGeneration: 1}",
			want:   "Suspended: is paused",
		},
		"Unknown": {
			why:    "A kind without rules is suspended by the same field.",
			object: "apiVersion: example.com/v1\nkind: Widget\nmetadata: {generation: 2}\nspec: {suspend: true}\nstatus: {observedGeneration: 1}",
			want:   "Suspended: is suspended",
		},
		"NotSuspended": {
			why:    "Rules that do not call it Suspended leave it to the generation.",
			object: "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {generation: 2}\nspec: {paused: true}\nstatus: {observedGeneration: 1}",
			want:   "Progressing: its controller has not seen the newest change yet",
		},
		"Native": {
			why:    "The controllers of Kubernetes note the generation, and kstatus waits for it.",
			object: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 2}\nspec: {paused: true}\nstatus: {observedGeneration: 1}",
			want:   "Progressing: its controller has not seen the newest change yet",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var object map[string]any
			if err := yaml.Unmarshal([]byte(tc.object), &object); err != nil {
				t.Fatal(err)
			}
			h := Of(object)
			if got := h.Status.String() + ": " + h.Message; got != tc.want {
				t.Errorf("got %s, want %s: %s", got, tc.want, tc.why)
			}
		})
	}
}

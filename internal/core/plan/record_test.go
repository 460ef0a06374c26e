package plan

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestJSON holds the names that scripts, the API and the history rely on.
func TestJSON(t *testing.T) {
	p, err := Make(Facts{
		Unit: shop, Key: key, Target: lockstep.TargetRef{Namespace: "payments", Name: "prod"},
		Revision: lockstep.Revision{Commit: "4f1c2aa", Ref: "refs/heads/main", Subject: "more", Author: "Ana <a@example>"},
		Desired:  objects("ConfigMap/web/a a=2", "Deployment.apps/web/api @lockstep.dev/replace=true"),
		Live: live(applied("ConfigMap/web/a a=1"), applied("ConfigMap/web/old"),
			applied("ConfigMap/web/kept", annotated("lockstep.dev/prune", "disabled"))),
		Policy: Policy{Prune: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Digest = "sha256:…"
	for _, s := range p.Stages {
		for i := range s.Steps {
			if s.Steps[i].Digest != "" {
				s.Steps[i].Digest = "sha256-…"
			}
		}
	}
	got, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "unit": "payments/shop",
 "target": "payments/prod",
 "revision": {
  "commit": "4f1c2aa",
  "ref": "refs/heads/main",
  "subject": "more",
  "author": "Ana \u003ca@example\u003e"
 },
 "digest": "sha256:…",
 "summary": {
  "create": 1,
  "update": 1,
  "replace": 0,
  "delete": 1,
  "unchanged": 0
 },
 "stages": [
  {
   "name": "foundation",
   "steps": [
    {
     "verb": "update",
     "object": {
      "kind": "ConfigMap",
      "namespace": "web",
      "name": "a"
     },
     "reason": "1 field changes in Git",
     "changes": [
      {
       "path": "data.a",
       "from": "\"1\"",
       "to": "\"2\""
      }
     ],
     "file": "web/all.yaml",
     "line": 3,
     "digest": "sha256-…",
     "uid": "uid-a"
    }
   ]
  },
  {
   "name": "workloads",
   "steps": [
    {
     "verb": "create",
     "object": {
      "group": "apps",
      "kind": "Deployment",
      "namespace": "web",
      "name": "api"
     },
     "reason": "is not there yet",
     "file": "web/all.yaml",
     "line": 3,
     "digest": "sha256-…",
     "replace": true
    }
   ]
  },
  {
   "name": "prune foundation",
   "steps": [
    {
     "verb": "delete",
     "object": {
      "kind": "ConfigMap",
      "namespace": "web",
      "name": "old"
     },
     "reason": "is gone from Git",
     "uid": "uid-old"
    }
   ]
  }
 ],
 "notes": [
  {
   "object": {
    "kind": "ConfigMap",
    "namespace": "web",
    "name": "kept"
   },
   "text": "is gone from Git, kept: annotation lockstep.dev/prune is disabled"
  }
 ]
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON form (-want +got):\n%s", diff)
	}
}

// TestDetail: losses come first whatever the order of carrying out, and long
// lists of fields are cut with a count.
func TestDetail(t *testing.T) {
	p, err := Make(Facts{
		Unit: shop, Key: key, Policy: Policy{Prune: true},
		Desired: objects("ConfigMap/web/new", "Secret/web/changed a=2 b=2 c=2 d=2"),
		Live:    live(applied("ConfigMap/web/gone"), applied("Secret/web/changed a=1 b=1 c=1 d=2")),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []LineKind{"delete", "update", FieldLine, FieldLine, "create", SummaryLine}
	var got []LineKind
	for _, l := range Lines(p, Detail{MaxFields: 1}) {
		got = append(got, l.Kind)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds of line (-want +got):\n%s", diff)
	}
	if got := Lines(p, Detail{MaxFields: 1})[3].String(); got != "      and 2 more fields" {
		t.Errorf("the cut says %q", got)
	}
	if got := len(Lines(p, Detail{MaxFields: -1})); got != 4 {
		t.Errorf("%d lines without fields, want 4", got)
	}
}

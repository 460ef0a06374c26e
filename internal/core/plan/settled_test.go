package plan

import (
	"testing"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestSettled(t *testing.T) {
	unit := lockstep.Unit{Namespace: "web", Name: "shop"}
	key := lockstep.Key{Kind: "ConfigMap", Namespace: "web", Name: "settings"}
	wants := []Want{{Key: key, Digest: "sha256:1"}}
	right := lockstep.LiveObject{Key: key, Unit: unit, Managed: true, Digest: "sha256:1"}
	tests := map[string]struct {
		why  string
		live func(o *lockstep.LiveObject)
		want bool
	}{
		"as applied":  {"nothing to do", func(*lockstep.LiveObject) {}, true},
		"another's":   {"it may not be ours", func(o *lockstep.LiveObject) { o.Unit.Name = "other" }, false},
		"not applied": {"a copied mark proves nothing", func(o *lockstep.LiveObject) { o.Managed = false }, false},
		"older":       {"Git has changed it", func(o *lockstep.LiveObject) { o.Digest = "sha256:0" }, false},
		"drifted": {"somebody changed it", func(o *lockstep.LiveObject) {
			o.Drift = []lockstep.FieldChange{{Path: "data.key", From: `"2"`, To: `"1"`}}
		}, false},
		"unproven":    {"no drift was found because nobody looked", func(o *lockstep.LiveObject) { o.Unproven = true }, false},
		"terminating": {"it will be gone", func(o *lockstep.LiveObject) { o.Terminating = true }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := right
			tt.live(&o)
			if got := Settled(wants, lockstep.Live{Objects: []lockstep.LiveObject{o}}, unit); got != tt.want {
				t.Errorf("got %v, want %v: %s", got, tt.want, tt.why)
			}
		})
	}
}

package plan

import (
	"fmt"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// The annotations by which an object, or a field of it, is kept from us. Each
// counts on the object in Git and on the live one, where a person sets it in an
// emergency.
const (
	guardReconcile = "lockstep.dev/reconcile"
	guardDrift     = "lockstep.dev/drift"
	guardFields    = "lockstep.dev/ignore-fields"
)

// aloneIf are the annotations that take an object out of our hands: nothing is
// applied to it, nothing is undone, and it is not pruned.
var aloneIf = []struct{ name, value string }{
	{guardReconcile, "disabled"},
	{"kustomize.toolkit.fluxcd.io/reconcile", "disabled"},
	{"kustomize.toolkit.fluxcd.io/ssa", "ignore"},
}

// driftIf are the annotations that decide what becomes of drift of one object.
var driftIf = []struct {
	name, value string
	mode        DriftMode
}{
	{guardDrift, "ignore", DriftOff},
	{guardDrift, "report", DriftReport},
	{"helm.toolkit.fluxcd.io/driftdetection", "disabled", DriftOff},
}

// guard is what an object's annotations keep from us; "" and zero for nothing.
type guard struct {
	alone    string // why it is left entirely alone
	drift    string // why its drift is not healed
	mode     DriftMode
	pointers []string
	odd      []string // what was written and means nothing
}

// guardOf reads the annotations of what Git asks for and of what is live. What
// keeps more from us wins: the person who set it on the live object could not
// wait for Git.
func guardOf(all ...map[string]string) guard {
	var g guard
	for _, annotations := range all {
		for name, value := range annotations {
			g.read(name, strings.TrimSpace(value))
		}
	}
	return g
}

func (g *guard) read(name, value string) {
	known := name != guardReconcile && name != guardDrift
	for _, a := range aloneIf {
		if strings.EqualFold(name, a.name) && strings.EqualFold(value, a.value) {
			g.alone, known = stronger(g.alone, name+" is "+value), true
		}
	}
	for _, d := range driftIf {
		if !strings.EqualFold(name, d.name) || !strings.EqualFold(value, d.value) {
			continue
		}
		known = true
		if d.mode >= g.mode {
			g.mode, g.drift = d.mode, stronger(g.drift, name+" is "+value)
		}
	}
	if name == guardFields {
		for p := range strings.SplitSeq(value, ",") {
			if p = strings.TrimSpace(p); p != "" {
				g.pointers = append(g.pointers, p)
			}
		}
	}
	neutral := value == "" || name == guardReconcile && value == "enabled" || name == guardDrift && value == "heal"
	if !known && !neutral {
		g.odd = append(g.odd, fmt.Sprintf("annotation %s has no effect: %q is not known, %s is", name, value, meant[name]))
	}
}

var meant = map[string]string{guardReconcile: `"disabled"`, guardDrift: `"ignore" or "report"`}

// stronger picks one of two reasons, whatever the order of a map.
func stronger(a, b string) string {
	if a == "" || b < a {
		return b
	}
	return a
}

// Alone says by which annotation a live object is out of our hands; "" if by none.
func Alone(live lockstep.LiveObject) string {
	g := guardOf(live.Annotations)
	if g.alone == "" {
		return ""
	}
	return "annotation " + g.alone
}

// guard returns the guard of a desired object and what is live of it.
func (m *maker) guard(desired lockstep.Object, live lockstep.LiveObject) guard {
	return guardOf(annotationsOf(desired.Tree), live.Annotations)
}

func annotationsOf(tree map[string]any) map[string]string {
	meta, _ := tree["metadata"].(map[string]any)
	all, _ := meta["annotations"].(map[string]any)
	out := make(map[string]string, len(all))
	for k, v := range all {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

// spare widens what is ignored by what the annotation names.
func (g *guard) spare(i diff.Ignored, trees ...map[string]any) diff.Ignored {
	if len(g.pointers) == 0 {
		return i
	}
	out, bad := i.And(g.pointers, "annotation "+guardFields, trees...)
	for _, p := range bad {
		g.odd = append(g.odd, fmt.Sprintf("annotation %s has %q, which is no JSON pointer: write /spec/replicas", guardFields, p))
	}
	return out
}

// leaveAlone is for an object that is out of our hands.
func (m *maker) leaveAlone(k lockstep.Key, g guard) {
	m.unchanged++
	m.alone = append(m.alone, k)
	m.notes = append(m.notes, Note{Key: k, Text: "is left alone: annotation " + g.alone})
}

func (m *maker) remark(k lockstep.Key, g guard) {
	for _, text := range g.odd {
		m.notes = append(m.notes, Note{Key: k, Text: text})
	}
}

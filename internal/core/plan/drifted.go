package plan

import (
	"slices"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// DriftMode says what becomes of drift.
type DriftMode uint8

// The modes, by how much they leave to others.
const (
	DriftHeal   DriftMode = iota // undone
	DriftReport                  // shown and left until Git changes the object
	DriftOff                     // not even shown
)

// Drifted is an object whose live fields differ from what we applied, and that
// is left so. One change with an empty path is the object itself: it is gone.
type Drifted struct {
	Key     lockstep.Key
	Changes []lockstep.FieldChange
	// State says why it is left, and Why where that is asked for.
	State lockstep.DriftState
	Why   string
}

// Gone is the drift of an object that somebody deleted.
var Gone = []lockstep.FieldChange{{Operation: "Delete"}}

// verdict is what is decided about an object's drift.
type verdict struct {
	heal   []lockstep.FieldChange // to be undone
	quiet  bool                   // ours in value, not in ownership: taken back
	report []Drifted
	spared []Drifted
}

// judge sorts the drift of one object.
func (m *maker) judge(k lockstep.Key, drift []lockstep.FieldChange, ignored diff.Ignored, g guard) verdict {
	var v verdict
	mode, why := m.Policy.Drift, "spec.sync.drift is report"
	if g.mode > mode {
		mode, why = g.mode, "annotation "+g.drift
	}
	var left []lockstep.FieldChange
	for _, c := range drift {
		from, ignore := ignored.Why(c)
		switch {
		case ignore && c.From != c.To:
			v.spared = spare(v.spared, Drifted{Key: k, State: lockstep.DriftIgnored, Why: from}, c)
		case ignore:
		case c.From == c.To && c.Operation != "Delete":
			v.quiet = v.quiet || mode == DriftHeal
		case mode == DriftHeal:
			v.heal = append(v.heal, c)
		default:
			left = append(left, c)
		}
	}
	if len(left) == 0 {
		return v
	}
	d := Drifted{Key: k, Changes: left, State: lockstep.DriftReported, Why: why}
	switch {
	case mode == DriftReport:
		v.report = append(v.report, d)
	case g.mode == DriftOff && m.Policy.Drift != DriftOff:
		d.State = lockstep.DriftProtected
		v.spared = append(v.spared, d)
	}
	return v
}

// spare adds a change to the entry with the same reason.
func spare(all []Drifted, d Drifted, c lockstep.FieldChange) []Drifted {
	i := slices.IndexFunc(all, func(x Drifted) bool { return x.Why == d.Why })
	if i < 0 {
		all, i = append(all, d), len(all)
	}
	all[i].Changes = append(all[i].Changes, c)
	return all
}

// missing decides about an object that was there and is gone: what somebody
// deletes is drift, too. It returns false where there is nothing to do.
func (m *maker) missing(k lockstep.Key, g guard) (heals, create bool) {
	if !m.Carried {
		return false, true
	}
	v := m.judge(k, Gone, diff.Ignored{}, g)
	if len(v.heal) > 0 {
		return true, true
	}
	m.unchanged++
	m.drifted = append(m.drifted, v.report...)
	m.spared = append(m.spared, v.spared...)
	return false, false
}

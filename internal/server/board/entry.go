package board

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/filter"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
)

// entry is a row with what it is found and sorted by.
type entry struct {
	unit    lockstep.Unit
	row     StackRow
	text    string
	labels  map[string]string
	created time.Time
	worst   int // lower is worse
	state   byte
	needs   []stack.Need // Stacks that come first
}

// maxText is how long a sentence of a row may be: more is on the page of the Stack.
const maxText = 160

func entryOf(s *v1alpha1.Stack) *entry {
	st := standing.Of(s)
	r := StackRow{
		Namespace: s.Namespace, Name: s.Name,
		Health: string(st.Health), Step: string(st.Step), Attention: string(st.Attention),
		Reason: st.Reason, Message: cut(st.Message), Flow: FlowOf(st.Flow),
		Source: stack.SourceOf(s).String(), Path: s.Spec.Source.Path, Target: stack.TargetOf(s).String(),
		Driver: driverOf(s), Env: first(s.Labels, "lockstep.dev/env", "env", "environment"),
		Owner:    first(s.Labels, "lockstep.dev/owner", "owner", "team"),
		Revision: s.Status.Revision, Release: s.Status.Release, Objects: s.Status.Objects, Changed: changed(s),
	}
	if len(s.Status.History) > 0 {
		r.Subject, r.Author = cut(s.Status.History[0].Subject), Author(s.Status.History[0].Author)
	}
	if s.Status.Drift != nil {
		r.Drifted = s.Status.Drift.Fields
	}
	e := &entry{unit: stack.UnitOf(s), row: r, needs: stack.NeedsOf(s), labels: s.Labels, created: s.CreationTimestamp.Time}
	e.text = strings.ToLower(strings.Join([]string{e.unit.String(), r.Source, r.Target, r.Subject, r.Message}, "\n"))
	e.worst = worst(st)
	e.state = byte(max(0, slices.Index(standing.Healths, st.Health))*len(standing.Steps) + max(0, slices.Index(standing.Steps, st.Step)))
	return e
}

func (e *entry) same(o *entry) bool {
	a, b := e.row, o.row
	a.Version, b.Version = 0, 0
	af, bf := a.Flow, b.Flow
	a.Flow, b.Flow = Flow{}, Flow{}
	return a == b && af.equal(bf) && maps.Equal(e.labels, o.labels) && slices.EqualFunc(e.needs, o.needs, stack.Need.Equal)
}

func (f Flow) equal(o Flow) bool {
	return f.Verb == o.Verb && f.What == o.What && f.Every == o.Every && sameTime(f.Since, o.Since) && sameTime(f.Until, o.Until)
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// FlowOf is the wire form of a flow line.
func FlowOf(f standing.Flow) Flow {
	return Flow{Verb: string(f.Verb), What: cut(f.What), Since: Moment(f.Since), Until: Moment(f.Until), Every: int32(f.Every / time.Second)}
}

// Moment is t, or nil where there is none.
func Moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Author drops the mail address, which is nobody's business in a list.
func Author(a string) string {
	name, _, _ := strings.Cut(a, " <")
	return name
}

func driverOf(s *v1alpha1.Stack) string {
	switch {
	case s.Spec.Helm != nil:
		return "helm"
	case s.Spec.Kustomize != nil:
		return "kustomize"
	case s.Spec.Directory != nil:
		return "directory"
	case s.Spec.Terraform != nil:
		return "terraform"
	}
	return s.Status.Renderer
}

func first(labels map[string]string, keys ...string) string {
	for _, k := range keys {
		if v := labels[k]; v != "" {
			return v
		}
	}
	return ""
}

func changed(s *v1alpha1.Stack) time.Time {
	at := s.CreationTimestamp.Time
	later := func(t time.Time) {
		if t.After(at) {
			at = t
		}
	}
	for _, c := range s.Status.Conditions {
		later(c.LastTransitionTime.Time)
	}
	if len(s.Status.History) > 0 {
		later(s.Status.History[0].StartedAt.Time)
		if f := s.Status.History[0].FinishedAt; f != nil {
			later(f.Time)
		}
	}
	if s.Status.Drift != nil && s.Status.Drift.Since != nil {
		later(s.Status.Drift.Since.Time)
	}
	return at.UTC()
}

// cut shortens s at a character.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func worst(st standing.Standing) int {
	return slices.Index(standing.Attentions, st.Attention)*100 + slices.Index(standing.Steps, st.Step)*10 + slices.Index(standing.Healths, st.Health)
}

// Sorts are the orders of a list; with - in front they are turned round.
var sorts = map[string]func(a, b *entry) int{
	"worst":   func(a, b *entry) int { return cmp.Compare(a.worst, b.worst) },
	"name":    func(a, b *entry) int { return 0 },
	"changed": func(a, b *entry) int { return b.row.Changed.Compare(a.row.Changed) },
	"source":  func(a, b *entry) int { return cmp.Compare(a.row.Source, b.row.Source) },
	"target":  func(a, b *entry) int { return cmp.Compare(a.row.Target, b.row.Target) },
	"env":     func(a, b *entry) int { return cmp.Compare(a.row.Env, b.row.Env) },
	"owner":   func(a, b *entry) int { return cmp.Compare(a.row.Owner, b.row.Owner) },
	"driver":  func(a, b *entry) int { return cmp.Compare(a.row.Driver, b.row.Driver) },
	"namespace": func(a, b *entry) int {
		return cmp.Compare(a.unit.Namespace, b.unit.Namespace)
	},
}

func orderOf(key string) func(a, b *entry) int {
	name, back := strings.CutPrefix(key, "-")
	by := sorts[name]
	if by == nil {
		by = sorts["worst"]
	}
	full := func(a, b *entry) int {
		return cmp.Or(by(a, b), cmp.Compare(a.unit.Namespace, b.unit.Namespace), cmp.Compare(a.unit.Name, b.unit.Name))
	}
	if back {
		return func(a, b *entry) int { return full(b, a) }
	}
	return full
}

// Text, Field, Time, Pair and Number make an entry a filter.Subject.

func (e *entry) Text() string { return e.text }

func (e *entry) Field(name string) string {
	r := &e.row
	switch name {
	case "health":
		return filter.Plain(r.Health)
	case "step":
		return filter.Plain(r.Step)
	case "is":
		return filter.Plain(r.Attention)
	case "name":
		return r.Name
	case "namespace":
		return r.Namespace
	}
	return strings.ToLower(r.column(name))
}

func (e *entry) Time(name string) time.Time {
	if name == "created" {
		return e.created
	}
	return e.row.Changed
}

func (e *entry) Pair(_, key string) (string, bool) {
	v, ok := e.labels[key]
	return strings.ToLower(v), ok
}

func (e *entry) Number(name string) int64 {
	switch name {
	case "objects":
		return int64(e.row.Objects)
	case "drifted":
		return int64(e.row.Drifted)
	}
	return e.row.Release
}

func (r *StackRow) column(name string) string {
	switch name {
	case "source":
		return r.Source
	case "target":
		return r.Target
	case "driver":
		return r.Driver
	case "env":
		return r.Env
	case "owner":
		return r.Owner
	case "path":
		return r.Path
	case "author":
		return r.Author
	case "reason":
		return r.Reason
	case "revision":
		return r.Revision
	}
	return ""
}

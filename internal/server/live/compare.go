package live

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Side is one of two things that are compared: what a commit of a Stack renders to,
// or what its Target has.
type Side struct {
	Unit   lockstep.Unit
	Commit string // "" is what the Source says now
	Live   bool
}

// RevisionChange is one object that two sides have differently.
type RevisionChange struct {
	ID string `json:"id"`
	// Other is set where two Stacks have the object in two namespaces.
	Other  string       `json:"other,omitempty" doc:"id on the side of to, where another Stack has it in another namespace"`
	Change string       `json:"change" enum:"added,removed,changed"`
	Fields []FieldState `json:"fields" doc:"live is the value on the side of from, git that on the side of to"`
	Before string       `json:"before,omitempty" doc:"YAML; absent for what was added"`
	After  string       `json:"after,omitempty" doc:"YAML; absent for what was removed"`
}

// Compared is what differs between two sides, as rendered and read now.
type Compared struct {
	From    string           `json:"from" doc:"commit, or live"`
	To      string           `json:"to" doc:"commit, or live"`
	Same    int              `json:"same" doc:"objects that are the same on both sides"`
	Changes []RevisionChange `json:"changes" doc:"what was removed first, then in order of id"`
	Left    int              `json:"left" doc:"changes that are left out, beyond the bound"`
	Problem string           `json:"problem,omitempty" doc:"objects that cannot be compared with what is live, and why"`
}

// liveSide is how an answer calls what a Target has.
const liveSide = "live"

// Compare returns what differs between two sides.
func (l *Looker) Compare(ctx context.Context, from, to Side) (Compared, error) {
	switch {
	case from.Live && to.Live:
		return Compared{}, fault.Invalid("what is live is compared with itself").WithHint("give a release or a commit for one of the two")
	case (from.Live || to.Live) && from.Unit != to.Unit:
		return Compared{}, fault.Invalid("what is live of stack %s is compared with stack %s", from.Unit, to.Unit).WithHint("compare what both render to, or a stack with what is live of itself")
	case to.Live:
		out, err := l.compareLive(ctx, from)
		return out.turned(), err
	case from.Live:
		return l.compareLive(ctx, to)
	}
	a, err := l.desired(ctx, from.Unit, from.Commit)
	if err != nil {
		return Compared{}, err
	}
	b, err := l.desired(ctx, to.Unit, to.Commit)
	if err != nil {
		return Compared{}, err
	}
	out := Compared{From: a.revision.Commit, To: b.revision.Commit, Changes: []RevisionChange{}}
	d := l.digester()
	for _, p := range pairs(a.objects, b.objects) {
		c, same := p.compared(d)
		if same {
			out.Same++
			continue
		}
		out.Changes = append(out.Changes, c)
	}
	out.cut()
	return out, l.texts(&out, a, b)
}

// Released is the commit of a release that u itself remembers.
func (l *Looker) Released(ctx context.Context, u lockstep.Unit, number int64) (commit string, known bool) {
	s, err := l.stack(ctx, u)
	if err != nil {
		return "", false
	}
	for _, r := range s.Status.Releases() {
		if r.ID == number && r.Revision != "" {
			return r.Revision, true
		}
	}
	return "", false
}

func (c *Compared) cut() {
	slices.SortStableFunc(c.Changes, func(a, b RevisionChange) int {
		return cmp.Or(cmp.Compare(changeOrder(a.Change), changeOrder(b.Change)), cmp.Compare(a.ID, b.ID))
	})
	if n := len(c.Changes); n > mostDifferent {
		c.Left, c.Changes = n-mostDifferent, c.Changes[:mostDifferent]
	}
}

func changeOrder(change string) int {
	if change == "removed" {
		return 0
	}
	return 1
}

// turned is the same seen from the other side.
func (c Compared) turned() Compared {
	c.From, c.To = c.To, c.From
	other := map[string]string{"added": "removed", "removed": "added"}
	for i, x := range c.Changes {
		if o, ok := other[x.Change]; ok {
			x.Change = o
		}
		x.Before, x.After = x.After, x.Before
		for j, f := range x.Fields {
			x.Fields[j].Git, x.Fields[j].Live = f.Live, f.Git
		}
		c.Changes[i] = x
	}
	c.cut()
	return c
}

// pair is an object on both sides, or on one; the other is nil.
type pair struct{ a, b *lockstep.Object }

// pairs finds what belongs together: by key, and then, since two Stacks of one
// application rarely share a namespace, what is left by kind and name where that
// leaves no doubt.
func pairs(a, b []lockstep.Object) []pair {
	there := map[lockstep.Key]*lockstep.Object{}
	for i := range b {
		there[b[i].Key()] = &b[i]
	}
	var out, lost []pair
	for i := range a {
		k := a[i].Key()
		if o := there[k]; o != nil {
			out = append(out, pair{&a[i], o})
			delete(there, k)
			continue
		}
		lost = append(lost, pair{a: &a[i]})
	}
	found := map[lockstep.Key][]*lockstep.Object{}
	for i := range b {
		if there[b[i].Key()] != nil {
			k := placeless(b[i].Key())
			found[k] = append(found[k], &b[i])
		}
	}
	asked := map[lockstep.Key]int{}
	for _, p := range lost {
		asked[placeless(p.a.Key())]++
	}
	for _, p := range lost {
		k := placeless(p.a.Key())
		if len(found[k]) == 1 && asked[k] == 1 {
			p.b = found[k][0]
			delete(there, p.b.Key())
		}
		out = append(out, p)
	}
	for i := range b {
		if there[b[i].Key()] != nil {
			out = append(out, pair{b: &b[i]})
		}
	}
	return out
}

// placeless is a key without its namespace.
func placeless(k lockstep.Key) lockstep.Key {
	k.Namespace = ""
	return k
}

// compared is what differs between the two of a pair.
func (p pair) compared(d diff.Digester) (c RevisionChange, same bool) {
	switch {
	case p.b == nil:
		return RevisionChange{ID: p.a.Key().String(), Change: "removed", Fields: []FieldState{}}, false
	case p.a == nil:
		return RevisionChange{ID: p.b.Key().String(), Change: "added", Fields: []FieldState{}}, false
	case d.Object(*p.a) == d.Object(*p.b):
		return c, true
	}
	c = RevisionChange{ID: p.a.Key().String(), Change: "changed", Fields: []FieldState{}}
	if k := p.b.Key(); k != p.a.Key() {
		c.Other = k.String()
	}
	for _, x := range diff.Changes(p.b.Tree, p.a.Tree, d) {
		c.Fields = append(c.Fields, FieldState{Path: x.Path, Git: x.To, Live: x.From, Class: "behind"})
	}
	// That it is in another namespace is no difference: Stacks are compared for what they do.
	return c, c.Other != "" && len(c.Fields) == 0
}

// texts adds the YAML of both sides.
func (l *Looker) texts(c *Compared, a, b *Desired) error {
	total := 0
	for i := range c.Changes {
		x := &c.Changes[i]
		for _, side := range []struct {
			d    *Desired
			id   string
			into *string
		}{{a, x.ID, &x.Before}, {b, cmp.Or(x.Other, x.ID), &x.After}} {
			k, err := lockstep.ParseKey(side.id)
			if err != nil {
				return fault.Internal(err)
			}
			o, there := side.d.find(k)
			if !there || total > 4*biggest {
				continue
			}
			if *side.into, err = l.yaml(o.Tree); err != nil {
				return err
			}
			total += len(*side.into)
		}
	}
	return nil
}

// compareLive returns what applying a commit would change in what is live: live is
// the side of from. What others set and no commit asks for is no difference.
func (l *Looker) compareLive(ctx context.Context, to Side) (Compared, error) {
	d, err := l.desired(ctx, to.Unit, to.Commit)
	if err != nil {
		return Compared{}, err
	}
	s, err := l.stack(ctx, to.Unit)
	if err != nil {
		return Compared{}, err
	}
	t, err := l.target(ctx, s)
	if err != nil {
		return Compared{}, err
	}
	rules, err := stack.HealthOf(s)
	if err != nil {
		return Compared{}, err
	}
	found, err := t.Observe(ctx, driver.Query{Unit: to.Unit, Kinds: stack.KindsOf(s), Desired: d.rendered.Objects, Health: rules})
	if err != nil {
		return Compared{}, settle(err)
	}
	then := *d
	then.stack = s.DeepCopy()
	if to.Commit != "" {
		then.stack.Spec.Source.Revision = d.revision.Commit
	}
	p, problem := l.plan(&then, found)
	out := Compared{From: liveSide, To: d.revision.Commit, Changes: changesOf(comparison{plan: p}, d)}
	if problem != nil {
		out.Problem = problem.Error()
	}
	out.Same = len(d.objects)
	for _, c := range out.Changes {
		if c.Change != "removed" {
			out.Same--
		}
	}
	out.cut()
	return out, l.liveTexts(ctx, t, &out, d)
}

// changesOf turns what a plan would do into what differs from live.
func changesOf(c comparison, d *Desired) []RevisionChange {
	out := []RevisionChange{}
	all, _ := c.objects(d.stack)
	for _, x := range all {
		change := RevisionChange{ID: x.ID, Change: "changed", Fields: x.Fields}
		switch x.Verb {
		case lockstep.Create.String():
			change.Change, change.Fields = "added", []FieldState{}
		case lockstep.Delete.String(), lockstep.Orphan.String():
			change.Change, change.Fields = "removed", []FieldState{}
		}
		out = append(out, change)
	}
	return out
}

// liveTexts adds the YAML of both sides. Of what is live it has the fields that the
// commit asks for; what cannot be read goes without, as what comes after mostDated.
func (l *Looker) liveTexts(ctx context.Context, t target, c *Compared, d *Desired) error {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range c.Changes {
		x := &c.Changes[i]
		k, err := lockstep.ParseKey(x.ID)
		if err != nil {
			return fault.Internal(err)
		}
		o, there := d.find(k)
		if there {
			if x.After, err = l.yaml(o.Tree); err != nil {
				return err
			}
		}
		if x.Change == "added" || i >= mostDated {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			tree, err := t.Look(ctx, k, "")
			if err != nil || tree == nil {
				return
			}
			dated(x.Fields, tree)
			if there {
				tree, _ = askedFor(tree, diff.WithoutStringData(o).Tree).(map[string]any)
			}
			x.Before, _ = l.yaml(tree)
		})
	}
	wg.Wait()
	return nil
}

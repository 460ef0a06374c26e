package memory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// ThingsFile is what a job's directory holds for a [Planner]: a JSON object of things,
// their names with their values.
const ThingsFile = "things.json"

// Shop is what Planners work on: things that are, and the state that says which of them
// are theirs. It is safe for concurrent use.
type Shop struct {
	mu     sync.Mutex
	things map[string]string // what is
	state  map[string]string // what was applied
	secret string            // of what was applied
	serial int64
	lock   string // ID
	holder string
	runs   map[string]driver.Applied
	writes int
}

// NewShop returns an empty one.
func NewShop() *Shop {
	return &Shop{things: map[string]string{}, state: map[string]string{}, runs: map[string]driver.Applied{}}
}

// Get returns what a thing is; false if it is not.
func (s *Shop) Get(name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.things[name]
	return v, ok
}

// Edit changes a thing behind everybody's back.
func (s *Shop) Edit(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.things[name] = value
}

// Delete removes a thing behind everybody's back.
func (s *Shop) Delete(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.things, name)
}

// Lock takes the state's lock under an ID.
func (s *Shop) Lock(id, who string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lock, s.holder = id, who
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.lock == id {
			s.lock, s.holder = "", ""
		}
	}
}

// Writes counts what was applied.
func (s *Shop) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Planner is a driver.Planner for a Shop. A variable that is secret is kept beside the
// things, in one named vault, and is the sensitive output "secret".
type Planner struct{ shop *Shop }

var _ driver.Planner = (*Planner)(nil)

// PlanIn returns a Planner for s.
func PlanIn(s *Shop) *Planner { return &Planner{s} }

// sealed stands for the encrypted plan of a real tool.
type sealed struct {
	Want   map[string]string
	Secret string
	Serial int64
	Digest string
}

// Plan implements driver.Planner.
func (p *Planner) Plan(ctx context.Context, job driver.Job, intent driver.Intent, tell func(driver.Event)) (driver.Proposal, error) {
	want, secret, err := wanted(job)
	if err != nil {
		return driver.Proposal{}, err
	}
	if ctx.Err() != nil {
		return driver.Proposal{}, fault.Timeout("planning was stopped").Because(ctx.Err())
	}
	s := p.shop
	s.mu.Lock()
	defer s.mu.Unlock()
	if intent != driver.IntentDrift {
		if err := s.free(); err != nil {
			return driver.Proposal{}, err
		}
	}
	if intent == driver.IntentDestroy {
		want, secret = map[string]string{}, ""
	}
	tell(driver.Event{Phase: "plan", Moment: "done"})
	out := driver.Proposal{ToolVersion: "1", Outputs: s.outputs(), Resources: len(s.state)}
	out.Set = change.Set{Changes: []change.Change{}, State: s.ref(), Drift: s.drift()}
	if intent == driver.IntentDrift {
		out.Digest = out.Set.Digest()
		return out, nil
	}
	out.Set.Changes, out.Set.Unchanged = s.compare(want, secret)
	out.Digest = out.Set.Digest()
	body, err := json.Marshal(sealed{want, secret, s.serial, out.Digest})
	if err != nil {
		return out, fault.Internal(err)
	}
	sum := sha256.Sum256(body)
	out.Artifact = append(sum[:], scramble(body)...)
	return out, nil
}

// Apply implements driver.Planner.
func (p *Planner) Apply(ctx context.Context, job driver.Job, q driver.Proposal, tell func(driver.Event)) (driver.Applied, error) {
	s := p.shop
	s.mu.Lock()
	defer s.mu.Unlock()
	if done, ok := s.runs[job.ID]; ok {
		return done, nil
	}
	plan, err := unseal(q)
	if err != nil {
		return driver.Applied{}, err
	}
	if err := s.free(); err != nil {
		return driver.Applied{}, err
	}
	if plan.Serial != s.serial {
		return driver.Applied{}, fault.Conflict("the state has moved on since the plan was made; nothing was changed").WithHint("plan again")
	}
	if ctx.Err() != nil {
		return driver.Applied{}, fault.Timeout("carrying out the plan was stopped").Because(ctx.Err())
	}
	var out driver.Applied
	for _, c := range q.Set.Changes {
		tell(driver.Event{Phase: "apply", Address: c.Address, Action: c.Action, Moment: "start"})
		if c.Action == change.Delete {
			delete(s.things, c.Name)
		} else if c.Name != vault {
			s.things[c.Name] = plan.Want[c.Name]
		}
		tell(driver.Event{Phase: "apply", Address: c.Address, Action: c.Action, Moment: "done"})
		out.Outcomes = append(out.Outcomes, driver.ResourceOutcome{Address: c.Address, Action: c.Action, Result: lockstep.Done})
	}
	s.state, s.secret = plan.Want, plan.Secret
	if s.secret != "" {
		s.state[vault] = ""
	}
	s.serial++
	s.writes++
	out.Outputs, out.State, out.Resources = s.outputs(), s.ref(), len(s.state)
	s.runs[job.ID] = out
	return out, nil
}

// Outputs implements driver.Planner.
func (p *Planner) Outputs(context.Context, driver.Job) (map[string]driver.Output, error) {
	p.shop.mu.Lock()
	defer p.shop.mu.Unlock()
	return p.shop.outputs(), nil
}

// Unlock implements driver.Planner.
func (p *Planner) Unlock(_ context.Context, _ driver.Job, id string) error {
	p.shop.mu.Lock()
	defer p.shop.mu.Unlock()
	if p.shop.lock != id {
		return fault.Conflict("the lock has another ID than %q", id)
	}
	p.shop.lock, p.shop.holder = "", ""
	return nil
}

// Discard implements driver.Planner.
func (p *Planner) Discard(id string) error {
	p.shop.mu.Lock()
	defer p.shop.mu.Unlock()
	delete(p.shop.runs, id)
	return nil
}

// vault is the thing that has the secret.
const vault = "vault"

var digester = diff.Digester{Key: []byte("memory")}

func wanted(job driver.Job) (things map[string]string, secret string, err error) {
	file := path.Join(job.Dir, ThingsFile)
	if err := json.Unmarshal(job.Files[file], &things); err != nil {
		return nil, "", fault.Invalid("it is not a JSON object of texts").At("%s:1", file).Because(err)
	}
	for _, v := range job.Variables {
		if v.Secret {
			if err := json.Unmarshal(v.Value, &secret); err != nil {
				return nil, "", fault.Invalid("the variable %q is not a text", v.Name)
			}
		}
	}
	return things, secret, nil
}

func unseal(q driver.Proposal) (sealed, error) {
	var plan sealed
	bad := fault.Conflict("the saved plan is not the one that was made").WithHint("plan again")
	if len(q.Artifact) < sha256.Size {
		return plan, bad
	}
	body := scramble(q.Artifact[sha256.Size:])
	if sum := sha256.Sum256(body); string(sum[:]) != string(q.Artifact[:sha256.Size]) || json.Unmarshal(body, &plan) != nil {
		return plan, bad
	}
	if plan.Digest != q.Digest || q.Set.Digest() != q.Digest {
		return plan, bad
	}
	return plan, nil
}

// scramble makes a plan unreadable to the eye, as encryption would, and back.
func scramble(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = ^c
	}
	return out
}

// free says who has the lock; mu is held, as in all below.
func (s *Shop) free() error {
	if s.lock == "" {
		return nil
	}
	return fault.Conflict("the state is locked by %q", s.holder).WithHint("lockstep unlock --id %s", s.lock)
}

func (s *Shop) ref() change.StateRef { return change.StateRef{Lineage: "memory", Serial: s.serial} }

func (s *Shop) outputs() map[string]driver.Output {
	out := map[string]driver.Output{}
	if s.secret != "" {
		value, err := json.Marshal(s.secret)
		if err == nil { // a text always does
			out["secret"] = driver.Output{Value: value, Type: json.RawMessage(`"string"`), Sensitive: true}
		}
	}
	return out
}

func (s *Shop) drift() []change.Change {
	var out []change.Change
	for _, name := range slices.Sorted(maps.Keys(s.state)) {
		now, there := s.things[name]
		switch {
		case name == vault:
		case !there:
			out = append(out, thing(name, change.Delete, s.state[name], ""))
		case now != s.state[name]:
			out = append(out, thing(name, change.Update, s.state[name], now))
		}
	}
	return out
}

func (s *Shop) compare(want map[string]string, secret string) (out []change.Change, same int) {
	out = []change.Change{}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		now, there := s.things[name]
		_, ours := s.state[name]
		switch {
		case !there || !ours:
			out = append(out, thing(name, change.Create, "", want[name]))
		case now != want[name]:
			out = append(out, thing(name, change.Update, now, want[name]))
		default:
			same++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.state)) {
		if _, still := want[name]; !still && name != vault {
			out = append(out, thing(name, change.Delete, s.things[name], ""))
		}
	}
	if secret != s.secret {
		c := change.Change{Address: "thing." + vault, Type: "thing", Name: vault, Action: change.Update, Fields: []change.Field{{Path: "value", Sensitive: true, From: mask(s.secret), To: mask(secret)}}}
		if s.secret == "" {
			c.Action = change.Create
		}
		if secret == "" {
			c.Action = change.Delete
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b change.Change) int { return cmp.Compare(a.Address, b.Address) })
	return out, same
}

func mask(secret string) string {
	if secret == "" {
		return ""
	}
	return digester.Mask(secret)
}

func thing(name string, a change.Action, from, to string) change.Change {
	f := change.Field{Path: "value"}
	if a != change.Create {
		f.From = string(diff.Canonical(from))
	}
	if a != change.Delete {
		f.To = string(diff.Canonical(to))
	}
	return change.Change{Address: "thing." + name, Type: "thing", Name: name, Action: a, Fields: []change.Field{f}}
}

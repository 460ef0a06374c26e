package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	tfstate "github.com/lockstep-dev/lockstep/internal/state"
)

// KeptState is a state that Lockstep keeps. No value of it is in there.
type KeptState struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Workspace string         `json:"workspace"`
	Newest    *StateVersion  `json:"newest,omitempty" doc:"absent where there is no state (any more)"`
	Kept      int            `json:"kept" doc:"how many versions are kept"`
	Lock      *StateLock     `json:"lock,omitempty" doc:"who has the lock"`
	Versions  []StateVersion `json:"versions,omitempty" doc:"those that are kept, newest first; not in lists"`
}

// StateVersion is one version of a state.
type StateVersion struct {
	Number       int64     `json:"number" doc:"counts up from 1 for each state"`
	Serial       int64     `json:"serial" doc:"the tool's own"`
	Lineage      string    `json:"lineage,omitempty"`
	Tool         string    `json:"tool,omitempty" doc:"version of the tool that wrote it" example:"1.12.6"`
	At           time.Time `json:"at"`
	Run          string    `json:"run,omitempty" doc:"the run that wrote it"`
	Commit       string    `json:"commit,omitempty"`
	By           string    `json:"by,omitempty" doc:"the person who wrote it"`
	Reason       string    `json:"reason,omitempty"`
	RestoredFrom int64     `json:"restoredFrom,omitempty" doc:"the version whose content it is"`
	Deleted      bool      `json:"deleted,omitempty" doc:"there was no state from here on"`
	Resources    int       `json:"resources" doc:"-1 where the tool encrypts its state itself"`
	Size         int64     `json:"size" doc:"in bytes"`
}

// StateLock is who has the lock of a state.
type StateLock struct {
	ID        string    `json:"id"`
	Holder    string    `json:"holder" example:"run 17"`
	Run       string    `json:"run,omitempty"`
	Person    string    `json:"person,omitempty"`
	Over      bool      `json:"over,omitempty" doc:"its run is over: it is in nobody's way"`
	Since     time.Time `json:"since"`
	Operation string    `json:"operation,omitempty" doc:"in the tool's words"`
	Who       string    `json:"who,omitempty" doc:"in the tool's words" example:"ana@laptop"`
	Tool      string    `json:"tool,omitempty" doc:"version of the tool"`
	Info      string    `json:"info,omitempty"`
}

// StateContent is what a version knows, without a value of it.
type StateContent struct {
	Version   StateVersion    `json:"version"`
	Sealed    bool            `json:"sealed,omitempty" doc:"the tool encrypts its state itself; more is not known"`
	Resources []StateResource `json:"resources"`
	More      int             `json:"more,omitempty" doc:"resources that are left out, since there are too many"`
	Outputs   []StateOutput   `json:"outputs"`
}

// StateResource is one object that a state knows.
type StateResource struct {
	Address  string `json:"address" example:"module.db.aws_db_instance.main"`
	Type     string `json:"type"`
	Mode     string `json:"mode" doc:"managed or data"`
	Provider string `json:"provider,omitempty"`
	Deposed  string `json:"deposed,omitempty" doc:"key of an object that a replacement left behind"`
	Tainted  bool   `json:"tainted,omitempty"`
}

// StateOutput is one output of a state.
type StateOutput struct {
	Name      string `json:"name"`
	Type      string `json:"type,omitempty" doc:"in the tool's form, JSON" example:"[\"list\",\"string\"]"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// StateDifference is what one version has otherwise than another.
type StateDifference struct {
	From       StateVersion      `json:"from"`
	To         StateVersion      `json:"to"`
	Comparable bool              `json:"comparable" doc:"false where the tool encrypts its state itself"`
	Resources  []StateChange     `json:"resources" doc:"by address"`
	More       int               `json:"more,omitempty" doc:"that are left out, since there are too many"`
	Outputs    []StateOutputDiff `json:"outputs"`
	Unchanged  int               `json:"unchanged"`
}

// StateChange is one object that differs.
type StateChange struct {
	Address    string   `json:"address"`
	Type       string   `json:"type"`
	Deposed    string   `json:"deposed,omitempty"`
	How        string   `json:"how" enum:"added,removed,changed"`
	Attributes []string `json:"attributes,omitempty" doc:"names of those whose values differ"`
}

// StateOutputDiff is one output that differs.
type StateOutputDiff struct {
	Name      string `json:"name"`
	How       string `json:"how" enum:"added,removed,changed"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// RestoreWish is a version that somebody wants to be the newest again.
type RestoreWish struct {
	Version int64  `json:"version" minimum:"1" doc:"its number"`
	Reason  string `json:"reason" minLength:"1" maxLength:"1000" doc:"why, for the record"`
}

// UnlockWish is a lock that somebody wants off.
type UnlockWish struct {
	ID     string `json:"id" minLength:"1" maxLength:"200" doc:"of the lock that was looked at; another one is left alone"`
	Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"why nobody has it any more, for the record"`
}

// StatePath names a state.
type StatePath struct {
	UnitPath
	Workspace string `query:"workspace" default:"default" maxLength:"90"`
}

func (p StatePath) key() tfstate.Key { return tfstate.Of(p.unit(), p.Workspace) }

type stateVersionPath struct {
	StatePath
	Number int64 `path:"number" minimum:"1"`
}

type stateDiffInput struct {
	StatePath
	From int64 `query:"from" minimum:"0" doc:"number of a version; without it the one before to"`
	To   int64 `query:"to" minimum:"0" doc:"number of a version; without it the newest"`
}

type restoreState struct {
	StatePath
	Body RestoreWish
}

type unlockState struct {
	StatePath
	Body UnlockWish
}

// mostResources bounds what is told of one state.
const mostResources = 10_000

func registerStates(api huma.API, d *Deps) {
	const at = "/stacks/{namespace}/{name}/state"
	o := operation(http.MethodGet, "/states", "listStates", "The states that Lockstep keeps, of Stacks that you may see", 503)
	huma.Register(api, o, d.listStates)
	o = operation(http.MethodGet, at, "getState", "Versions and lock of a Stack's state", 400, 404, 503)
	o.Description = "Values of a state are in no answer of the API. Its content is at /terraform/state/{namespace}/{name}/{workspace}, for who may read-state."
	huma.Register(api, o, d.getState)
	huma.Register(api, operation(http.MethodGet, at+"/versions/{number}", "getStateVersion", "Addresses and types of what a version knows", 400, 404, 503), d.getStateVersion)
	huma.Register(api, operation(http.MethodGet, at+"/diff", "diffState", "What one version has otherwise than another, by address", 400, 404, 503), d.diffState)
	o = operation(http.MethodPost, at+"/restore", "restoreState", "Make the content of an older version the newest one", 400, 404, 409, 503)
	o.Description = "Nobody may have the lock. Nothing in the world changes: the next plan says what differs."
	huma.Register(api, o, d.restoreState)
	o = operation(http.MethodPost, at+"/unlock", "unlockState", "Take off a lock that nobody has any more", 400, 404, 409, 503)
	o.Description = "A lock whose run is over needs none of this. Whoever had it cannot write any more."
	huma.Register(api, o, d.unlockState)
}

func (d *Deps) keeper() (*tfstate.States, error) {
	if d.States == nil {
		return nil, fault.Unavailable("this server keeps no states")
	}
	return d.States, nil
}

func (d *Deps) listStates(ctx context.Context, _ *struct{}) (*struct {
	Body struct {
		Items []KeptState `json:"items"`
	}
}, error) {
	_, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	s, err := d.keeper()
	if err != nil {
		return nil, problem(err)
	}
	heads, err := s.List(ctx)
	if err != nil && len(heads) == 0 {
		return nil, problem(err)
	}
	out := &struct {
		Body struct {
			Items []KeptState `json:"items"`
		}
	}{}
	out.Body.Items = []KeptState{}
	for _, h := range heads {
		if see.Contains(h.Key().Unit) {
			out.Body.Items = append(out.Body.Items, stateKept(s, h))
		}
	}
	return out, nil
}

// looks returns the head of a state for who may see the Stack.
func (d *Deps) looks(ctx context.Context, in StatePath) (*tfstate.States, tfstate.Head, error) {
	p, err := who(ctx)
	if err != nil {
		return nil, tfstate.Head{}, err
	}
	if err := d.asks(ctx, p, access.Of(access.Get, in.unit())); err != nil {
		return nil, tfstate.Head{}, err
	}
	s, err := d.keeper()
	if err != nil {
		return nil, tfstate.Head{}, err
	}
	h, err := s.Head(ctx, in.key())
	if err == nil && len(h.Versions) == 0 && h.Lock == nil {
		err = fault.NotFound("no state of it is kept here").At("stack %s", in.key()).WithHint("lockstep state list shows those that are")
	}
	return s, h, err
}

func (d *Deps) getState(ctx context.Context, in *StatePath) (*struct{ Body KeptState }, error) {
	s, h, err := d.looks(ctx, *in)
	if err != nil {
		return nil, problem(err)
	}
	out := stateKept(s, h)
	out.Versions = []StateVersion{}
	for i := len(h.Versions) - 1; i >= 0; i-- {
		out.Versions = append(out.Versions, stateVersion(h.Versions[i]))
	}
	return &struct{ Body KeptState }{out}, nil
}

func (d *Deps) getStateVersion(ctx context.Context, in *stateVersionPath) (*struct{ Body StateContent }, error) {
	s, _, err := d.looks(ctx, in.StatePath)
	if err != nil {
		return nil, problem(err)
	}
	v, c, err := parsed(ctx, s, in.key(), in.Number)
	if err != nil {
		return nil, problem(err)
	}
	out := StateContent{Version: stateVersion(v), Sealed: c.Sealed, Resources: []StateResource{}, Outputs: []StateOutput{}}
	for i, r := range c.Resources {
		if i == mostResources {
			out.More = len(c.Resources) - i
			break
		}
		out.Resources = append(out.Resources, StateResource{Address: r.Address, Type: r.Type, Mode: r.Mode, Provider: r.Provider, Deposed: r.Deposed, Tainted: r.Tainted})
	}
	for _, o := range c.Outputs {
		out.Outputs = append(out.Outputs, StateOutput{Name: o.Name, Type: o.Type, Sensitive: o.Sensitive})
	}
	return &struct{ Body StateContent }{out}, nil
}

func parsed(ctx context.Context, s *tfstate.States, k tfstate.Key, number int64) (tfstate.Version, tfstate.Content, error) {
	v, raw, err := s.ReadVersion(ctx, k, number)
	if err != nil {
		return v, tfstate.Content{}, err
	}
	c, err := tfstate.Parse(raw)
	return v, c, err
}

func (d *Deps) diffState(ctx context.Context, in *stateDiffInput) (*struct{ Body StateDifference }, error) {
	s, h, err := d.looks(ctx, in.StatePath)
	if err != nil {
		return nil, problem(err)
	}
	from, to, err := versionsOf(h, in.From, in.To)
	if err != nil {
		return nil, problem(err)
	}
	a, before, err := parsed(ctx, s, in.key(), from)
	if err != nil {
		return nil, problem(err)
	}
	b, after, err := parsed(ctx, s, in.key(), to)
	if err != nil {
		return nil, problem(err)
	}
	x := tfstate.Compare(before, after)
	out := StateDifference{From: stateVersion(a), To: stateVersion(b), Comparable: x.Comparable, Unchanged: x.Unchanged, Resources: []StateChange{}, Outputs: []StateOutputDiff{}}
	for i, r := range x.Resources {
		if i == mostResources {
			out.More = len(x.Resources) - i
			break
		}
		out.Resources = append(out.Resources, StateChange(r))
	}
	for _, o := range x.Outputs {
		out.Outputs = append(out.Outputs, StateOutputDiff(o))
	}
	return &struct{ Body StateDifference }{out}, nil
}

// versionsOf finds the two versions to compare: the newest, and the one before it that
// there was something in.
func versionsOf(h tfstate.Head, from, to int64) (a, b int64, err error) {
	for i := len(h.Versions) - 1; i >= 0 && (from == 0 || to == 0); i-- {
		v := h.Versions[i]
		switch {
		case v.Deleted:
		case to == 0:
			to = v.Number
		case from == 0 && v.Number < to:
			from = v.Number
		}
	}
	if from == 0 || to == 0 {
		return 0, 0, fault.NotFound("there is nothing to compare with").At("stack %s", h.Key()).WithHint("name two versions: lockstep state show lists them")
	}
	return from, to, nil
}

func (d *Deps) restoreState(ctx context.Context, in *restoreState) (*struct{ Body StateVersion }, error) {
	out := &struct{ Body StateVersion }{}
	err := d.act(ctx, Act{Name: "state-restore", Verb: access.WriteState, Resource: access.Stacks, Unit: in.unit(), Reason: in.Body.Reason}, func(ctx context.Context) error {
		s, err := d.keeper()
		if err != nil {
			return err
		}
		p, err := who(ctx)
		if err != nil {
			return err
		}
		v, err := s.Restore(ctx, in.key(), in.Body.Version, tfstate.Actor{Person: p.Name}, in.Body.Reason)
		out.Body = stateVersion(v)
		return err
	})
	if err != nil {
		return nil, problem(err)
	}
	return out, nil
}

func (d *Deps) unlockState(ctx context.Context, in *unlockState) (*struct{ Body StateLock }, error) {
	out := &struct{ Body StateLock }{}
	err := d.act(ctx, Act{Name: "state-unlock", Verb: access.Unlock, Resource: access.Stacks, Unit: in.unit(), Reason: in.Body.Reason}, func(ctx context.Context) error {
		s, err := d.keeper()
		if err != nil {
			return err
		}
		was, err := s.Break(ctx, in.key(), in.Body.ID)
		if err == nil {
			out.Body = *stateLock(s, &was)
		}
		return err
	})
	if err != nil {
		return nil, problem(err)
	}
	return out, nil
}

func stateKept(s *tfstate.States, h tfstate.Head) KeptState {
	out := KeptState{Namespace: h.Namespace, Name: h.Name, Workspace: h.Workspace, Kept: len(h.Versions), Lock: stateLock(s, h.Lock)}
	if v, ok := h.Current(); ok {
		newest := stateVersion(v)
		out.Newest = &newest
	}
	return out
}

func stateVersion(v tfstate.Version) StateVersion {
	return StateVersion{
		Number: v.Number, Serial: v.Serial, Lineage: v.Lineage, Tool: v.Tool, At: v.At, Run: v.Run, Commit: v.Commit, By: v.By, Reason: v.Reason,
		RestoredFrom: v.RestoredFrom, Deleted: v.Deleted, Resources: v.Resources, Size: v.Size,
	}
}

func stateLock(s *tfstate.States, l *tfstate.Lock) *StateLock {
	if l == nil {
		return nil
	}
	return &StateLock{
		ID: l.ID, Holder: l.Holder(), Run: l.Run, Person: l.Person, Over: s.Over(*l), Since: l.Since,
		Operation: l.Operation, Who: l.Who, Tool: l.Version, Info: l.Info,
	}
}

// Package change is what a tool that plans by itself says it would do, in one form
// for all such tools: which resource, what happens to it, why, and field by field.
//
// A Set is what a person reads and approves, what risk rules judge, and what is kept
// of it. No secret is in it: whoever makes one masks sensitive values by their keyed
// digest first, so that two sets that would set different passwords still differ.
package change

import (
	"cmp"
	"slices"
)

// Action is what happens to one resource.
type Action uint8

// The actions, in the order in which people read them: what may be lost comes first.
const (
	None    Action = iota // it stays; it may have moved to another address, or be imported
	Delete                // it is destroyed
	Replace               // it is destroyed and made anew
	Update                // it is changed in place
	Create                // it is made
	Forget                // the tool stops looking after it; it stays as it is
	Read                  // a data source is read while applying
)

var actionNames = [...]string{"none", "delete", "replace", "update", "create", "forget", "read"}

// String returns the word, in lower case.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "unknown"
}

// ParseAction reads what String returns; false for another word.
func ParseAction(s string) (Action, bool) {
	i := slices.Index(actionNames[:], s)
	return Action(max(i, 0)), i >= 0
}

// MarshalText makes an Action a word in JSON.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote; an unknown word is None.
func (a *Action) UnmarshalText(b []byte) error {
	*a, _ = ParseAction(string(b))
	return nil
}

// Destroys says whether what is there now is gone afterwards.
func (a Action) Destroys() bool { return a == Delete || a == Replace }

// Set is all that carrying out one proposal would do.
type Set struct {
	// Changes are sorted by address and deposed key, and hold only what is more than
	// None: a resource that stays, moves nowhere and is not imported is not there.
	Changes []Change `json:"changes"`
	// Outputs that change, sorted by name.
	Outputs []OutputChange `json:"outputs,omitempty"`
	// Drift is what the tool found to differ from what it had left, sorted as Changes:
	// From is what it had left, To what is there now.
	Drift []Change `json:"drift,omitempty"`
	// Unchanged counts the resources that stay as they are.
	Unchanged int `json:"unchanged"`
	// Notes are what the tool said besides, errors first.
	Notes []Note `json:"notes,omitempty"`
	// Errored: the tool gave up while planning. What there is of Changes shows why;
	// it is never carried out.
	Errored bool `json:"errored,omitempty"`
	// State is the version of the state that the set was planned on.
	State StateRef `json:"state,omitzero"`
}

// StateRef names one version of a state.
type StateRef struct {
	Lineage string `json:"lineage,omitempty"`
	Serial  int64  `json:"serial,omitempty"`
}

// Change is what happens to one resource.
type Change struct {
	// Address as the tool writes it: module.db.fakecloud_database.main["eu"].
	Address string `json:"address"`
	// Previous is the address that it had before; "" if it did not move.
	Previous string `json:"previous,omitempty"`
	Module   string `json:"module,omitempty"` // module.db
	Type     string `json:"type"`             // fakecloud_database
	Name     string `json:"name"`             // main
	Provider string `json:"provider,omitempty"`
	// Deposed is the key of an object that a create-before-destroy left behind.
	Deposed string `json:"deposed,omitempty"`
	Action  Action `json:"action"`
	// CreateFirst: of a Replace, the new one is made before the old one goes.
	CreateFirst bool `json:"createFirst,omitempty"`
	// Reason is the tool's own word for why: delete_because_no_resource_config.
	Reason string `json:"reason,omitempty"`
	// Import is the ID under which an existing resource is taken over.
	Import string `json:"import,omitempty"`
	// Fields that differ, in path order.
	Fields []Field `json:"fields,omitempty"`
	// Before and After are the whole resource, sensitive values masked and unknown
	// ones absent: for rules, never shown as they are. Nil where there is none.
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
}

// Field is one value that differs. From and To are JSON text, "" where there is none;
// a sensitive value is masked.
type Field struct {
	Path      string `json:"path"` // tags.team, ingress[0].port
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
	Unknown   bool   `json:"unknown,omitempty"`   // known after apply; To is ""
	Sensitive bool   `json:"sensitive,omitempty"` // From and To are masks
	Forces    bool   `json:"forces,omitempty"`    // this is why the resource is replaced
}

// OutputChange is one output whose value changes.
type OutputChange struct {
	Name      string `json:"name"`
	Action    Action `json:"action"` // Create, Update or Delete
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
	Unknown   bool   `json:"unknown,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Note is one thing that the tool said.
type Note struct {
	Severity string `json:"severity"` // error or warning
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	Address  string `json:"address,omitempty"`
	File     string `json:"file,omitempty"` // from the root of the Source
	Line     int    `json:"line,omitempty"`
}

// Compare orders changes by address.
func Compare(a, b Change) int {
	return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Deposed, b.Deposed))
}

// Empty says whether carrying the set out would change nothing: neither a resource nor
// an output. Reading a data source is no change.
func (s Set) Empty() bool {
	return len(s.Outputs) == 0 && !slices.ContainsFunc(s.Changes, func(c Change) bool { return c.Action != Read })
}

// Destroys returns the changes that destroy something.
func (s Set) Destroys() []Change {
	var out []Change
	for _, c := range s.Changes {
		if c.Action.Destroys() {
			out = append(out, c)
		}
	}
	return out
}

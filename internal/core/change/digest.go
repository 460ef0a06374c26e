package change

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// Digest returns "sha256:<hex>" over what is done: addresses, actions, fields and
// outputs. What is merely read, the tool's sentences and the version of the state are
// left out, so that an approval outlives a plan that is made again and is the same.
func (s Set) Digest() string {
	type done struct {
		Changes []string
		Outputs []OutputChange
		Errored bool
	}
	d := done{Changes: []string{}, Outputs: slices.Clone(s.Outputs), Errored: s.Errored}
	for _, c := range s.Changes {
		if c.Action != Read {
			d.Changes = append(d.Changes, c.digest())
		}
	}
	return "sha256:" + sum(d)
}

// digest is over what is done to one resource.
func (c Change) digest() string {
	c.Reason, c.Provider, c.Before, c.After = "", "", nil, nil
	return sum(c)
}

func sum(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("change: a set does not marshal: " + err.Error())
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Growth is one thing that a set does and the approved one did not.
type Growth struct {
	// What is the address of a resource, or "output NAME".
	What string
	// Why is one sentence: "would be replaced; approved was an update".
	Why string
}

// Grew returns what s does beyond approved, in order; nil if s is within it and may go
// ahead under its approval. Doing less than was approved is within it: so is leaving
// out a change, and changing fewer fields to the same values.
func (s Set) Grew(approved Set) []Growth {
	known := map[string]Change{}
	for _, c := range approved.Changes {
		known[c.Address+"\x00"+c.Deposed] = c
	}
	var out []Growth
	if s.Errored {
		out = append(out, Growth{"the plan", "could not be finished"})
	}
	for _, c := range s.Changes {
		if c.Action == Read {
			continue
		}
		was, there := known[c.Address+"\x00"+c.Deposed]
		if why := c.beyond(was, there); why != "" {
			out = append(out, Growth{c.Address, why})
		}
	}
	outputs := map[string]OutputChange{}
	for _, o := range approved.Outputs {
		outputs[o.Name] = o
	}
	for _, o := range s.Outputs {
		if was, there := outputs[o.Name]; !there || was.To != o.To && !was.Unknown || was.Action != o.Action {
			out = append(out, Growth{"output " + o.Name, "would change otherwise than was approved"})
		}
	}
	return out
}

// beyond says what c does that was did not; "" if nothing.
func (c Change) beyond(was Change, there bool) string {
	switch {
	case !there:
		return "would be " + c.Action.passive() + "; it was not in what was approved"
	case was.Action != c.Action || was.CreateFirst != c.CreateFirst && c.Action == Replace:
		return "would be " + c.Action.passive() + "; approved was that it is " + was.Action.passive()
	case was.Previous != c.Previous || was.Import != c.Import:
		return "would be taken over from elsewhere than was approved"
	}
	known := map[string]Field{}
	for _, f := range was.Fields {
		known[f.Path] = f
	}
	var news []string
	for _, f := range c.Fields {
		// Where it was not known what would come, whatever came was approved.
		if w, there := known[f.Path]; !there || !w.Unknown && (w.To != f.To || f.Unknown) || w.From != f.From {
			news = append(news, f.Path)
		}
	}
	if len(news) == 0 {
		return ""
	}
	return "would change otherwise than was approved: " + strings.Join(news, ", ")
}

func (a Action) passive() string {
	return [...]string{"left", "destroyed", "replaced", "changed in place", "created", "forgotten", "read"}[min(a, Read)]
}

package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// The JSON form of a plan is what `plan -o json`, the HTTP API and the history
// hold. Fields are added, never renamed. No desired object is in it: it may be a
// Secret.
type record struct {
	Unit     string                 `json:"unit"`
	Target   string                 `json:"target"`
	Revision *revisionRecord        `json:"revision,omitempty"`
	Digest   string                 `json:"digest,omitempty"`
	Summary  Summary                `json:"summary"`
	Stages   []stageRecord          `json:"stages"`
	Hooks    []hookRecord           `json:"hooks,omitempty"`
	Outputs  []lockstep.FieldChange `json:"outputs,omitempty"`
	Drifted  []driftRecord          `json:"drifted,omitempty"`
	Notes    []noteRecord           `json:"notes,omitempty"`
	Gates    []gateRecord           `json:"gates,omitempty"`
}

type revisionRecord struct {
	Commit  string `json:"commit"`
	Ref     string `json:"ref,omitempty"`
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
}

type stageRecord struct {
	Name  string       `json:"name"`
	Wave  int          `json:"wave,omitempty"`
	Steps []stepRecord `json:"steps"`
}

type hookRecord struct {
	Object keyRecord `json:"object"`
	Phase  string    `json:"phase"`
	Event  string    `json:"event"`
	Wave   int       `json:"wave,omitempty"`
	File   string    `json:"file,omitempty"`
	Line   int       `json:"line,omitempty"`
	Digest string    `json:"digest"`
}

type keyRecord struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

type stepRecord struct {
	Verb    lockstep.Verb          `json:"verb"`
	Object  keyRecord              `json:"object"`
	Reason  string                 `json:"reason"`
	Changes []lockstep.FieldChange `json:"changes,omitempty"`
	File    string                 `json:"file,omitempty"`
	Line    int                    `json:"line,omitempty"`
	Digest  string                 `json:"digest,omitempty"`
	UID     string                 `json:"uid,omitempty"`
	Replace bool                   `json:"replace,omitempty"`
}

type driftRecord struct {
	Object  keyRecord              `json:"object"`
	Changes []lockstep.FieldChange `json:"changes"`
}

type noteRecord struct {
	Object keyRecord `json:"object"`
	Text   string    `json:"text"`
}

type gateRecord struct {
	Name   string `json:"name"`
	Open   bool   `json:"open"`
	Reason string `json:"reason,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

// MarshalJSON writes the stable form that people and programs read.
func (p Plan) MarshalJSON() ([]byte, error) { return json.Marshal(p.record()) }

// MarshalJSON writes a step as it stands in a plan, without its object.
func (s Step) MarshalJSON() ([]byte, error) { return json.Marshal(s.record()) }

func (p Plan) record() record {
	r := record{
		Unit: p.Unit.String(), Target: p.Target.String(), Digest: p.Digest, Summary: p.Summary(),
		Stages: []stageRecord{}, Outputs: p.Outputs,
	}
	if v := p.Revision; v.Commit != "" {
		r.Revision = &revisionRecord{v.Commit, v.Ref, v.Subject, v.Author}
	}
	for _, s := range p.Stages {
		stage := stageRecord{Name: s.Name, Wave: s.Wave, Steps: []stepRecord{}}
		for _, step := range s.Steps {
			stage.Steps = append(stage.Steps, step.record())
		}
		r.Stages = append(r.Stages, stage)
	}
	for _, h := range p.Hooks {
		r.Hooks = append(r.Hooks, hookRecord{
			Object: keyRecord(h.Key), Phase: h.Phase, Event: h.Event, Wave: h.Wave,
			File: h.Origin.File, Line: h.Origin.Line, Digest: h.Digest,
		})
	}
	for _, d := range p.Drifted {
		r.Drifted = append(r.Drifted, driftRecord{keyRecord(d.Key), d.Changes})
	}
	for _, n := range p.Notes {
		r.Notes = append(r.Notes, noteRecord{keyRecord(n.Key), n.Text})
	}
	for _, g := range p.Gates {
		r.Gates = append(r.Gates, gateRecord(g))
	}
	return r
}

func (s Step) record() stepRecord {
	return stepRecord{
		Verb: s.Verb, Object: keyRecord(s.Key), Reason: s.Reason, Changes: s.Changes,
		File: s.Desired.Origin.File, Line: s.Desired.Origin.Line,
		Digest: s.Digest, UID: s.UID, Replace: s.Replace,
	}
}

// digest covers what will be done and nothing else: unit, target, steps with
// their field changes and desired digests, gates. The commit, counts of what
// stays, notes and places in files are left out, so that an approval survives a
// commit that plans the same; sentences are left out, so that it survives a
// better wording.
func (p Plan) digest() string {
	r := p.record()
	r.Revision, r.Digest, r.Drifted, r.Notes = nil, "", nil, nil
	r.Summary = Summary{}
	for _, s := range r.Stages {
		for i := range s.Steps {
			s.Steps[i].File, s.Steps[i].Line, s.Steps[i].Reason = "", 0, ""
		}
	}
	for i := range r.Hooks {
		r.Hooks[i].File, r.Hooks[i].Line = "", 0
	}
	for i := range r.Gates {
		r.Gates[i].Reason, r.Gates[i].Hint = "", ""
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic("plan: its own record does not marshal: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

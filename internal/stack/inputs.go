package stack

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// OutputsName is the Secret, beside a Stack, that holds what it hands on.
func OutputsName(stack string) string { return "lockstep-outputs-" + stack }

// outputsAbout is the key of that Secret under which the others are described. It can
// be no output's name.
const outputsAbout = ".outputs"

// aboutOutput is what is said of one output.
type aboutOutput struct {
	Type      json.RawMessage `json:"type,omitempty"`
	Sensitive bool            `json:"sensitive,omitempty"`
}

// OutputsData is the Secret's content: a string as it is, so that a pod can take it as
// a variable, anything else as JSON.
func OutputsData(outputs map[string]driver.Output) map[string][]byte {
	data, about := make(map[string][]byte, len(outputs)+1), make(map[string]aboutOutput, len(outputs))
	for name, o := range outputs {
		data[name] = o.Value
		var s string
		if json.Unmarshal(o.Value, &s) == nil {
			data[name] = []byte(s)
		}
		about[name] = aboutOutput{Type: o.Type, Sensitive: o.Sensitive}
	}
	raw, err := json.Marshal(about)
	if err != nil {
		panic("stack: what a tool said to be JSON is none: " + err.Error())
	}
	data[outputsAbout] = raw
	return data
}

// ParseOutputs reads what OutputsData wrote.
func ParseOutputs(data map[string][]byte) (map[string]driver.Output, error) {
	about := map[string]aboutOutput{}
	if err := json.Unmarshal(data[outputsAbout], &about); err != nil {
		return nil, fault.Invalid("its key %q is no JSON", outputsAbout).Because(err).WithHint("Lockstep writes this Secret; ask for a pass to have it written anew: lockstep reconcile")
	}
	out := make(map[string]driver.Output, len(about))
	for name, a := range about {
		v, there := data[name]
		if !there {
			continue
		}
		o := driver.Output{Value: v, Type: a.Type, Sensitive: a.Sensitive}
		if string(a.Type) == `"string"` || !json.Valid(v) {
			o.Value, _ = json.Marshal(string(v)) // a string always marshals
		}
		out[name] = o
	}
	return out, nil
}

// input is an output of another Stack under the name that it has here.
type input struct {
	as   string
	from string // "output vpc_id of stack payments/network"
	driver.Output
}

// raw is the value as text: a string as it is, anything else as JSON.
func (i input) raw() string {
	var s string
	if json.Unmarshal(i.Value, &s) == nil {
		return s
	}
	return string(i.Value)
}

// inputs finds the outputs that s uses. One that is not there yet is KindWaiting:
// it is known after its Stack applies.
func inputs(ctx context.Context, l Lookup, s *v1alpha1.Stack) ([]input, error) {
	var out []input
	var errs []error
	for _, in := range s.Spec.Inputs {
		got, err := oneInput(ctx, l, s, in)
		errs = append(errs, err)
		out = append(out, got)
	}
	return out, fault.Join(errs...)
}

func oneInput(ctx context.Context, l Lookup, s *v1alpha1.Stack, in v1alpha1.Input) (input, error) {
	from := named(s, in.From)
	if from.Namespace != s.Namespace {
		return input{}, fault.Denied("spec.inputs: output %q of stack %q is in another namespace", in.Output, from).
			WithHint("outputs may be secrets, and are for Stacks of their own namespace only")
	}
	out := input{as: in.As, from: "output " + in.Output + " of stack " + from.String()}
	if out.as == "" {
		out.as = in.Output
	}
	data, err := l.Secret(ctx, from.Namespace, OutputsName(from.Name))
	if errors.Is(err, fault.KindNotFound) {
		return out, unknownYet(in.Output, from)
	}
	if err != nil {
		return out, err
	}
	all, err := ParseOutputs(data)
	if err != nil {
		return out, fault.As(err).At("Secret %s/%s", from.Namespace, OutputsName(from.Name))
	}
	o, there := all[in.Output]
	if !there {
		return out, unknownYet(in.Output, from).WithHint("it has: %s", strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	out.Output = o
	return out, nil
}

// ErrUnknown is why an input has no value yet.
var ErrUnknown = errors.New("known after apply")

func unknownYet(output string, from lockstep.Unit) *fault.Fault {
	return fault.NotFound("output %q is known after %s applies", output, from).Because(ErrUnknown)
}

// feed hands inputs to what is rendered: to a chart as values, else as variables that
// are substituted.
func feed(req *render.Request, ins []input) {
	for _, in := range ins {
		if req.Helm != nil {
			req.Helm.ValuesFrom = append(req.Helm.ValuesFrom, render.ResolvedValues{From: in.from, TargetPath: in.as, Data: []byte(in.raw()), Secret: in.Sensitive})
			continue
		}
		if req.Substitute == nil {
			req.Substitute = &render.SubstituteSpec{Vars: map[string]string{}, Strict: true}
		}
		req.Substitute.Vars[in.as] = in.raw()
	}
}

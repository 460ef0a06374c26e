package state

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Content is what can be told of a state without telling a value of it.
type Content struct {
	Lineage string
	Serial  int64
	Tool    string
	// Sealed: the tool encrypts its state itself, and more is not known.
	Sealed    bool
	Resources []Resource // sorted by address
	Outputs   []Output   // sorted by name
}

// Resource is one object that a state knows.
type Resource struct {
	Address  string
	Module   string
	Mode     string // managed or data
	Type     string
	Name     string
	Provider string
	// Deposed is the key of an object that a create-before-destroy left behind.
	Deposed string
	Tainted bool

	attributes map[string]json.RawMessage
}

// Output is one output of a state, without its value.
type Output struct {
	Name      string
	Type      string // as the tool has it, JSON: "string", ["list","string"]
	Sensitive bool

	value json.RawMessage
}

// file is the part of the tools' format that is looked at.
type file struct {
	Version   *int64          `json:"version"`
	Tool      string          `json:"terraform_version"`
	Serial    *int64          `json:"serial"`
	Lineage   string          `json:"lineage"`
	Sealed    json.RawMessage `json:"encrypted_data"`
	Outputs   map[string]fileOutput
	Resources []fileResource
}

type fileOutput struct {
	Value     json.RawMessage
	Type      json.RawMessage
	Sensitive bool
}

type fileResource struct {
	Module    string
	Mode      string
	Type      string
	Name      string
	Provider  string
	Instances []fileInstance
}

type fileInstance struct {
	IndexKey   json.RawMessage `json:"index_key"`
	Deposed    string
	Status     string
	Attributes map[string]json.RawMessage
	Flat       map[string]json.RawMessage `json:"attributes_flat"`
}

// Parse reads a state. Whatever cannot be one is refused, and the error says nothing
// of what is in it.
func Parse(raw []byte) (Content, error) {
	f, err := parse(raw)
	if err != nil {
		return Content{}, err
	}
	c := Content{Lineage: f.Lineage, Serial: *f.Serial, Tool: short(f.Tool), Sealed: len(f.Sealed) > 0}
	for _, r := range f.Resources {
		for _, i := range r.Instances {
			c.Resources = append(c.Resources, r.at(i))
		}
	}
	slices.SortStableFunc(c.Resources, func(a, b Resource) int {
		if n := strings.Compare(a.Address, b.Address); n != 0 {
			return n
		}
		return strings.Compare(a.Deposed, b.Deposed)
	})
	for name, o := range f.Outputs {
		c.Outputs = append(c.Outputs, Output{Name: name, Type: string(o.Type), Sensitive: o.Sensitive, value: o.Value})
	}
	slices.SortFunc(c.Outputs, func(a, b Output) int { return strings.Compare(a.Name, b.Name) })
	return c, nil
}

// maxLineage bounds a lineage, a UUID as a rule.
const maxLineage = 200

func parse(raw []byte) (file, error) {
	bad := func(why string) error {
		return fault.Invalid("this is no state of OpenTofu or Terraform: %s", why)
	}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return f, bad("it cannot be read as JSON of one")
	}
	switch {
	case f.Serial == nil || *f.Serial < 0:
		return f, bad("it has no serial")
	case f.Lineage == "" || len(f.Lineage) > maxLineage:
		return f, bad("it has no lineage")
	case f.Version == nil && len(f.Sealed) == 0:
		return f, bad("it has no version of its format")
	case f.Version != nil && *f.Version != 4:
		return f, bad("its format has version " + strconv.FormatInt(*f.Version, 10) + ", and only 4 is known")
	}
	return f, nil
}

func (r fileResource) at(i fileInstance) Resource {
	address := r.Type + "." + r.Name
	if r.Mode == "data" {
		address = "data." + address
	}
	if r.Module != "" {
		address = r.Module + "." + address
	}
	attributes := i.Attributes
	if attributes == nil {
		attributes = i.Flat
	}
	return Resource{
		Address: address + index(i.IndexKey), Module: r.Module, Mode: r.Mode, Type: r.Type, Name: r.Name, Provider: provider(r.Provider),
		Deposed: i.Deposed, Tainted: i.Status == "tainted", attributes: attributes,
	}
}

// index returns a key of count or for_each as it is written in an address.
func index(key json.RawMessage) string {
	if len(key) == 0 || string(key) == "null" {
		return ""
	}
	var s string
	if json.Unmarshal(key, &s) == nil {
		return "[" + strconv.Quote(s) + "]"
	}
	var n json.Number
	if json.Unmarshal(key, &n) == nil {
		return "[" + n.String() + "]"
	}
	return "[?]"
}

// provider returns hashicorp/aws of provider["registry.terraform.io/hashicorp/aws"].
func provider(s string) string {
	_, rest, ok := strings.Cut(s, `provider["`)
	if !ok {
		return s
	}
	address, _, _ := strings.Cut(rest, `"]`)
	return address
}

// Count returns how many resources a content has; -1 if nobody can know.
func (c Content) Count() int {
	if c.Sealed {
		return -1
	}
	n := 0
	for _, r := range c.Resources {
		if r.Mode != "data" {
			n++
		}
	}
	return n
}

// withSerial returns a state as it is, under another serial.
func withSerial(raw []byte, serial int64) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fault.Invalid("this is no state of OpenTofu or Terraform")
	}
	if len(members["encrypted_data"]) > 0 {
		return nil, fault.Invalid("the tool has encrypted it, and its serial is a part of that").
			WithHint("take it out with lockstep state pull --version, and give it to the tool: tofu state push")
	}
	members["serial"] = json.RawMessage(strconv.FormatInt(serial, 10))
	out, err := json.Marshal(members)
	if err != nil {
		return nil, fault.Internal(err)
	}
	// A reader that takes "Serial" for it, too, must not see another one.
	if f, err := parse(out); err != nil || *f.Serial != serial {
		return nil, fault.Invalid("its serial is there twice")
	}
	return out, nil
}

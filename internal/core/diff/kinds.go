package diff

import (
	"regexp"

	"k8s.io/apimachinery/pkg/api/resource"
)

// candidates are the keys by which items of a list may be matched, by the
// list's name, best first. They are those of the built-in kinds' schemas; a list
// that is not here is matched by name or key when every item has a unique one.
var candidates = map[string][][]string{
	"ports":                     {{"containerPort", "protocol"}, {"port", "protocol"}, {"name"}},
	"volumeMounts":              {{"mountPath"}},
	"volumeDevices":             {{"devicePath"}},
	"hostAliases":               {{"ip"}},
	"topologySpreadConstraints": {{"topologyKey", "whenUnsatisfiable"}},
	"conditions":                {{"type"}},
	"conditionTypes":            {{"conditionType"}},
	"readinessGates":            {{"conditionType"}},
	"ownerReferences":           {{"uid"}},
	"podIPs":                    {{"ip"}},
	"addresses":                 {{"type", "address"}},
	"taints":                    {{"key", "effect"}},
	"matchExpressions":          nil, // two rules for one key are lawful
	"tolerations":               nil,
}

var usual = [][]string{{"name"}, {"key"}}

// defaults of key fields that people leave out.
var keyDefaults = map[string]any{"protocol": "TCP", "whenUnsatisfiable": "DoNotSchedule"}

// mergeKeys returns the names by which the items of both lists can be matched
// one to one; false where only the index is left.
func mergeKeys(at path, from, to []any) ([]string, bool) {
	sets, known := candidates[at.last()]
	if !known {
		sets = usual
	}
	for _, names := range sets {
		if unique(from, names) && unique(to, names) {
			return names, len(from)+len(to) > 0
		}
	}
	return nil, false
}

func unique(list []any, names []string) bool {
	seen := make(map[string]bool, len(list))
	for _, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			return false
		}
		keys := keysOf(m, names)
		if len(keys) != len(names) {
			return false
		}
		id := string(canonicalKeys(keys))
		if seen[id] {
			return false
		}
		seen[id] = true
	}
	return true
}

// keysOf returns m's values of names, defaults filled in; fewer than names when
// one is absent or no scalar.
func keysOf(m map[string]any, names []string) []keyValue {
	out := make([]keyValue, 0, len(names))
	for _, n := range names {
		v := m[n]
		if v == nil {
			v = keyDefaults[n]
		}
		switch v.(type) {
		case string, int64, int, float64, bool:
			out = append(out, keyValue{n, v})
		}
	}
	return out
}

// quantityMaps are the maps whose values are quantities wherever they occur in
// built-in kinds.
var quantityMaps = map[string]bool{
	"limits": true, "requests": true, "capacity": true, "hard": true, "allocatable": true,
	"default": true, "defaultRequest": true, "max": true, "min": true, "podFixed": true,
}

// quantityFields are single fields that hold one.
var quantityFields = map[string]bool{"sizeLimit": true, "divisor": true, "averageValue": true, "storage": true}

// sameQuantity says whether two spellings mean one amount, where an amount is
// meant: "1000m" and 1, "1Gi" and "1024Mi". A label "1Gi" stays text.
func (w *changeWalk) sameQuantity(a, b any, at path) bool {
	if !quantityFields[at.last()] && !quantityMaps[at.nth(2)] {
		return false
	}
	x, ok := quantity(a)
	y, both := quantity(b)
	return ok && both && x.Cmp(y) == 0
}

func quantity(v any) (resource.Quantity, bool) {
	s, ok := v.(string)
	if !ok {
		if _, isNumber := number(v); !isNumber {
			return resource.Quantity{}, false
		}
		s = string(Canonical(v))
	}
	if !amount.MatchString(s) {
		return resource.Quantity{}, false
	}
	q, err := resource.ParseQuantity(s)
	return q, err == nil
}

// amount is what a person would write for a quantity. Comparing amounts takes
// memory in proportion to the power of ten, so a hostile "1e999999999" must not
// get that far.
var amount = regexp.MustCompile(`^[+-]?[0-9.]{1,30}([eE][+-]?[0-9]{1,2}|[a-zA-Z]{1,2})?$`)

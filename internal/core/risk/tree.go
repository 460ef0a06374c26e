package risk

import (
	"maps"
	"slices"
)

// at returns what is at a path of maps, nil if nothing is.
func at(tree map[string]any, path ...string) any {
	var v any = tree
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func text(tree map[string]any, path ...string) string {
	s, _ := at(tree, path...).(string)
	return s
}

// number returns a whole number of at least 0, or -1.
func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return -1
}

// volumes returns the volumes of a pod or of the pods that a workload makes, by
// name.
func volumes(tree map[string]any) map[string]any {
	out := map[string]any{}
	for _, path := range [][]string{{"spec", "volumes"}, {"spec", "template", "spec", "volumes"}, {"spec", "jobTemplate", "spec", "template", "spec", "volumes"}} {
		list, _ := at(tree, path...).([]any)
		for _, v := range list {
			if m, ok := v.(map[string]any); ok {
				out[text(m, "name")] = m
			}
		}
	}
	return out
}

func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

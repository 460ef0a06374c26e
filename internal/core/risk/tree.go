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
	case int:
		return int64(n)
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
	for _, path := range podSpecs {
		spec, _ := at(tree, path...).(map[string]any)
		for _, m := range elements(spec["volumes"]) {
			out[text(m, "name")] = m
		}
	}
	return out
}

func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// podSpecs are where the spec of pods is, in a pod and in what makes pods.
var podSpecs = [][]string{{"spec"}, {"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}}

// mount is where a container has a volume.
type mount struct{ container, path, sub string }

// mounts returns where containers have a volume.
func mounts(tree map[string]any, volume string) []mount {
	var out []mount
	for _, path := range podSpecs {
		spec, _ := at(tree, path...).(map[string]any)
		for _, kind := range []string{"initContainers", "containers"} {
			for _, c := range elements(spec[kind]) {
				for _, m := range elements(c["volumeMounts"]) {
					if text(m, "name") == volume {
						out = append(out, mount{text(c, "name"), text(m, "mountPath"), text(m, "subPath")})
					}
				}
			}
		}
	}
	return out
}

// versions returns those of a custom resource definition, by name.
func versions(tree map[string]any) map[string]any {
	out := map[string]any{}
	for _, v := range elements(at(tree, "spec", "versions")) {
		out[text(v, "name")] = v
	}
	return out
}

// elements returns the elements of a list that are maps.
func elements(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

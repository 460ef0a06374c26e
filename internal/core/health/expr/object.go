package expr

// Object is what an expression is evaluated for.
type Object struct{ vars map[string]any }

// Bind prepares an object for any number of expressions. The tree is not changed
// and must not be while the Object is in use.
func Bind(tree map[string]any) Object {
	if tree == nil {
		tree = map[string]any{}
	}
	return Object{vars: map[string]any{
		"self":       tree,
		nameObject:   tree,
		"metadata":   part(tree, "metadata"),
		"spec":       part(tree, "spec"),
		"status":     part(tree, "status"),
		"conditions": conditions(tree),
	}}
}

// part returns a part of the object that is a map, an empty one for any other.
func part(tree map[string]any, name string) map[string]any {
	if m, ok := tree[name].(map[string]any); ok && m != nil {
		return m
	}
	return map[string]any{}
}

func conditions(tree map[string]any) []any {
	list, _ := part(tree, "status")["conditions"].([]any)
	out := make([]any, 0, len(list))
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// fields are those of a condition.
var fields = [...]string{"type", "status", "reason", "message", "lastTransitionTime"}

// condition returns the condition of a type with every field, empty where it is
// not there or no text.
func condition(tree map[string]any, kind string) map[string]any {
	out := map[string]any{"observedGeneration": int64(0)}
	for _, f := range fields {
		out[f] = ""
	}
	list, _ := part(tree, "status")["conditions"].([]any)
	for _, c := range list {
		m, _ := c.(map[string]any)
		if m["type"] != kind {
			continue
		}
		for _, f := range fields {
			if s, ok := m[f].(string); ok {
				out[f] = s
			}
		}
		if n, ok := m["observedGeneration"].(int64); ok {
			out["observedGeneration"] = n
		}
		break
	}
	return out
}
